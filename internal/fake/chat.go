package fake

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// chat is OpenAI's Chat Completions API. Reasoning comes as reasoning_content, as DeepSeek and others send it, since OpenAI
// itself shows none here.
type chat struct{}

func (chat) credential(h http.Header) string {
	if key, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer "); ok {
		return key
	}
	return h.Get("Api-Key") // Azure's
}

func (chat) admit(*http.Request) *fault    { return nil }
func (chat) retry() retryPlace             { return retryHeader }
func (chat) phrases() map[why]phrase       { return openaiPhrases }
func (chat) eventType(*ask) []string       { return sseType }
func (chat) head(h http.Header, id string) { openaiHead(h, id) }

var openaiHeaders = map[string][]string{
	"Openai-Version":                 {"2020-10-01"},
	"Openai-Processing-Ms":           {"1"},
	"X-Ratelimit-Limit-Requests":     {"10000"},
	"X-Ratelimit-Limit-Tokens":       {"10000000"},
	"X-Ratelimit-Remaining-Requests": {"9999"},
	"X-Ratelimit-Remaining-Tokens":   {"9999000"},
	"X-Ratelimit-Reset-Requests":     {"6ms"},
	"X-Ratelimit-Reset-Tokens":       {"6ms"},
}

func openaiHead(h http.Header, id string) {
	maps.Copy(h, openaiHeaders)
	h["X-Request-Id"] = []string{"req_" + id}
}

type chatRequest struct {
	Model               string         `json:"model"`
	Messages            []chatMessage  `json:"messages"`
	Stream              bool           `json:"stream"`
	StreamOptions       *streamOptions `json:"stream_options"`
	MaxTokens           int64          `json:"max_tokens"`
	MaxCompletionTokens int64          `json:"max_completion_tokens"`
	N                   int            `json:"n"`
	Tools               []chatTool     `json:"tools"`
	ToolChoice          jsontext.Value `json:"tool_choice"`
	ResponseFormat      struct {
		Type       string `json:"type"`
		JSONSchema struct {
			Schema jsontext.Value `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type chatTool struct {
	Type     string `json:"type"`
	Function struct {
		Name        string         `json:"name"`
		Description string         `json:"description"`
		Parameters  jsontext.Value `json:"parameters"`
	} `json:"function"`
}

type chatMessage struct {
	Role             string         `json:"role"`
	Content          jsontext.Value `json:"content"`
	ReasoningContent *string        `json:"reasoning_content"`
	ToolCallID       string         `json:"tool_call_id"`
	ToolCalls        []struct {
		ID       string `json:"id"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

func (chat) read(s *Server, _ *http.Request, body []byte) (*ask, *fault) {
	var q chatRequest
	if f := decode(body, &q); f != nil {
		return nil, f
	}
	if len(q.Messages) == 0 {
		return nil, bad("messages", "Invalid 'messages': empty array. Expected an array with minimum length 1.")
	}
	if q.StreamOptions != nil && !q.Stream {
		return nil, bad("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	}
	a := &ask{model: q.Model, stream: q.Stream, usage: q.StreamOptions != nil && q.StreamOptions.IncludeUsage,
		max: max(q.MaxTokens, q.MaxCompletionTokens), n: max(1, min(q.N, 128)),
		json: strings.HasPrefix(q.ResponseFormat.Type, "json"), schema: q.ResponseFormat.JSONSchema.Schema,
		choice: openaiChoice(q.ToolChoice)}
	for _, t := range q.Tools {
		if t.Type == "function" {
			a.tools = append(a.tools, tool{t.Function.Name, t.Function.Parameters})
			a.bytes += len(t.Function.Name) + len(t.Function.Description) + len(t.Function.Parameters)
		}
	}
	return a, chatHistory(s, a, q.Messages)
}

// chatHistory goes through the messages: tool results must answer the calls before them, all of them and nothing else.
func chatHistory(s *Server, a *ask, messages []chatMessage) *fault {
	open := map[string]bool{}
	for i, m := range messages {
		at := fmt.Sprintf("messages.[%d]", i)
		text := partsText(m.Content)
		a.bytes += len(text)
		if m.Role != "tool" && len(open) > 0 {
			return unanswered(at, open)
		}
		switch m.Role {
		case "system", "developer", "function":
		case "user":
			a.user, a.rounds, a.missing = text, 0, nil
		case "assistant":
			for _, c := range m.ToolCalls {
				open[c.ID] = true
				a.bytes += len(c.Function.Name) + len(c.Function.Arguments)
			}
			if len(m.ToolCalls) > 0 {
				a.rounds++
			}
			thoughtful(s, a, at, m)
		case "tool":
			if !open[m.ToolCallID] {
				return bad(at+".role", "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.")
			}
			delete(open, m.ToolCallID)
		default:
			return bad(at+".role", fmt.Sprintf("Invalid value: '%s'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.", m.Role))
		}
	}
	if len(open) > 0 {
		return unanswered("messages", open)
	}
	return nil
}

func unanswered(at string, open map[string]bool) *fault {
	ids := make([]string, 0, len(open))
	for id := range open {
		ids = append(ids, id)
	}
	return bad(at, "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: "+strings.Join(ids, ", "))
}

// thoughtful is DeepSeek's rule: within a turn that uses tools, reasoning_content comes back, and unchanged.
func thoughtful(s *Server, a *ask, at string, m chatMessage) {
	switch {
	case m.ReasoningContent == nil && len(m.ToolCalls) > 0:
		a.missing = bad(at+".reasoning_content", "Missing `reasoning_content` in an assistant message with tool calls.")
	case m.ReasoningContent != nil && !s.pondered(*m.ReasoningContent):
		a.altered = bad(at+".reasoning_content", "The `reasoning_content` is not what was sent.")
	}
}

// openaiChoice reads tool_choice in the forms of Chat and Responses.
func openaiChoice(v jsontext.Value) choice {
	var word string
	if decode(v, &word) == nil {
		if word == "required" {
			word = "any"
		}
		return choice{mode: word}
	}
	var named struct {
		Name     string `json:"name"`
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	if len(v) == 0 || decode(v, &named) != nil || named.Name+named.Function.Name == "" {
		return choice{mode: "auto"}
	}
	return choice{mode: "any", name: named.Name + named.Function.Name}
}

// partsText joins the text of a content that is a string or a list of parts.
func partsText(v jsontext.Value) string {
	if len(v) == 0 || v[0] == 'n' {
		return ""
	}
	var text string
	if v[0] == '"' {
		_ = decode(v, &text)
		return text
	}
	var parts []struct {
		Text    string         `json:"text"`
		Content jsontext.Value `json:"content"`
	}
	if decode(v, &parts) != nil {
		return ""
	}
	var all strings.Builder
	for _, p := range parts {
		all.WriteString(p.Text)
		all.WriteString(partsText(p.Content))
	}
	return all.String()
}

var chatFinish = [...]string{stopped: "stop", called: "tool_calls", length: "length", filtered: "content_filter", refused: "stop"}

func (chat) whole(dst []byte, a *ask, p *reply) []byte {
	dst = append(dst, `{"id":"chatcmpl-`...)
	dst = append(dst, p.id...)
	dst = append(dst, `","object":"chat.completion","created":`...)
	dst = strconv.AppendInt(dst, p.created, 10)
	dst = append(dst, `,"model":`...)
	dst = quote(dst, p.model)
	dst = append(dst, `,"choices":[`...)
	for i := range a.n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"index":`...)
		dst = strconv.AppendInt(dst, int64(i), 10)
		dst = append(dst, `,"message":`...)
		dst = chatAnswer(dst, p)
		dst = append(dst, `,"logprobs":null,"finish_reason":"`...)
		dst = append(dst, chatFinish[p.finish]...)
		dst = append(dst, `"}`...)
	}
	dst = append(dst, ']')
	if !p.noUsage {
		dst = chatUsage(append(dst, `,"usage":`...), p.usage)
	}
	return append(dst, `,"service_tier":"default","system_fingerprint":"fp_fa4e000000"}`...)
}

func chatAnswer(dst []byte, p *reply) []byte {
	content, refusal := p.text, ""
	if p.finish == refused {
		content, refusal = "", p.text
	}
	dst = append(dst, `{"role":"assistant","content":`...)
	dst = orNull(dst, content, len(p.calls) == 0 && p.finish != refused)
	if p.thought != "" {
		dst = quote(append(dst, `,"reasoning_content":`...), p.thought)
	}
	dst = append(dst, `,"refusal":`...)
	dst = orNull(dst, refusal, false)
	for i, c := range p.calls {
		dst = append(dst, map[bool]string{true: `,"tool_calls":[`, false: `,`}[i == 0]...)
		dst = append(dst, `{"id":"call_`...)
		dst = append(dst, c.id...)
		dst = append(dst, `","type":"function","function":{"name":`...)
		dst = quote(dst, c.name)
		dst = append(dst, `,"arguments":`...)
		dst = quote(dst, c.args)
		dst = append(dst, `}}`...)
	}
	if len(p.calls) > 0 {
		dst = append(dst, ']')
	}
	return append(dst, `,"annotations":[]}`...)
}

// orNull appends text, or null where it is empty and need not be there.
func orNull(dst []byte, text string, must bool) []byte {
	if text == "" && !must {
		return append(dst, "null"...)
	}
	return quote(dst, text)
}

func chatUsage(dst []byte, u usage) []byte {
	return fmt.Appendf(dst, `{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":%d,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`,
		u.in, u.out, u.in+u.out, u.cached, u.reasoning)
}
