package fake

import (
	"fmt"
	"strings"
)

// Doc is the catalogue as a Markdown page, docs/fake.md.
func Doc() string {
	var b strings.Builder
	b.WriteString(docHead)
	for _, s := range Scenarios() {
		fmt.Fprintf(&b, "\n### `%s`\n\n%s.\n", s.Name, s.What)
		if len(s.Options) == 0 {
			continue
		}
		b.WriteString("\n| option | default | meaning |\n| --- | --- | --- |\n")
		for _, o := range s.Options {
			def := o.Default
			if def != "" {
				def = "`" + def + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", o.Name, def, o.What)
		}
	}
	return b.String()
}

const docHead = "# The scripted upstream\n\n" +
	"`tidegate fake --listen 127.0.0.1:9090` plays the APIs of OpenAI, Anthropic and Gemini. It needs no account, costs nothing, and does what\n" +
	"the model name of a request says: answer, or fail in a chosen way. The provider `demo` is the same server inside the gateway: `demo/chat`\n" +
	"is its scenario `chat`.\n\n" +
	"<!-- Written by the test of internal/fake with -update; edit catalogue.go and doc.go instead. -->\n\n" +
	"| dialect | endpoints | key |\n| --- | --- | --- |\n" +
	"| OpenAI Chat | `POST /v1/chat/completions` | `Authorization: Bearer` (or Azure's `api-key`) |\n" +
	"| OpenAI Responses | `POST /v1/responses` | the same |\n" +
	"| OpenAI embeddings and models | `POST /v1/embeddings`, `GET /v1/models` | the same |\n" +
	"| Anthropic | `POST /v1/messages`, `POST /v1/messages/count_tokens`, `GET /v1/models` with `anthropic-version` | `x-api-key` |\n" +
	"| Gemini | `POST /v1beta/models/MODEL:generateContent`, `:streamGenerateContent` (with `alt=sse`, or as a JSON array), `:countTokens`, `:embedContent`, `:batchEmbedContents`, `GET /v1beta/models` | `x-goog-api-key` |\n\n" +
	"Any key will do; a request without one in its dialect's own place is refused as the vendor would. So are requests that break the vendors'\n" +
	"rules: tool results without their calls, missing required members, altered reasoning.\n\n" +
	"`GET /_fake/requests` lists the last 1000 requests with their times, headers (keys masked), bodies, what was answered, and when the client\n" +
	"went away. `POST /_fake/reset` forgets them, and the counters of `fail`.\n\n" +
	"```sh\n" +
	"curl -s http://127.0.0.1:9090/v1/chat/completions -H 'Authorization: Bearer any' \\\n" +
	"  -d '{\"model\":\"echo+latency:ms=50+usage:in=10,out=5\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'\n" +
	"```\n\n" +
	"## Scenarios\n\n" +
	"A model name is one scenario or several joined by `+`; options follow a colon, joined by commas: `chat+stream:chunks=100,gap=20ms`. A text that\n" +
	"must last for a fault to happen (`cut:after=50`) is cut into more pieces, or repeated, until it does.\n"
