package front

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"tidegate/internal/dialect"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// refuse answers a request that never became an exchange. There is no surface yet, so the shape is OpenAI's.
func (f *Front) refuse(w http.ResponseWriter, _ *http.Request, code int, word, message string) {
	codec, _ := dialect.For(llm.OpenAIChat)
	writeError(w, codec, &llm.Error{Class: llm.BadRequest, Status: code, Code: word, Message: message})
}

func writeError(w http.ResponseWriter, codec dialect.Codec, err *llm.Error) {
	sendError(w, err, errorBody(codec, err))
}

// errorBody is the upstream's own words for a client that speaks its dialect, else ours. What an upstream says of our
// credential is never passed on.
func errorBody(codec dialect.Codec, err *llm.Error) []byte {
	if err.Dialect == codec.Dialect() && err.Class != llm.Credential && len(err.Raw) > 0 && rawjson.Check(err.Raw) == nil {
		return err.Raw
	}
	return codec.EncodeError(err)
}

func sendError(w http.ResponseWriter, err *llm.Error, body []byte) {
	h := w.Header()
	if err.Class != llm.Credential || err.Dialect == "" {
		relayHeaders(h, err.Header)
	}
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	if err.RetryAfter > 0 && h["Retry-After"] == nil {
		seconds := int64((err.RetryAfter + 999_999_999) / 1_000_000_000)
		h["Retry-After"] = []string{strconv.FormatInt(seconds, 10)}
	}
	w.WriteHeader(err.HTTPStatus())
	_, _ = w.Write(body) // the client left: nobody to tell
}

// relayed are the upstream's headers that SDKs read, by name or by prefix. Anything else may name accounts and hosts.
var relayed = struct {
	names    []string
	prefixes []string
}{
	names: []string{
		"Retry-After", "Retry-After-Ms", "X-Should-Retry", "X-Request-Id", "Request-Id", "Openai-Processing-Ms", "Openai-Version",
		"Openai-Model", "X-Groq-Region",
	},
	prefixes: []string{"X-Ratelimit-", "Anthropic-Ratelimit-", "X-Ms-Rai-"},
}

func relayHeaders(dst, src http.Header) {
	for _, name := range relayed.names {
		if v := src[name]; len(v) > 0 {
			dst[name] = v
		}
	}
	for name, v := range src {
		for _, prefix := range relayed.prefixes {
			if strings.HasPrefix(name, prefix) {
				dst[name] = v
			}
		}
	}
}

func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
