package anthropic

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidegate/internal/dialect/codec"
	"tidegate/internal/frame/sse"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// stream writes events the way the vendor does; each argument is the data of one.
func stream(data ...string) string {
	var b strings.Builder
	for _, d := range data {
		kind, _ := rawjson.String(rawjson.Get([]byte(d), "type"))
		fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", kind, d)
	}
	return b.String()
}

const (
	msgStart = `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":10,"cache_read_input_tokens":3,"output_tokens":1}}}`
	msgDelta = `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}}`
	msgStop  = `{"type":"message_stop"}`
)

func start(i int, block string) string {
	return fmt.Sprintf(`{"type":"content_block_start","index":%d,"content_block":%s}`, i, block)
}

func delta(i int, d string) string {
	return fmt.Sprintf(`{"type":"content_block_delta","index":%d,"delta":%s}`, i, d)
}

func stop(i int) string { return fmt.Sprintf(`{"type":"content_block_stop","index":%d}`, i) }

func TestStreamDecoder(t *testing.T) {
	const textBlock = `{"type":"text","text":""}`
	hello := delta(0, `{"type":"text_delta","text":"Hello"}`)
	text := []llm.Part{llm.Text{Text: "Hello"}}
	sig := &llm.Seal{Issuer: issuer, Data: "sig"}
	for _, tt := range []struct {
		name  string
		in    string
		parts []llm.Part
		stop  llm.StopReason
	}{
		{"plain", stream(msgStart, start(0, textBlock), hello, stop(0), msgDelta, msgStop), text, llm.StopEnd},
		{"CRLF, comments, pings, odd ends", ": c\r\n\r\n" + strings.ReplaceAll(stream(msgStart, `{"type": "ping"}`, start(0, textBlock), hello, stop(0), `{"type":"zz"}`, msgDelta, msgStop), "\n", "\r\n") + "data: [DONE]\r\n\r\n", text, llm.StopEnd},
		{"no event names, other order", "data: " + strings.Join([]string{msgStart, `{"content_block":` + textBlock + `,"index":0,"type":"content_block_start"}`,
			`{"delta":{"text":"Hello","type":"text_delta"},"index":0,"type":"content_block_delta"}`, msgDelta}, "\n\ndata: ") + "\n\n", text, llm.StopEnd},
		{"no stops at all", stream(msgStart, start(0, textBlock), hello, msgDelta), text, llm.StopEnd},
		{"no message_start", stream(start(0, textBlock), hello, stop(0), msgDelta, msgStop), text, llm.StopEnd},
		{"text in the start", stream(msgStart, start(0, `{"type":"text","text":"Hello"}`), stop(0), msgDelta), text, llm.StopEnd},
		{"an empty block", stream(msgStart, start(0, textBlock), stop(0), start(1, textBlock), delta(1, `{"type":"text_delta","text":"Hello"}`), stop(1), msgDelta), text, llm.StopEnd},
		{"spliced", stream(msgStart, start(0, textBlock), hello, msgStart, start(0, textBlock), hello, stop(0), msgDelta, msgStop),
			[]llm.Part{llm.Text{Text: "Hello"}, llm.Text{Text: "Hello"}}, llm.StopEnd},
		{"thoughts", stream(msgStart, start(0, `{"type":"thinking","thinking":"","signature":""}`), delta(0, `{"type":"thinking_delta","thinking":"t"}`),
			delta(0, `{"type":"signature_delta","signature":"sig"}`), stop(0), start(1, `{"type":"redacted_thinking","data":"sig"}`), stop(1), msgDelta),
			[]llm.Part{llm.Thought{Text: "t", Seal: sig}, llm.Thought{Redacted: true, Seal: sig}}, llm.StopEnd},
		{"thoughts not shown", stream(msgStart, start(0, `{"type":"thinking","thinking":"","signature":""}`), delta(0, `{"type":"signature_delta","signature":"sig"}`), stop(0), msgDelta),
			[]llm.Part{llm.Thought{Seal: sig}}, llm.StopEnd},
		{"calls, interleaved", stream(msgStart, start(0, `{"type":"tool_use","id":"a","name":"f","input":{}}`), start(1, `{"type":"tool_use","id":"b","name":"g","input":{}}`),
			delta(0, `{"type":"input_json_delta","partial_json":""}`), delta(1, `{"type":"input_json_delta","partial_json":"{\"x\":"}`), delta(0, `{"type":"input_json_delta","partial_json":"{}"}`),
			delta(1, `{"type":"input_json_delta","partial_json":"\"\\u00e9\"}"}`), stop(0), stop(1), strings.Replace(msgDelta, "end_turn", "tool_use", 1)),
			[]llm.Part{llm.Call{ID: "a", Name: "f", Args: "{}"}, llm.Call{ID: "b", Name: "g", Args: `{"x":"\u00e9"}`}}, llm.StopTools},
		{"a call without arguments, a plain stop", stream(msgStart, start(0, `{"type":"tool_use","id":"a","name":"f","input":{}}`), delta(0, `{"type":"input_json_delta","partial_json":""}`), stop(0), msgDelta),
			[]llm.Part{llm.Call{ID: "a", Name: "f", Args: "{}"}}, llm.StopTools},
		{"a call whole in its start", stream(msgStart, start(0, `{"type":"tool_use","id":"a","name":"f","input":{"x":1}}`), stop(0), msgDelta),
			[]llm.Part{llm.Call{ID: "a", Name: "f", Args: `{"x":1}`}}, llm.StopTools},
		{"server tools", stream(msgStart, start(0, `{"type":"server_tool_use","id":"s","name":"web_search","input":{}}`), delta(0, `{"type":"input_json_delta","partial_json":"{\"q\":"}`),
			delta(0, `{"type":"input_json_delta","partial_json":"1}"}`), stop(0), start(1, `{"type":"web_search_tool_result","content":[]}`), stop(1),
			start(2, `{"type":"compaction","content":null}`), delta(2, `{"type":"compaction_delta","content":"a"}`), delta(2, `{"type":"compaction_delta","content":"b"}`), stop(2), msgDelta),
			[]llm.Part{llm.Opaque{From: own, Kind: "server_tool_use", Raw: []byte(`{"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1}}`)},
				llm.Opaque{From: own, Kind: "web_search_tool_result", Raw: []byte(`{"type":"web_search_tool_result","content":[]}`)},
				llm.Opaque{From: own, Kind: "compaction", Raw: []byte(`{"type":"compaction","content":"ab"}`)}}, llm.StopEnd},
		{"a server tool cut off", stream(msgStart, start(0, `{"type":"server_tool_use","input":{}}`), delta(0, `{"type":"input_json_delta","partial_json":"{\"q"}`), strings.Replace(msgDelta, "end_turn", "max_tokens", 1)),
			[]llm.Part{llm.Opaque{From: own, Kind: "server_tool_use", Raw: []byte(`{"type":"server_tool_use","input":"{\"q"}`)}}, llm.StopLength},
		{"citations", stream(msgStart, start(0, `{"type":"text","text":"","citations":[]}`), hello, delta(0, `{"type":"citations_delta","citation":{"type":"web_search_result_location","url":"u","title":"T","cited_text":"c"}}`), stop(0), msgDelta),
			[]llm.Part{llm.Text{Text: "Hello", Cites: []llm.Citation{{URL: "u", Title: "T", Text: "c", From: own, Raw: []byte(`{"type":"web_search_result_location","url":"u","title":"T","cited_text":"c"}`)}}}}, llm.StopEnd},
		{"a delta without a block, an unknown delta", stream(msgStart, delta(7, `{"type":"text_delta","text":"x"}`), start(0, textBlock), delta(0, `{"type":"zz_delta","zz":"x"}`), hello, stop(0), msgDelta), text, llm.StopEnd},
		{"a new word for the stop", stream(msgStart, start(0, textBlock), hello, stop(0), strings.Replace(msgDelta, "end_turn", "zz", 1)), text, llm.StopOther},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all, err := events(strings.NewReader(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			r := collect(all)
			if diff := cmp.Diff(tt.parts, r.Choices[0].Parts); diff != "" {
				t.Error(diff)
			}
			if got := r.Choices[0].Stop.Reason; got != tt.stop {
				t.Errorf("stop %q", got)
			}
			if last := all[len(all)-1].Kind; last != llm.Done {
				t.Errorf("ends with %d", last)
			}
			balanced(t, all)
		})
	}
}

// balanced checks the order that llm.EventKind promises.
func balanced(t testing.TB, all []llm.Event) {
	t.Helper()
	open, begun := map[int]bool{}, 0
	for _, e := range all {
		switch e.Kind {
		case llm.Begin:
			if e.Index != begun {
				t.Errorf("part %d begins as number %d", e.Index, begun)
			}
			begun++
			open[e.Index] = true
		case llm.Delta, llm.Cited, llm.Sealed:
			if !open[e.Index] {
				t.Errorf("part %d is not open", e.Index)
			}
		case llm.End:
			if !open[e.Index] {
				t.Errorf("part %d ends twice", e.Index)
			}
			delete(open, e.Index)
		case llm.Finish, llm.Done:
			if len(open) > 0 {
				t.Errorf("finished with open parts %v", open)
			}
		}
	}
}

func TestStreamErrors(t *testing.T) {
	overloaded := `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}`
	for _, tt := range []struct {
		name, in string
		class    llm.Class
		code     string
	}{
		{"overloaded after the 200", stream(msgStart, overloaded), llm.Overloaded, "overloaded_error"},
		{"an error in another maker's words", "data: {\"error\":{\"message\":\"no\",\"code\":429}}\n\n", llm.RateLimited, ""},
		{"too long, told late", stream(`{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}}`), llm.ContextLength, "invalid_request_error"},
		{"cut", stream(msgStart, start(0, `{"type":"text","text":""}`)), llm.Network, "upstream_truncated"},
		{"cut, though terminated", stream(msgStart, msgStop), llm.Network, "upstream_truncated"},
		{"nothing", "", llm.Network, "upstream_truncated"},
		{"HTML", "data: <html>\n\n", llm.Network, "upstream_invalid_response"},
		{"half an object", "data: {\"type\":\"message_sta", llm.Network, "upstream_invalid_response"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all, err := events(strings.NewReader(tt.in))
			e, ok := errors.AsType[*llm.Error](err)
			if !ok || e.Class != tt.class || e.Code != tt.code || strings.Contains(e.Message, "<html>") {
				t.Errorf("%#v", err)
			}
			for _, ev := range all {
				if ev.Kind == llm.Finish || ev.Kind == llm.Done {
					t.Error("looks finished")
				}
			}
		})
	}
}

// Usage adds up from what each event says, and is the same in a stream and in a whole reply.
func TestUsage(t *testing.T) {
	u := func(pairs ...any) (n [llm.NumMeters]int64) {
		for i := 0; i < len(pairs); i += 2 {
			n[pairs[i].(llm.Meter)] = int64(pairs[i+1].(int))
		}
		return n
	}
	const five, hour = llm.InputCacheWrite5m, llm.InputCacheWrite1h
	for _, tt := range []struct {
		name string
		said []string
		want [llm.NumMeters]int64
	}{
		{"cumulative output", []string{`{"input_tokens":10,"output_tokens":1}`, `{"output_tokens":5}`, `{"output_tokens":9}`}, u(llm.InputText, 10, llm.OutputText, 9)},
		{"null and zero keep the input", []string{`{"input_tokens":10,"cache_read_input_tokens":7,"output_tokens":1}`, `{"input_tokens":0,"cache_read_input_tokens":null,"output_tokens":5}`},
			u(llm.InputText, 10, llm.InputCacheRead, 7, llm.OutputText, 5)},
		{"input told anew", []string{`{"input_tokens":10,"cache_read_input_tokens":7}`, `{"input_tokens":20,"cache_read_input_tokens":0,"output_tokens":5}`}, u(llm.InputText, 20, llm.OutputText, 5)},
		{"input only at the end", []string{`{"input_tokens":0,"output_tokens":0}`, `{"input_tokens":20,"output_tokens":5}`}, u(llm.InputText, 20, llm.OutputText, 5)},
		{"thoughts inside the output", []string{`{"input_tokens":1,"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}`}, u(llm.InputText, 1, llm.OutputText, 5, llm.OutputReasoning, 4)},
		{"more thoughts than output", []string{`{"input_tokens":1,"output_tokens":3,"output_tokens_details":{"thinking_tokens":4}}`}, u(llm.InputText, 1, llm.OutputReasoning, 3)},
		{"split of cache writes", []string{`{"input_tokens":1,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20}}`}, u(llm.InputText, 1, five, 10, hour, 20)},
		{"no split", []string{`{"input_tokens":1,"cache_creation_input_tokens":30}`}, u(llm.InputText, 1, five, 30)},
		{"split without a total", []string{`{"input_tokens":1,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":20}}`}, u(llm.InputText, 1, hour, 20)},
		{"split larger than the total", []string{`{"input_tokens":1,"cache_creation_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":2}}`}, u(llm.InputText, 1, five, 3, hour, 2)},
		{"the total grows behind the split", []string{`{"input_tokens":1,"cache_creation_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":5}}`,
			`{"input_tokens":1,"cache_creation_input_tokens":9,"output_tokens":1}`}, u(llm.InputText, 1, hour, 9, llm.OutputText, 1)},
		{"iterations split it", []string{`{"input_tokens":1,"cache_creation_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":0}}`,
			`{"input_tokens":2,"cache_creation_input_tokens":9,"output_tokens":1,"iterations":[{"type":"message","cache_creation_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":5}},` +
				`{"type":"message","cache_creation_input_tokens":4,"cache_creation":{"ephemeral_1h_input_tokens":4}}]}`}, u(llm.InputText, 2, five, 5, hour, 4, llm.OutputText, 1)},
		{"a compaction comes on top", []string{`{"input_tokens":20,"output_tokens":5,"iterations":[{"type":"compaction","input_tokens":100,"cache_read_input_tokens":50,"output_tokens":30},{"type":"message","input_tokens":20,"output_tokens":5}]}`},
			u(llm.InputText, 120, llm.InputCacheRead, 50, llm.OutputText, 35)},
		{"an advisor is another model", []string{`{"input_tokens":20,"output_tokens":5,"iterations":[{"type":"advisor_message","input_tokens":100,"output_tokens":30}]}`}, u(llm.InputText, 20, llm.OutputText, 5)},
		{"searches", []string{`{"input_tokens":1,"server_tool_use":{"web_search_requests":2}}`, `{"output_tokens":1,"server_tool_use":{"web_search_requests":3,"web_fetch_requests":1}}`}, u(llm.InputText, 1, llm.OutputText, 1, llm.Searches, 3)},
		{"never negative", []string{`{"input_tokens":-5,"cache_read_input_tokens":-1,"output_tokens":-2}`}, u()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := []string{`{"type":"message_start","message":{"id":"x","usage":` + tt.said[0] + `}}`}
			for _, s := range tt.said[1:] {
				in = append(in, `{"type":"message_delta","delta":{},"usage":`+s+`}`)
			}
			all, err := events(strings.NewReader(stream(append(in, `{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`)...)))
			if err != nil {
				t.Fatal(err)
			}
			got := collect(all).Usage
			if diff := cmp.Diff(tt.want, got.N); diff != "" {
				t.Error(diff)
			}
			whole, err := Codec{}.DecodeReply([]byte(`{"type":"message","content":[],"stop_reason":"end_turn","usage":`+string(got.Raw)+`}`), llm.Target{})
			if err != nil {
				t.Fatal(err)
			}
			if len(tt.said) == 1 { // one object says the same whole
				if diff := cmp.Diff(got.N, whole.Usage.N); diff != "" {
					t.Errorf("in a whole reply: %s", diff)
				}
			}
		})
	}
}

func ev(kind llm.EventKind, index int) llm.Event { return llm.Event{Kind: kind, Index: index} }

func begin(i int, p llm.Part) llm.Event { return llm.Event{Kind: llm.Begin, Index: i, Part: p} }

func more(i int, s string) llm.Event { return llm.Event{Kind: llm.Delta, Index: i, Delta: s} }

var finish = llm.Event{Kind: llm.Finish, Stop: llm.Stop{Reason: llm.StopTools, Raw: "tool_calls"}}

// What foreign upstreams say, as a client of this dialect reads it.
func TestStreamEncoder(t *testing.T) {
	google, openai := &llm.Seal{Issuer: "google", Data: "g"}, &llm.Seal{Issuer: "openai", Data: "e"}
	used := &llm.Usage{}
	used.N[llm.InputText], used.N[llm.InputCacheRead], used.N[llm.OutputText], used.N[llm.OutputReasoning] = 10, 4, 3, 2
	for _, tt := range []struct {
		name   string
		events []llm.Event
		parts  []llm.Part
		losses []string
	}{
		{"interleaved calls", []llm.Event{
			{Kind: llm.Start, ID: "x", Model: "y"}, begin(0, llm.Text{}), more(0, "a"), begin(1, llm.Call{ID: "1", Name: "f"}), begin(2, llm.Call{ID: "2", Name: "g"}),
			more(2, `{"b":`), more(1, `{"a":1}`), more(0, "b"), more(2, `2}`), ev(llm.End, 0), ev(llm.End, 2), ev(llm.End, 1), finish, {Kind: llm.Metered, Usage: used}, {Kind: llm.Done}},
			[]llm.Part{llm.Text{Text: "ab"}, llm.Call{ID: "1", Name: "f", Args: `{"a":1}`}, llm.Call{ID: "2", Name: "g", Args: `{"b":2}`}}, nil},
		{"nothing ends, no terminator", []llm.Event{begin(0, llm.Text{}), begin(1, llm.Call{ID: "1", Name: "f"}), finish}, []llm.Part{llm.Call{ID: "1", Name: "f", Args: "{}"}}, nil},
		{"seals of others", []llm.Event{
			begin(0, llm.Thought{}), more(0, "t"), {Kind: llm.Sealed, Index: 0, Seal: openai}, ev(llm.End, 0),
			begin(1, llm.Thought{Redacted: true, Seal: openai}), ev(llm.End, 1), begin(2, llm.Thought{}), {Kind: llm.Sealed, Index: 2, Seal: google}, ev(llm.End, 2),
			begin(3, llm.Call{ID: "1", Name: "f"}), {Kind: llm.Sealed, Index: 3, Seal: google}, more(3, "{}"), ev(llm.End, 3), finish},
			[]llm.Part{llm.Thought{Text: "t", Seal: openai}, llm.Thought{Redacted: true, Seal: openai}, llm.Thought{Redacted: true, Seal: google}, llm.Call{ID: "1", Name: "f", Args: "{}", Seal: google}}, nil},
		{"a seal too late", []llm.Event{begin(0, llm.Text{}), more(0, "a"), {Kind: llm.Sealed, Index: 0, Seal: google}, ev(llm.End, 0), finish}, []llm.Part{llm.Text{Text: "a"}}, []string{"content.0.signature"}},
		{"free text", []llm.Event{begin(0, llm.Call{ID: "1", Name: "f", Custom: true}), more(0, "a\"b"), ev(llm.End, 0), finish}, []llm.Part{llm.Call{ID: "1", Name: "f", Args: `{"input":"a\"b"}`}}, nil},
		{"what has no place", []llm.Event{begin(0, llm.Media{Type: "image/png"}), ev(llm.End, 0), begin(1, llm.Opaque{From: llm.Gemini, Kind: "executableCode"}), ev(llm.End, 1), {Kind: llm.Logprob},
			{Kind: llm.Begin, Choice: 1, Part: llm.Text{}}, begin(2, llm.Text{}), more(2, "a"), ev(llm.End, 2), finish}, []llm.Part{llm.Text{Text: "a"}}, []string{"content.0", "content.1", "logprobs", "choices"}},
		{"sources of others", []llm.Event{begin(0, llm.Text{}), more(0, "a"), {Kind: llm.Cited, Index: 0, Cites: []llm.Citation{{URL: "u", Title: "T"}}}, ev(llm.End, 0), finish}, []llm.Part{llm.Text{Text: "a",
			Cites: []llm.Citation{{URL: "u", Title: "T", From: own, Raw: []byte(`{"type":"web_search_result_location","url":"u","title":"T","cited_text":"","encrypted_index":""}`)}}}}, nil},
		{"a reply from a cache, over several lines", []llm.Event{begin(0, llm.Opaque{From: own, Kind: "server_tool_use", Raw: []byte("{\n\"type\":\"server_tool_use\",\"id\":\"i\",\"name\":\"n\",\"input\":{\"a\":\r\n1}}")}), ev(llm.End, 0), finish},
			[]llm.Part{llm.Opaque{From: own, Kind: "server_tool_use", Raw: []byte("{ \"type\":\"server_tool_use\",\"id\":\"i\",\"name\":\"n\",\"input\":{\"a\":\r\n1}}")}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := Codec{}.NewStreamEncoder(codec.StreamOptions{ID: "msg_o", Model: "o"})
			out := e.Append(nil, llm.Step{Events: tt.events}, false)
			out = e.Close(out)
			checkGrammar(t, tt.name, out, nil)
			if diff := cmp.Diff(tt.losses, names(e.Losses())); diff != "" {
				t.Error(diff)
			}
			// Read as a client that echoes the blocks, and as its next request.
			if diff := cmp.Diff(tt.parts, echoed(t, out)); diff != "" {
				t.Errorf("%s\n%s", diff, out)
			}
		})
	}
}

// echoed are the parts of the assistant's turn in a request that a client builds from a stream.
func echoed(t *testing.T, out []byte) []llm.Part {
	t.Helper()
	all, err := events(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	reply := collect(all)
	body, _, _ := Codec{}.EncodeReply(reply)
	content := rawjson.Get(body, "content")
	chat, err := Codec{}.DecodeRequest([]byte(`{"messages":[{"role":"assistant","content":` + string(content) + `}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return chat.Messages[0].Parts
}

func TestStreamEncoderUsage(t *testing.T) {
	first, last := new(llm.Usage), new(llm.Usage)
	first.N[llm.InputText] = 7
	last.N[llm.InputText], last.N[llm.OutputText] = 7, 9
	e := Codec{}.NewStreamEncoder(codec.StreamOptions{ID: "i", Model: "m"})
	out := string(e.Append(nil, llm.Step{Events: []llm.Event{{Kind: llm.Start}, {Kind: llm.Metered, Usage: first}}}, false))
	if !strings.Contains(out, `"input_tokens":7`) || !strings.Contains(out, `"id":"i"`) || !strings.Contains(out, `"model":"m"`) {
		t.Error(out)
	}
	out = string(e.Append(nil, llm.Step{Events: []llm.Event{finish, {Kind: llm.Metered, Usage: last}}}, false))
	if out != "" {
		t.Errorf("before the end: %s", out)
	}
	out = string(e.Close(nil))
	if !strings.Contains(out, `"stop_reason":"tool_use"`) || !strings.Contains(out, `"output_tokens":9`) || !strings.HasSuffix(out, "data: {\"type\":\"message_stop\"}\n\n") {
		t.Error(out)
	}
	if again := e.Close(nil); len(again) > 0 {
		t.Errorf("closed twice: %s", again)
	}
}

// A stream of this dialect passes byte for byte; a step that somebody changed is written so that the copied ones around it fit.
func TestStreamEncoderMixed(t *testing.T) {
	in := stream(msgStart, start(0, `{"type":"text","text":""}`), delta(0, `{"type":"text_delta","text":"secret"}`), stop(0),
		start(1, `{"type":"tool_use","id":"a","name":"f","input":{}}`), delta(1, `{"type":"input_json_delta","partial_json":"{\"x\":1}"}`), stop(1),
		strings.Replace(msgDelta, "end_turn", "tool_use", 1), msgStop)
	pass := func(change func(n int) bool) string {
		d, e := Codec{}.NewStreamDecoder(llm.Target{Issuer: issuer}), Codec{}.NewStreamEncoder(codec.StreamOptions{})
		r := sse.NewReader(strings.NewReader(in), 0)
		var out []byte
		for n := 0; ; n++ {
			f, err := r.Next()
			if err != nil {
				break
			}
			var step llm.Step
			step.Raw = f.Raw
			step.Events, err = d.Decode(nil, f)
			if err != nil {
				t.Fatal(err)
			}
			if change(n) {
				step.Raw = nil
			}
			out = e.Append(out, step, true)
		}
		return string(e.Close(out))
	}
	if out := pass(func(int) bool { return false }); out != in {
		t.Errorf("changed: %s", out)
	}
	want, _ := events(strings.NewReader(in))
	for mask := range 1 << 9 {
		out := pass(func(n int) bool { return mask>>n&1 == 1 })
		checkGrammar(t, fmt.Sprint(mask), []byte(out), nil)
		got, err := events(strings.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(collect(want).Choices, collect(got).Choices); diff != "" {
			t.Fatalf("steps %b written anew: %s", mask, diff)
		}
	}
}

func TestStreamEncoderBreaks(t *testing.T) {
	e := Codec{}.NewStreamEncoder(codec.StreamOptions{})
	out := e.Append(nil, llm.Step{Events: []llm.Event{{Kind: llm.Start, ID: "x"}, begin(0, llm.Text{}), more(0, "a")}}, false)
	if end := e.Close(nil); len(end) > 0 {
		t.Errorf("a cut stream looks whole: %s", end)
	}
	out = e.Fail(out, &llm.Error{Class: llm.Network, Code: "upstream_truncated", Message: "broke off"})
	want := "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"broke off\",\"code\":\"upstream_truncated\"}}\n\n"
	if !strings.HasSuffix(string(out), want) {
		t.Errorf("%s", out)
	}
	if end := e.Close(nil); len(end) > 0 {
		t.Errorf("something behind the error: %s", end)
	}
	if got := string(e.Ping(nil)); got != "event: ping\ndata: {\"type\":\"ping\"}\n\n" {
		t.Error(got)
	}
}
