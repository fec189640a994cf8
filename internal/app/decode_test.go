package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"tidegate/internal/llm"
)

// said is what a client of one surface makes of an answer. The decoders here share nothing with the gateway's codecs.
type said struct {
	text, thought string
	calls         []call
	finish        string
	usage         usage
	metered       bool
	grammar       error // what was wrong with the order of the events
}

type call struct{ id, name, args string }

// hear decodes an answer as a client of the surface would.
func hear(d llm.Dialect, stream bool, body []byte) (*said, error) {
	switch {
	case d == llm.OpenAIChat && stream:
		return hearChatStream(body)
	case d == llm.OpenAIChat:
		return hearChat(body)
	case d == llm.Anthropic && stream:
		return hearMessagesStream(body)
	case d == llm.Anthropic:
		return hearMessages(body)
	case stream:
		return hearGeminiStream(body)
	}
	return hearGemini(body)
}

type obj = map[string]any

func parse(b []byte) (obj, error) {
	var o obj
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	err := d.Decode(&o)
	return o, err
}

func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			o, _ := v.(obj)
			v = o[p]
		case int:
			a, _ := v.([]any)
			if p >= len(a) {
				return nil
			}
			v = a[p]
		}
	}
	return v
}

func text(v any, path ...any) string {
	s, _ := at(v, path...).(string)
	return s
}

func num(v any, path ...any) int64 {
	n, _ := at(v, path...).(json.Number)
	i, _ := n.Int64()
	return i
}

func list(v any, path ...any) []any {
	a, _ := at(v, path...).([]any)
	return a
}

type event struct{ name, data string }

func events(body []byte) []event {
	var out []event
	for block := range strings.SplitSeq(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n\n") {
		var ev event
		for line := range strings.SplitSeq(block, "\n") {
			if v, ok := strings.CutPrefix(line, "event:"); ok {
				ev.name = strings.TrimSpace(v)
			}
			if v, ok := strings.CutPrefix(line, "data:"); ok {
				ev.data += strings.TrimPrefix(v, " ")
			}
		}
		if ev.data != "" {
			out = append(out, ev)
		}
	}
	return out
}

func chatUsage(s *said, u any) {
	if u == nil {
		return
	}
	s.metered = true
	s.usage = usage{
		in: num(u, "prompt_tokens"), out: num(u, "completion_tokens"), cached: num(u, "prompt_tokens_details", "cached_tokens"),
		reasoning: num(u, "completion_tokens_details", "reasoning_tokens"),
	}
	if total := num(u, "total_tokens"); total != s.usage.in+s.usage.out {
		s.grammar = fmt.Errorf("total_tokens is %d", total)
	}
}

func hearChat(body []byte) (*said, error) {
	o, err := parse(body)
	if err != nil {
		return nil, err
	}
	m := at(o, "choices", 0, "message")
	s := &said{text: text(m, "content"), thought: text(m, "reasoning_content"), finish: text(o, "choices", 0, "finish_reason")}
	s.text += text(m, "refusal")
	for _, c := range list(m, "tool_calls") {
		s.calls = append(s.calls, call{text(c, "id"), text(c, "function", "name"), text(c, "function", "arguments")})
	}
	chatUsage(s, at(o, "usage"))
	return s, nil
}

func hearChatStream(body []byte) (*said, error) {
	s := &said{}
	byIndex := map[int64]int{}
	ended := false
	wrong := func(format string, a ...any) { s.grammar = fmt.Errorf(format, a...) }
	for i, ev := range events(body) {
		if ended {
			wrong("something after [DONE]")
		}
		if ev.data == "[DONE]" {
			ended = true
			continue
		}
		o, err := parse([]byte(ev.data))
		if err != nil {
			return nil, err
		}
		if at(o, "error") != nil {
			return nil, fmt.Errorf("error event: %s", ev.data)
		}
		chatUsage(s, at(o, "usage"))
		delta := at(o, "choices", 0, "delta")
		if role := text(delta, "role"); (role != "") != (i == 0) {
			wrong("role %q in event %d", role, i)
		}
		s.text += text(delta, "content") + text(delta, "refusal")
		s.thought += text(delta, "reasoning_content")
		for _, c := range list(delta, "tool_calls") {
			n := num(c, "index")
			k, ok := byIndex[n]
			if !ok {
				if int(n) != len(s.calls) || text(c, "id") == "" || text(c, "function", "name") == "" {
					wrong("call %d begins as %v", n, c)
				}
				k = len(s.calls)
				byIndex[n] = k
				s.calls = append(s.calls, call{id: text(c, "id"), name: text(c, "function", "name")})
			} else if text(c, "function", "name") != "" {
				wrong("name of call %d repeated", n)
			}
			s.calls[k].args += text(c, "function", "arguments")
		}
		if f := text(o, "choices", 0, "finish_reason"); f != "" {
			if s.finish != "" {
				wrong("finished twice")
			}
			s.finish = f
		}
	}
	if !ended {
		wrong("no [DONE]")
	}
	return s, nil
}

func messagesUsage(s *said, u any) {
	if u == nil {
		return
	}
	s.metered = true
	read, write := num(u, "cache_read_input_tokens"), num(u, "cache_creation_input_tokens")
	s.usage.in, s.usage.cached, s.usage.written = num(u, "input_tokens")+read+write, read, write
	s.usage.out = num(u, "output_tokens")
	s.usage.reasoning = num(u, "output_tokens_details", "thinking_tokens")
}

func block(s *said, b any) {
	switch text(b, "type") {
	case "text":
		s.text += text(b, "text")
	case "thinking":
		s.thought += text(b, "thinking")
	case "tool_use":
		args, _ := json.Marshal(at(b, "input"))
		s.calls = append(s.calls, call{text(b, "id"), text(b, "name"), string(args)})
	}
}

func hearMessages(body []byte) (*said, error) {
	o, err := parse(body)
	if err != nil {
		return nil, err
	}
	s := &said{finish: text(o, "stop_reason")}
	for _, b := range list(o, "content") {
		block(s, b)
	}
	messagesUsage(s, at(o, "usage"))
	return s, nil
}

func hearMessagesStream(body []byte) (*said, error) {
	s := &said{}
	open, next, state := int64(-1), int64(0), "begin"
	json0 := ""
	wrong := func(format string, a ...any) {
		if s.grammar == nil {
			s.grammar = fmt.Errorf(format, a...)
		}
	}
	for _, ev := range events(body) {
		o, err := parse([]byte(ev.data))
		if err != nil {
			return nil, err
		}
		kind := text(o, "type")
		if ev.name != kind {
			wrong("event %s says %s", ev.name, kind)
		}
		switch kind {
		case "error":
			return nil, fmt.Errorf("error event: %s", ev.data)
		case "ping":
		case "message_start":
			if state != "begin" {
				wrong("message_start in state %s", state)
			}
			state = "content"
			messagesUsage(s, at(o, "message", "usage"))
		case "content_block_start":
			if state != "content" || open >= 0 || num(o, "index") != next {
				wrong("block %d starts in state %s, %d open", num(o, "index"), state, open)
			}
			open, next, json0 = next, next+1, ""
			if b := at(o, "content_block"); text(b, "type") == "tool_use" {
				s.calls = append(s.calls, call{id: text(b, "id"), name: text(b, "name")})
			} else {
				block(s, b)
			}
		case "content_block_delta":
			if num(o, "index") != open {
				wrong("delta of block %d while %d is open", num(o, "index"), open)
			}
			s.text += text(o, "delta", "text")
			s.thought += text(o, "delta", "thinking")
			json0 += text(o, "delta", "partial_json")
			if text(o, "delta", "type") == "input_json_delta" && len(s.calls) > 0 {
				s.calls[len(s.calls)-1].args = json0
			}
		case "content_block_stop":
			if num(o, "index") != open {
				wrong("stop of block %d while %d is open", num(o, "index"), open)
			}
			open = -1
		case "message_delta":
			if state != "content" || open >= 0 {
				wrong("message_delta in state %s, %d open", state, open)
			}
			state = "delta"
			s.finish = text(o, "delta", "stop_reason")
			messagesUsage(s, at(o, "usage"))
		case "message_stop":
			if state != "delta" {
				wrong("message_stop in state %s", state)
			}
			state = "stopped"
		default:
			wrong("unknown event %s", kind)
		}
	}
	if state != "stopped" {
		wrong("no message_stop")
	}
	return s, nil
}

func geminiChunk(s *said, o obj) {
	if num(o, "candidates", 0, "index") != 0 {
		return // another alternative
	}
	for _, p := range list(o, "candidates", 0, "content", "parts") {
		switch {
		case at(p, "functionCall") != nil:
			args, _ := json.Marshal(at(p, "functionCall", "args"))
			s.calls = append(s.calls, call{text(p, "functionCall", "id"), text(p, "functionCall", "name"), string(args)})
		case at(p, "thought") == true:
			s.thought += text(p, "text")
		default:
			s.text += text(p, "text")
		}
	}
	if f := text(o, "candidates", 0, "finishReason"); f != "" {
		s.finish = f
	}
	if u := at(o, "usageMetadata"); u != nil {
		s.metered = true
		s.usage = usage{
			in:     num(u, "promptTokenCount") + num(u, "toolUsePromptTokenCount"),
			out:    num(u, "candidatesTokenCount") + num(u, "thoughtsTokenCount"),
			cached: num(u, "cachedContentTokenCount"), reasoning: num(u, "thoughtsTokenCount"),
		}
	}
}

func hearGemini(body []byte) (*said, error) {
	o, err := parse(body)
	if err != nil {
		return nil, err
	}
	s := &said{}
	geminiChunk(s, o)
	return s, nil
}

func hearGeminiStream(body []byte) (*said, error) {
	s := &said{}
	for _, ev := range events(body) {
		o, err := parse([]byte(ev.data))
		if err != nil {
			return nil, err
		}
		if at(o, "error") != nil {
			return nil, fmt.Errorf("error event: %s", ev.data)
		}
		geminiChunk(s, o)
	}
	return s, nil
}
