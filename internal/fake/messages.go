package fake

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// messages is Anthropic's Messages API.
type messages struct{}

func (messages) credential(h http.Header) string {
	if key := h.Get("X-Api-Key"); key != "" {
		return key
	}
	key, _ := strings.CutPrefix(h.Get("Authorization"), "Bearer ") // an OAuth token
	return key
}

func (messages) admit(r *http.Request) *fault {
	if r.Header.Get("Anthropic-Version") == "" {
		return bad("", "anthropic-version: header is required")
	}
	return nil
}

func (messages) phrases() map[why]phrase { return anthropicPhrases }
func (messages) retry() retryPlace       { return retryHeader }
func (messages) eventType(*ask) []string { return sseType }

var anthropicHeaders = map[string][]string{
	"Anthropic-Ratelimit-Requests-Limit":          {"10000"},
	"Anthropic-Ratelimit-Requests-Remaining":      {"9999"},
	"Anthropic-Ratelimit-Requests-Reset":          {"2026-11-24T00:00:00Z"},
	"Anthropic-Ratelimit-Input-Tokens-Limit":      {"10000000"},
	"Anthropic-Ratelimit-Input-Tokens-Remaining":  {"9999000"},
	"Anthropic-Ratelimit-Input-Tokens-Reset":      {"2026-11-24T00:00:00Z"},
	"Anthropic-Ratelimit-Output-Tokens-Limit":     {"2000000"},
	"Anthropic-Ratelimit-Output-Tokens-Remaining": {"1999000"},
	"Anthropic-Ratelimit-Output-Tokens-Reset":     {"2026-11-24T00:00:00Z"},
}

func (messages) head(h http.Header, id string) {
	maps.Copy(h, anthropicHeaders)
	h["Request-Id"] = []string{"req_" + id}
}

type messagesRequest struct {
	Model     string          `json:"model"`
	MaxTokens *int64          `json:"max_tokens"`
	System    jsontext.Value  `json:"system"`
	Messages  []turn          `json:"messages"`
	Stream    bool            `json:"stream"`
	Tools     []anthropicTool `json:"tools"`
	Choice    struct {
		Type string `json:"type"`
		Name string `json:"name"`
	} `json:"tool_choice"`
	OutputFormat outputFormat `json:"output_format"`
	OutputConfig struct {
		Format outputFormat `json:"format"`
	} `json:"output_config"`
}

type outputFormat struct {
	Type   string         `json:"type"`
	Schema jsontext.Value `json:"schema"`
}

type anthropicTool struct {
	Type        string         `json:"type"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	InputSchema jsontext.Value `json:"input_schema"`
}

type turn struct {
	Role    string         `json:"role"`
	Content jsontext.Value `json:"content"`
}

type block struct {
	Type      string         `json:"type"`
	Text      string         `json:"text"`
	Thinking  string         `json:"thinking"`
	Signature string         `json:"signature"`
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Input     jsontext.Value `json:"input"`
	ToolUseID string         `json:"tool_use_id"`
	Content   jsontext.Value `json:"content"`
}

func (messages) read(s *Server, r *http.Request, body []byte) (*ask, *fault) {
	var q messagesRequest
	if f := decode(body, &q); f != nil {
		return nil, f
	}
	counting := strings.HasSuffix(r.URL.Path, "/count_tokens")
	switch {
	case q.MaxTokens == nil && !counting:
		return nil, bad("", "max_tokens: Field required")
	case len(q.Messages) == 0:
		return nil, bad("", "messages: at least one message is required")
	}
	a := &ask{model: q.Model, stream: q.Stream, n: 1, bytes: len(partsText(q.System)), choice: choice{q.Choice.Type, q.Choice.Name}}
	if q.Choice.Type == "tool" {
		a.choice.mode = "any"
	}
	if q.MaxTokens != nil {
		a.max = *q.MaxTokens
	}
	for _, f := range []outputFormat{q.OutputFormat, q.OutputConfig.Format} {
		if f.Type == "json_schema" {
			a.json, a.schema = true, f.Schema
		}
	}
	for _, t := range q.Tools {
		if t.Type == "" || t.Type == "custom" {
			a.tools = append(a.tools, tool{t.Name, t.InputSchema})
			a.bytes += len(t.Name) + len(t.Description) + len(t.InputSchema)
		}
	}
	return a, messagesHistory(s, a, q.Messages)
}

// messagesHistory goes through the turns: every tool_use has its tool_result in the next turn, and no other is there.
func messagesHistory(s *Server, a *ask, turns []turn) *fault {
	var open []string
	for i := 0; i < len(turns); {
		first := i
		var blocks []block
		for ; i < len(turns) && turns[i].Role == turns[first].Role; i++ { // the vendor joins turns of the same role
			more, f := turns[i].blocks(i)
			if f != nil {
				return f
			}
			blocks = append(blocks, more...)
		}
		var f *fault
		switch turns[first].Role {
		case "user":
			f = userTurn(a, first, blocks, open)
			open = nil
		case "assistant":
			open = assistantTurn(s, a, first, blocks)
		case "system":
			for _, b := range blocks {
				a.bytes += len(b.Text)
			}
		default:
			f = bad("", fmt.Sprintf("messages.%d.role: Input should be 'user' or 'assistant'", first))
		}
		if f != nil {
			return f
		}
	}
	if len(open) > 0 {
		return noResult(len(turns)-1, open)
	}
	return nil
}

func (t *turn) blocks(i int) ([]block, *fault) {
	if len(t.Content) == 0 {
		return nil, bad("", fmt.Sprintf("messages.%d.content: Field required", i))
	}
	if t.Content[0] == '"' {
		return []block{{Type: "text", Text: partsText(t.Content)}}, nil
	}
	var blocks []block
	if f := decode(t.Content, &blocks); f != nil {
		f.msg = fmt.Sprintf("messages.%d.content.%s: %s", i, f.param, f.msg)
		return nil, f
	}
	return blocks, nil
}

func noResult(i int, ids []string) *fault {
	return bad("", fmt.Sprintf("messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s. Each `tool_use` block must have a corresponding `tool_result` block in the next message.", i, strings.Join(ids, ", ")))
}

func userTurn(a *ask, i int, blocks []block, open []string) *fault {
	wanted := map[string]bool{}
	for _, id := range open {
		wanted[id] = true
	}
	var text strings.Builder
	for j, b := range blocks {
		text.WriteString(b.Text)
		a.bytes += len(b.Text)
		if b.Type != "tool_result" {
			continue
		}
		if !wanted[b.ToolUseID] {
			return bad("", fmt.Sprintf("messages.%d.content.%d: unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", i, j, b.ToolUseID))
		}
		delete(wanted, b.ToolUseID)
		a.bytes += len(partsText(b.Content))
	}
	if len(wanted) > 0 {
		return noResult(i-1, open)
	}
	if len(open) == 0 {
		a.user, a.rounds, a.missing = text.String(), 0, nil
	}
	return nil
}

// assistantTurn returns the calls that wait for a result. Thinking must be as it was sent, and must stand before a tool_use.
func assistantTurn(s *Server, a *ask, i int, blocks []block) (open []string) {
	say := func(j int, msg string) *fault { return bad("", fmt.Sprintf("messages.%d.content.%d%s", i, j, msg)) }
	thought := false
	for j, b := range blocks {
		a.bytes += len(b.Text) + len(b.Name) + len(b.Input)
		switch b.Type {
		case "thinking":
			thought = true
			if b.Signature != s.seal(b.Thinking) {
				a.altered = say(j, ": Invalid `signature` in `thinking` block")
			}
		case "redacted_thinking":
			thought = true
		case "tool_use":
			open = append(open, b.ID)
			if !thought {
				a.missing = say(j, ".type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block.")
			}
		}
	}
	if len(open) > 0 {
		a.rounds++
	}
	return open
}

var anthropicPhrases = map[why]phrase{
	whyNoKey:      {401, "x-api-key header is required"},
	whyContext:    {400, "prompt is too long: 250000 tokens > 200000 maximum"},
	whyQuota:      {400, "Your credit balance is too low to access the Anthropic API."},
	whyPolicy:     {400, "Output blocked by content filtering policy"},
	whyAuth:       {401, "invalid x-api-key"},
	whyOverloaded: {529, "Overloaded"},
	whyNoModel:    {404, ""},
}

var anthropicTypes = map[int]string{
	400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
	404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error", 500: "api_error", 504: "timeout_error",
	529: "overloaded_error",
}

func (messages) fault(dst []byte, f *fault, id string) []byte {
	typ := anthropicTypes[f.status]
	switch {
	case typ == "" && f.status >= 500:
		typ = "api_error"
	case typ == "":
		typ = "invalid_request_error"
	}
	msg := f.msg
	if f.why == whyNoModel {
		msg = "model: " + f.param + ". " + msg
	}
	dst = append(append(append(dst, `{"type":"error","error":{"type":"`...), typ...), `","message":`...)
	dst = quote(dst, msg)
	return append(append(append(dst, `},"request_id":"req_`...), id...), `"}`...)
}

func (d messages) faultEvent(dst []byte, _ *ask, p *reply, f *fault, _ int) []byte {
	dst = d.fault(append(dst, "event: error\ndata: "...), f, p.id)
	return append(dst, "\n\n"...)
}

// countTokens is the endpoint that says how many tokens a request has; it agrees with the usage of the answer.
func countTokens(x *exchange, _ string, body []byte) *fault {
	a, f := x.dialect.read(x.server, x.r, body)
	if f != nil {
		return f
	}
	return x.number(a, func(dst []byte, n int64) []byte {
		return append(strconv.AppendInt(append(dst, `{"input_tokens":`...), n, 10), '}')
	})
}
