package fake

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// loop is how a surface writes the turn of the model and the results after it, with the reasoning treated by keep.
type loop func(f facts, keep func(thought, seal string) (string, string, bool)) []any

func loops() map[string]loop {
	return map[string]loop{"chat": chatLoop, "responses": responsesLoop, "messages": messagesLoop, "gemini": geminiLoop}
}

func chatLoop(f facts, keep func(string, string) (string, string, bool)) []any {
	m := map[string]any{"role": "assistant", "content": nil}
	if thought, _, ok := keep(f.Thought, f.Seal); ok {
		m["reasoning_content"] = thought
	}
	var calls []any
	out := []any{m}
	for _, c := range f.Calls {
		calls = append(calls, map[string]any{"id": c.ID, "type": "function", "function": map[string]any{"name": c.Name, "arguments": c.Args}})
		out = append(out, map[string]any{"role": "tool", "tool_call_id": c.ID, "content": "sunny"})
	}
	m["tool_calls"] = calls
	return out
}

func responsesLoop(f facts, keep func(string, string) (string, string, bool)) []any {
	var out []any
	if thought, seal, ok := keep(f.Thought, f.Seal); ok {
		out = append(out, map[string]any{"type": "reasoning", "id": "rs_x", "summary": []any{map[string]any{"type": "summary_text", "text": thought}}, "encrypted_content": seal})
	}
	for _, c := range f.Calls {
		out = append(out, map[string]any{"type": "function_call", "call_id": c.ID, "name": c.Name, "arguments": c.Args})
	}
	for _, c := range f.Calls {
		out = append(out, map[string]any{"type": "function_call_output", "call_id": c.ID, "output": "sunny"})
	}
	return out
}

func messagesLoop(f facts, keep func(string, string) (string, string, bool)) []any {
	var blocks, results []any
	if thought, seal, ok := keep(f.Thought, f.Seal); ok {
		blocks = append(blocks, map[string]any{"type": "thinking", "thinking": thought, "signature": seal})
	}
	for _, c := range f.Calls {
		blocks = append(blocks, map[string]any{"type": "tool_use", "id": c.ID, "name": c.Name, "input": json.RawMessage(c.Args)})
		results = append(results, map[string]any{"type": "tool_result", "tool_use_id": c.ID, "content": "sunny"})
	}
	return []any{map[string]any{"role": "assistant", "content": blocks}, map[string]any{"role": "user", "content": results}}
}

func geminiLoop(f facts, keep func(string, string) (string, string, bool)) []any {
	var parts, results []any
	for i, c := range f.Calls {
		p := map[string]any{"functionCall": map[string]any{"name": c.Name, "args": json.RawMessage(c.Args)}}
		if _, seal, ok := keep(f.Thought, f.Seal); ok && i == 0 {
			p["thoughtSignature"] = seal
		}
		parts = append(parts, p)
		results = append(results, map[string]any{"functionResponse": map[string]any{"name": c.Name, "response": map[string]any{"result": "sunny"}}})
	}
	return []any{map[string]any{"role": "model", "parts": parts}, map[string]any{"role": "user", "parts": results}}
}

var sealedExtra = map[string]map[string]any{"responses": {"include": []string{"reasoning.encrypted_content"}}}

// TestThinkingLoop goes through rounds of tool calls with the reasoning sent back as it was, and then spoils it.
func TestThinkingLoop(t *testing.T) {
	keep := func(thought, seal string) (string, string, bool) { return thought, seal, true }
	spoilt := map[string]func(string, string) (string, string, bool){
		"missing":      func(a, b string) (string, string, bool) { return a, b, false },
		"altered text": func(a, b string) (string, string, bool) { return strings.Replace(a, " ", "  ", 1), b, true },
		"altered seal": func(a, b string) (string, string, bool) { return a, "AA" + b[min(2, len(b)):], true },
		"another's": func(string, string) (string, string, bool) {
			s := New(Options{Deployment: "b"})
			th := s.ponder("x", 0)
			return th, s.seal(th), true
		},
		"seal rewrapped": func(a, b string) (string, string, bool) { return a, b + "=", true },
	}
	// What a surface cannot see: Chat has no seal, Responses and Gemini seal without looking at the text.
	blind := map[string]bool{"chat/altered seal": true, "chat/seal rewrapped": true, "responses/altered text": true, "gemini/altered text": true}
	for _, s := range surfaces()[:4] {
		for _, stream := range []bool{false, true} {
			srv := New(Options{})
			q := question{model: "think+tools:n=2,rounds=5", prompt: prompt, tools: []toolDef{weather}, stream: stream, extra: sealedExtra[s.name]}
			for round := range 5 {
				_, _, f := s.ask(t, srv, q)
				if len(f.Calls) != 2 || f.Thought == "" {
					t.Fatalf("%s round %d: %+v", s.name, round, f)
				}
				for what, spoil := range spoilt {
					bad := q
					bad.history = append(slices.Clip(bad.history), loops()[s.name](f, spoil)...)
					resp, body, _ := s.ask(t, srv, bad)
					if want := 400 - 200*boolInt(blind[s.name+"/"+what]); resp.StatusCode != want {
						t.Errorf("%s round %d, %s: status %d, want %d: %.300s", s.name, round, what, resp.StatusCode, want, body)
					}
				}
				q.history = append(q.history, loops()[s.name](f, keep)...)
			}
			resp, body, f := s.ask(t, srv, q)
			if resp.StatusCode != 200 || len(f.Calls) != 0 || f.Text == "" {
				t.Errorf("%s: after the last round: %d %+v %s", s.name, resp.StatusCode, f, body)
			}
		}
	}
}

// TestOlderThinkingMayGo: once the user speaks again, reasoning of earlier turns may be left out but not altered.
func TestOlderThinkingMayGo(t *testing.T) {
	say := func(role, text string) any { return map[string]any{"role": role, "content": text} }
	talk := []any{say("assistant", "It is sunny."), say("user", "And now?")}
	part := func(role, text string) any {
		return map[string]any{"role": role, "parts": []any{map[string]any{"text": text}}}
	}
	next := map[string][]any{"chat": talk, "responses": talk, "messages": talk, "gemini": {part("model", "It is sunny."), part("user", "And now?")}}
	for _, s := range surfaces()[:4] {
		srv := New(Options{})
		q := question{model: "think+tools", prompt: prompt, tools: []toolDef{weather}, extra: sealedExtra[s.name]}
		_, _, f := s.ask(t, srv, q)
		for kept, want := range map[bool]int{true: 400, false: 200} {
			later := q
			later.history = append(loops()[s.name](f, func(string, string) (string, string, bool) { return "not mine", "bm90IG1pbmU=", kept }), next[s.name]...)
			if resp, body, _ := s.ask(t, srv, later); resp.StatusCode != want {
				t.Errorf("%s, kept %v: %d, want %d: %s", s.name, kept, resp.StatusCode, want, body)
			}
		}
	}
}

func TestPreviousResponse(t *testing.T) {
	s := surfaces()[1]
	a, b := New(Options{Deployment: "a"}), New(Options{Deployment: "b"})
	_, _, f := s.ask(t, a, question{model: "echo", prompt: prompt})
	q := question{model: "echo", prompt: prompt, extra: map[string]any{"previous_response_id": str(f.raw, "id")}}
	if resp, body, _ := s.ask(t, New(Options{Deployment: "a"}), q); resp.StatusCode != 200 {
		t.Errorf("the same deployment: %d %s", resp.StatusCode, body)
	}
	resp, body, _ := s.ask(t, b, q)
	if resp.StatusCode != 400 || !strings.Contains(string(body), "not found") {
		t.Errorf("another deployment: %d %s", resp.StatusCode, body)
	}
}

// TestRules: requests that break a vendor's rule are refused, as they would be there.
func TestRules(t *testing.T) {
	call := `{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}`
	for _, c := range []struct{ path, body, msg string }{
		{"/v1/chat/completions", `{`, "body"},
		{"/v1/chat/completions", `{"model":"echo","messages":[]}`, "empty array"},
		{"/v1/chat/completions", `{"model":"echo","messages":{}}`, "messages"},
		{"/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}]}`, "model"},
		{"/v1/chat/completions", `{"model":"echo","messages":[{"role":"model","content":"x"}]}`, "Supported values"},
		{"/v1/chat/completions", `{"model":"echo","messages":[{"role":"user","content":"x"}],"stream_options":{"include_usage":true}}`, "stream_options"},
		{"/v1/chat/completions", `{"model":"echo","messages":[{"role":"tool","tool_call_id":"c1","content":"x"}]}`, "must be a response"},
		{"/v1/chat/completions", `{"model":"echo","messages":[{"role":"assistant","tool_calls":[` + call + `]},{"role":"user","content":"x"}]}`, "did not have response messages: c1"},
		{"/v1/chat/completions", `{"model":"echo","messages":[{"role":"assistant","tool_calls":[` + call + `]}]}`, "did not have response messages: c1"},
		{"/v1/chat/completions", `{"model":"echo","model":"chat","messages":[{"role":"user","content":"x"}]}`, "duplicate"},
		{"/v1/responses", `{"model":"echo"}`, "input"},
		{"/v1/responses", `{"model":"echo","input":[{"type":"function_call_output","call_id":"c9","output":"x"}]}`, "c9"},
		{"/v1/responses", `{"model":"echo","input":[{"type":"function_call","call_id":"c9","name":"f","arguments":"{}"}]}`, "No tool output found for function call c9"},
		{"/v1/responses", `{"model":"echo","input":"x","previous_response_id":"resp_1"}`, "resp_1"},
		{"/v1/messages", `{"model":"echo","messages":[{"role":"user","content":"x"}]}`, "max_tokens: Field required"},
		{"/v1/messages", `{"model":"echo","max_tokens":5,"messages":[]}`, "at least one message"},
		{"/v1/messages", `{"model":"echo","max_tokens":5,"messages":[{"role":"model","content":"x"}]}`, "'user' or 'assistant'"},
		{"/v1/messages", `{"model":"echo","max_tokens":5,"messages":[{"role":"user"}]}`, "content: Field required"},
		{"/v1/messages", `{"model":"echo","max_tokens":5,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]},{"role":"user","content":"x"}]}`, "without `tool_result` blocks immediately after: t1"},
		{"/v1/messages", `{"model":"echo","max_tokens":5,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"x"}]}]}`, "unexpected `tool_use_id`"},
		{"/v1beta/models/echo:generateContent", `{"contents":[]}`, "contents is not specified"},
		{"/v1beta/models/echo:generateContent", `{"contents":[{"role":"assistant","parts":[{"text":"x"}]}]}`, "valid role"},
		{"/v1beta/models/echo:generateContent", `{"contents":[{"role":"user","parts":[]}]}`, "parts must not be empty"},
		{"/v1beta/models/echo:generateContent", `{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"name":"g","response":{}}}]}]}`, "number of function response parts"},
		{"/v1beta/models/echo:batchEmbedContents", `{"requests":[{"model":"models/other","content":{"parts":[{"text":"x"}]}}]}`, "model of each request"},
		{"/v1/embeddings", `{"model":"embed","input":[]}`, "input"},
	} {
		status, body := postAny(t, c.path, c.body, nil)
		v, err := decodeAny(body)
		if err != nil || status != 400 || !strings.Contains(str(v, "error", "message"), c.msg) {
			t.Errorf("%s %s:\n%d %s", c.path, c.body, status, body)
		}
	}
	status, body := postAny(t, "/v1/messages", `{"model":"echo","max_tokens":5,"messages":[{"role":"user","content":"x"}]}`, func(h map[string][]string) { delete(h, "Anthropic-Version") })
	if status != 400 || !strings.Contains(string(body), "anthropic-version") {
		t.Errorf("%d %s", status, body)
	}
}
