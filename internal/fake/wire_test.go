package fake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// The test's own client: it writes requests and reads answers of every surface, with none of the package's code.

// facts are what an answer says, whatever its dialect.
type facts struct {
	Text, Thought, Seal, Refusal string
	Calls                        []factCall
	Finish                       string
	In, Out, Cached, Write       int
	Reasoning                    int
	HasUsage                     bool
	Ended                        bool // the dialect's last word was there
	Err                          string
	Events                       []string // raw JSON of every event
	raw                          any      // the whole answer
}

type factCall struct{ ID, Name, Args string }

// question is a request before a surface writes it.
type question struct {
	model  string
	stream bool
	usage  bool // chat: include_usage
	max    int
	prompt string
	tools  []toolDef
	extra  map[string]any // top-level members
	// history after the prompt, in the surface's own form
	history []any
}

type toolDef struct {
	name   string
	schema string
}

var weather = toolDef{"get_weather", `{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer","minimum":1,"maximum":7},"unit":{"enum":["C","F"]}},"required":["city","unit"],"additionalProperties":false}`}
var noArgs = toolDef{"now", `{"type":"object","properties":{}}`}

type surface struct {
	name  string
	path  func(q question) string
	body  func(q question) map[string]any
	parse func(status int, body []byte, streamed bool) (facts, error)
}

func (s surface) request(base string, q question) *http.Request {
	b, err := json.Marshal(s.body(q))
	if err != nil {
		panic(err)
	}
	r, err := http.NewRequest("POST", base+s.path(q), bytes.NewReader(b))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/json")
	sign(s.name, r.Header, "key-1")
	return r
}

func sign(surface string, h http.Header, key string) {
	switch {
	case strings.HasPrefix(surface, "gemini"):
		h.Set("x-goog-api-key", key)
	case surface == "messages":
		h.Set("x-api-key", key)
		h.Set("anthropic-version", "2023-06-01")
	default:
		h.Set("Authorization", "Bearer "+key)
	}
}

// ask sends a question in process and reads the answer.
func (s surface) ask(t *testing.T, srv http.RoundTripper, q question) (*http.Response, []byte, facts) {
	t.Helper()
	resp, err := srv.RoundTrip(s.request("http://fake", q))
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: reading: %v", s.name, err)
	}
	f, err := s.parse(resp.StatusCode, body, q.stream && resp.StatusCode == 200)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", s.name, q.model, err, body)
	}
	return resp, body, f
}

func surfaces() []surface {
	return []surface{
		{"chat", func(question) string { return "/v1/chat/completions" }, chatBody, parseChat},
		{"responses", func(question) string { return "/v1/responses" }, responsesBody, parseResponses},
		{"messages", func(question) string { return "/v1/messages" }, messagesBody, parseMessages},
		{"gemini", func(q question) string { return geminiPath(q, "?alt=sse") }, geminiBody, parseGemini},
		{"gemini-array", func(q question) string { return geminiPath(q, "") }, geminiBody, parseGemini},
	}
}

func geminiPath(q question, form string) string {
	if q.stream {
		return "/v1beta/models/" + q.model + ":streamGenerateContent" + form
	}
	return "/v1beta/models/" + q.model + ":generateContent"
}

func with(m, extra map[string]any) map[string]any {
	maps.Copy(m, extra)
	return m
}

func chatBody(q question) map[string]any {
	m := map[string]any{"model": q.model, "stream": q.stream, "messages": append([]any{map[string]any{"role": "user", "content": q.prompt}}, q.history...)}
	if q.usage && q.stream {
		m["stream_options"] = map[string]any{"include_usage": true}
	}
	if q.max > 0 {
		m["max_completion_tokens"] = q.max
	}
	var tools []any
	for _, t := range q.tools {
		tools = append(tools, map[string]any{"type": "function", "function": map[string]any{"name": t.name, "parameters": json.RawMessage(t.schema)}})
	}
	if tools != nil {
		m["tools"] = tools
	}
	return with(m, q.extra)
}

func responsesBody(q question) map[string]any {
	m := map[string]any{"model": q.model, "stream": q.stream, "input": append([]any{map[string]any{"role": "user", "content": q.prompt}}, q.history...)}
	if q.max > 0 {
		m["max_output_tokens"] = q.max
	}
	var tools []any
	for _, t := range q.tools {
		tools = append(tools, map[string]any{"type": "function", "name": t.name, "parameters": json.RawMessage(t.schema)})
	}
	if tools != nil {
		m["tools"] = tools
	}
	return with(m, q.extra)
}

func messagesBody(q question) map[string]any {
	m := map[string]any{"model": q.model, "stream": q.stream, "max_tokens": max(q.max, 4096*boolInt(q.max == 0)),
		"messages": append([]any{map[string]any{"role": "user", "content": q.prompt}}, q.history...)}
	var tools []any
	for _, t := range q.tools {
		tools = append(tools, map[string]any{"name": t.name, "input_schema": json.RawMessage(t.schema)})
	}
	if tools != nil {
		m["tools"] = tools
	}
	return with(m, q.extra)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func geminiBody(q question) map[string]any {
	m := map[string]any{"contents": append([]any{map[string]any{"role": "user", "parts": []any{map[string]any{"text": q.prompt}}}}, q.history...)}
	if q.max > 0 {
		m["generationConfig"] = map[string]any{"maxOutputTokens": q.max}
	}
	var decl []any
	for _, t := range q.tools {
		decl = append(decl, map[string]any{"name": t.name, "parameters": json.RawMessage(t.schema)})
	}
	if decl != nil {
		m["tools"] = []any{map[string]any{"functionDeclarations": decl}}
	}
	return with(m, q.extra)
}

// sseEvent is one event of a stream.
type sseEvent struct{ name, data string }

func sseEvents(body []byte) []sseEvent {
	var all []sseEvent
	text := strings.ReplaceAll(string(body), "\r\n", "\n")
	for block := range strings.SplitSeq(text, "\n\n") {
		var e sseEvent
		for line := range strings.SplitSeq(block, "\n") {
			if v, ok := strings.CutPrefix(line, "event: "); ok {
				e.name = v
			}
			if v, ok := strings.CutPrefix(line, "data: "); ok {
				e.data += v
			}
		}
		if e.data != "" {
			all = append(all, e)
		}
	}
	return all
}

// dig walks into decoded JSON: names and indexes. A missing member is nil.
func dig(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func str(v any, path ...any) string { s, _ := dig(v, path...).(string); return s }
func num(v any, path ...any) int    { f, _ := dig(v, path...).(float64); return int(f) }
func list(v any, path ...any) []any { l, _ := dig(v, path...).([]any); return l }
func decodeAny(b []byte) (any, error) {
	var v any
	err := json.Unmarshal(b, &v)
	return v, err
}

func compact(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(b)
}

func (f *facts) chatUsage(u any) {
	if u == nil {
		return
	}
	f.HasUsage = true
	f.In, f.Out = num(u, "prompt_tokens"), num(u, "completion_tokens")
	f.Cached, f.Reasoning = num(u, "prompt_tokens_details", "cached_tokens"), num(u, "completion_tokens_details", "reasoning_tokens")
}

func parseChat(_ int, body []byte, streamed bool) (f facts, err error) {
	if !streamed {
		if f.raw, err = decodeAny(body); err != nil {
			return f, err
		}
		m := dig(f.raw, "choices", 0, "message")
		f.Text, f.Thought, f.Refusal = str(m, "content"), str(m, "reasoning_content"), str(m, "refusal")
		for _, c := range list(m, "tool_calls") {
			f.Calls = append(f.Calls, factCall{str(c, "id"), str(c, "function", "name"), str(c, "function", "arguments")})
		}
		f.Finish, f.Err, f.Ended = str(f.raw, "choices", 0, "finish_reason"), str(f.raw, "error", "message"), true
		f.chatUsage(dig(f.raw, "usage"))
		return f, nil
	}
	for _, e := range sseEvents(body) {
		if e.data == "[DONE]" {
			f.Ended = true
			continue
		}
		v, err := decodeAny([]byte(e.data))
		if err != nil {
			return f, err
		}
		f.Events = append(f.Events, e.data)
		f.Err += str(v, "error", "message")
		f.chatUsage(dig(v, "usage"))
		d := dig(v, "choices", 0, "delta")
		f.Text += str(d, "content")
		f.Thought += str(d, "reasoning_content")
		f.Refusal += str(d, "refusal")
		f.Finish += str(v, "choices", 0, "finish_reason")
		for _, c := range list(d, "tool_calls") {
			f.chatDelta(c)
		}
	}
	return f, nil
}

// chatDelta puts a piece of a call where it belongs: a name starts a call, a piece without one goes to its index.
func (f *facts) chatDelta(c any) {
	if name := str(c, "function", "name"); name != "" {
		f.Calls = append(f.Calls, factCall{str(c, "id"), name, str(c, "function", "arguments")})
		return
	}
	i := min(num(c, "index"), len(f.Calls)-1)
	if num(c, "index") == 0 { // same_index: to the last one
		for j := range f.Calls {
			if j > 0 && !strings.Contains(strings.Join(f.Events, ""), `"tool_calls":[{"index":1`) {
				i = j
			}
		}
	}
	f.Calls[i].Args += str(c, "function", "arguments")
}

func (f *facts) response(r any) {
	f.Finish = str(r, "status")
	if why := str(r, "incomplete_details", "reason"); why != "" {
		f.Finish += ":" + why
	}
	if u := dig(r, "usage"); u != nil {
		f.HasUsage = true
		f.In, f.Out = num(u, "input_tokens"), num(u, "output_tokens")
		f.Cached, f.Write = num(u, "input_tokens_details", "cached_tokens"), num(u, "input_tokens_details", "cache_write_tokens")
		f.Reasoning = num(u, "output_tokens_details", "reasoning_tokens")
	}
	for _, it := range list(r, "output") {
		switch str(it, "type") {
		case "reasoning":
			f.Thought, f.Seal = str(it, "summary", 0, "text"), str(it, "encrypted_content")
		case "message":
			f.Text += str(it, "content", 0, "text")
			f.Refusal += str(it, "content", 0, "refusal")
		case "function_call":
			f.Calls = append(f.Calls, factCall{str(it, "call_id"), str(it, "name"), str(it, "arguments")})
		}
	}
	f.raw = r
}

func parseResponses(_ int, body []byte, streamed bool) (f facts, err error) {
	if !streamed {
		v, err := decodeAny(body)
		f.response(v)
		f.Err, f.Ended = str(v, "error", "message"), true
		return f, err
	}
	var deltas facts
	args := map[string]string{}
	for i, e := range sseEvents(body) {
		v, err := decodeAny([]byte(e.data))
		if err != nil {
			return f, err
		}
		f.Events = append(f.Events, e.data)
		if str(v, "type") != e.name {
			return f, fmt.Errorf("event %s has type %s", e.name, str(v, "type"))
		}
		if num(v, "sequence_number") != i {
			return f, fmt.Errorf("event %d has number %d", i, num(v, "sequence_number"))
		}
		switch e.name {
		case "response.output_text.delta":
			deltas.Text += str(v, "delta")
		case "response.refusal.delta":
			deltas.Refusal += str(v, "delta")
		case "response.reasoning_summary_text.delta":
			deltas.Thought += str(v, "delta")
		case "response.function_call_arguments.delta":
			args[str(v, "item_id")] += str(v, "delta")
		case "response.function_call_arguments.done":
			if got := args[str(v, "item_id")]; got != str(v, "arguments") {
				return f, fmt.Errorf("deltas %q, done %q", got, str(v, "arguments"))
			}
		case "response.completed", "response.incomplete":
			f.Ended = true
			f.response(dig(v, "response"))
			if deltas.Text != f.Text || deltas.Refusal != f.Refusal || deltas.Thought != f.Thought {
				return f, fmt.Errorf("deltas %+v differ from the response", deltas)
			}
		case "response.failed":
			f.Err = str(v, "response", "error", "message")
		}
	}
	if !f.Ended {
		f.Text, f.Thought = deltas.Text, deltas.Thought
	}
	return f, nil
}

func (f *facts) anthropicUsage(u any) {
	if u == nil {
		return
	}
	f.HasUsage = true
	f.Cached, f.Write = num(u, "cache_read_input_tokens"), num(u, "cache_creation_input_tokens")
	f.In, f.Out = num(u, "input_tokens")+f.Cached+f.Write, num(u, "output_tokens")
	f.Reasoning = num(u, "output_tokens_details", "thinking_tokens")
}

func parseMessages(_ int, body []byte, streamed bool) (f facts, err error) {
	if !streamed {
		f.raw, err = decodeAny(body)
		for _, b := range list(f.raw, "content") {
			f.Text += str(b, "text")
			f.Thought += str(b, "thinking")
			f.Seal += str(b, "signature")
			if str(b, "type") == "tool_use" {
				f.Calls = append(f.Calls, factCall{str(b, "id"), str(b, "name"), compact(dig(b, "input"))})
			}
		}
		f.Finish, f.Err, f.Ended = str(f.raw, "stop_reason"), str(f.raw, "error", "message"), true
		f.anthropicUsage(dig(f.raw, "usage"))
		return f, err
	}
	open := -1
	for _, e := range sseEvents(body) {
		v, err := decodeAny([]byte(e.data))
		if err != nil {
			return f, err
		}
		f.Events = append(f.Events, e.data)
		if str(v, "type") != e.name {
			return f, fmt.Errorf("event %s has type %s", e.name, str(v, "type"))
		}
		switch e.name {
		case "message_start":
			f.anthropicUsage(dig(v, "message", "usage"))
		case "content_block_start":
			if open >= 0 {
				return f, fmt.Errorf("block %d is still open", open)
			}
			open = num(v, "index")
			if b := dig(v, "content_block"); str(b, "type") == "tool_use" {
				f.Calls = append(f.Calls, factCall{str(b, "id"), str(b, "name"), ""})
			}
		case "content_block_delta":
			d := dig(v, "delta")
			f.Text += str(d, "text")
			f.Thought += str(d, "thinking")
			f.Seal += str(d, "signature")
			if str(d, "type") == "input_json_delta" {
				f.Calls[len(f.Calls)-1].Args += str(d, "partial_json")
			}
		case "content_block_stop":
			open = -1
		case "message_delta":
			f.Finish = str(v, "delta", "stop_reason")
			f.anthropicUsage(dig(v, "usage"))
		case "message_stop":
			f.Ended = true
		case "error":
			f.Err = str(v, "error", "message")
		}
	}
	return f, nil
}

func parseGemini(_ int, body []byte, streamed bool) (f facts, err error) {
	var chunks []any
	switch {
	case !streamed:
		f.raw, err = decodeAny(body)
		chunks = []any{f.raw}
	case len(body) > 0 && body[0] == '[':
		if err = json.Unmarshal(body, &chunks); err != nil {
			return f, err
		}
	default:
		for _, e := range sseEvents(body) {
			var v any
			if v, err = decodeAny([]byte(e.data)); err != nil {
				break
			}
			chunks = append(chunks, v)
		}
	}
	for _, v := range chunks {
		f.Events = append(f.Events, compact(v))
		for _, p := range list(v, "candidates", 0, "content", "parts") {
			f.geminiPart(p)
		}
		if u := dig(v, "usageMetadata"); u != nil {
			f.HasUsage = true
			f.Reasoning = num(u, "thoughtsTokenCount")
			f.In, f.Out, f.Cached = num(u, "promptTokenCount"), num(u, "candidatesTokenCount")+f.Reasoning, num(u, "cachedContentTokenCount")
			if num(u, "totalTokenCount") != f.In+f.Out {
				return f, fmt.Errorf("total is not the sum: %s", compact(u))
			}
		}
		f.Finish = str(v, "candidates", 0, "finishReason") + str(v, "promptFeedback", "blockReason")
		f.Err += str(v, "error", "message")
	}
	f.Ended = f.Finish != ""
	return f, err
}

func (f *facts) geminiPart(p any) {
	if dig(p, "thought") == true {
		f.Thought += str(p, "text")
	} else {
		f.Text += str(p, "text")
	}
	f.Seal += str(p, "thoughtSignature")
	if c := dig(p, "functionCall"); c != nil {
		args := ""
		if a := dig(c, "args"); a != nil {
			args = compact(a)
		}
		f.Calls = append(f.Calls, factCall{"", str(c, "name"), args})
	}
}
