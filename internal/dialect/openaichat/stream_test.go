package openaichat

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
)

// frames makes a stream of payloads.
func frames(payloads ...string) string {
	var b strings.Builder
	for _, p := range payloads {
		b.WriteString("data: " + p + "\n\n")
	}
	return b.String()
}

// delta is a chunk with one choice.
func delta(members string) string {
	return `{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{` + members + `},"finish_reason":null}]}`
}

func finish(word string) string {
	return `{"id":"c1","created":7,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"` + word + `"}]}`
}

const done = "[DONE]"

func decode(t *testing.T, in string, from llm.Target) (*llm.Reply, error) {
	t.Helper()
	steps, err := decodeStream(t, strings.NewReader(in), from)
	return collect(t, allEvents(steps)), err
}

func calls(all ...string) string {
	return `"tool_calls":[` + strings.Join(all, ",") + `]`
}

// The ways in which recorded providers cut up tool calls (pitfall C6). All of them are the same two calls.
func TestStreamCalls(t *testing.T) {
	const a1, a2, b1, b2 = `{\"x\":`, `\"é\\n\"}`, `{\"y\"`, `:2}`
	begin := func(index, id, name, args string) string {
		return fmt.Sprintf(`{%s%s"type":"function","function":{"name":%q,"arguments":"%s"}}`, index, id, name, args)
	}
	more := func(index, args string) string {
		return fmt.Sprintf(`{%s"function":{"arguments":"%s"}}`, index, args)
	}
	const i0, i1, i7 = `"index":0,`, `"index":1,`, `"index":7,`
	const idA, idB = `"id":"A",`, `"id":"B",`
	for name, deltas := range map[string][]string{
		"sequential":        {calls(begin(i0, idA, "fa", "")), calls(more(i0, a1)), calls(more(i0, a2)), calls(begin(i1, idB, "fb", "")), calls(more(i1, b1+b2))},
		"interleaved":       {calls(begin(i0, idA, "fa", "")), calls(begin(i1, idB, "fb", b1)), calls(more(i0, a1)), calls(more(i1, b2)), calls(more(i0, a2))},
		"two in a delta":    {calls(begin(i0, idA, "fa", a1), begin(i1, idB, "fb", b1)), calls(more(i0, a2), more(i1, b2))},
		"whole":             {calls(begin(i0, idA, "fa", a1+a2), begin(i1, idB, "fb", b1+b2))},
		"whole, one each":   {calls(begin(i0, idA, "fa", a1+a2)), calls(begin(i1, idB, "fb", b1+b2))},
		"same index":        {calls(begin(i0, idA, "fa", a1+a2)), calls(begin(i0, idB, "fb", b1+b2))},
		"same index, cut":   {calls(begin(i0, idA, "fa", "")), calls(more(i0, a1+a2)), calls(begin(i0, idB, "fb", b1)), calls(more(i0, b2))},
		"gap":               {calls(begin(i1, idA, "fa", a1+a2)), calls(begin(i7, idB, "fb", b1)), calls(more(i7, b2))},
		"no index":          {calls(begin("", idA, "fa", a1)), calls(more("", a2)), calls(begin("", idB, "fb", b1)), calls(more("", b2))},
		"index null":        {calls(begin(`"index":null,`, idA, "fa", a1+a2)), calls(begin(`"index":null,`, idB, "fb", b1+b2))},
		"id repeated":       {calls(begin(i0, idA, "fa", a1)), calls(begin(i0, idA, "fa", a2)), calls(begin(i1, idB, "fb", b1+b2))},
		"id empty later":    {calls(begin(i0, idA, "fa", a1)), calls(more(i0+`"id":"",`, a2)), calls(begin(i1, idB, "fb", b1+b2))},
		"name later":        {calls(`{"index":0,"id":"A"}`), calls(more(i0, a1)), calls(begin(i0, "", "fa", a2)), calls(begin(i1, idB, "fb", b1+b2))},
		"finish every time": {calls(begin(i0, idA, "fa", a1+a2)) + `},"finish_reason":"tool_calls","x":{`, calls(begin(i0, idB, "fb", b1+b2))},
	} {
		t.Run(name, func(t *testing.T) {
			var all []string
			for _, d := range deltas {
				all = append(all, delta(d))
			}
			got, err := decode(t, frames(append(all, finish("tool_calls"), done)...), llm.Target{})
			if err != nil {
				t.Fatal(err)
			}
			want := []llm.Part{
				llm.Call{ID: "A", Name: "fa", Args: "{\"x\":\"é\\n\"}"},
				llm.Call{ID: "B", Name: "fb", Args: `{"y":2}`},
			}
			if diff := cmp.Diff(want, got.Choices[0].Parts); diff != "" {
				t.Error(diff)
			}
			if got.Choices[0].Stop.Reason != llm.StopTools {
				t.Errorf("stop %+v", got.Choices[0].Stop)
			}
		})
	}
}

func TestStreamCallsOdd(t *testing.T) {
	for _, tt := range []struct {
		name   string
		deltas []string
		want   []llm.Part
	}{
		{"no arguments", []string{calls(`{"index":0,"id":"A","function":{"name":"f"}}`)}, []llm.Part{llm.Call{ID: "A", Name: "f"}}},
		{"empty arguments", []string{calls(`{"index":0,"id":"A","function":{"name":"f","arguments":""}}`)}, []llm.Part{llm.Call{ID: "A", Name: "f"}}},
		{"invalid arguments", []string{calls(`{"index":0,"id":"A","function":{"name":"f","arguments":"{\"a\":"}}`)}, []llm.Part{llm.Call{ID: "A", Name: "f", Args: `{"a":`}}},
		{"custom", []string{calls(`{"index":0,"id":"A","type":"custom","custom":{"name":"f","input":"4 "}}`), calls(`{"index":0,"custom":{"input":"+ 4"}}`)}, []llm.Part{llm.Call{ID: "A", Name: "f", Args: "4 + 4", Custom: true}}},
		{"no ids", []string{calls(`{"index":0,"function":{"name":"f","arguments":"{}"}}`), calls(`{"index":0,"function":{"name":"f","arguments":"{}"}}`)}, []llm.Part{
			llm.Call{ID: madeID("c1", 0, 0), Name: "f", Args: "{}"}, llm.Call{ID: madeID("c1", 0, 1), Name: "f", Args: "{}"},
		}},
		{"function_call", []string{`"function_call":{"name":"f","arguments":""}`, `"function_call":{"arguments":"{}"}`}, []llm.Part{llm.Call{ID: madeID("c1", 0, 0), Name: "f", Args: "{}"}}},
		{"text in front", []string{`"content":"hm"`, calls(`{"index":0,"id":"A","function":{"name":"f"}}`)}, []llm.Part{llm.Text{Text: "hm"}, llm.Call{ID: "A", Name: "f"}}},
		{"google's signature", []string{calls(`{"index":0,"id":"A","function":{"name":"f"},"extra_content":{"google":{"thought_signature":"S"}}}`)}, []llm.Part{
			llm.Call{ID: "A", Name: "f", Seal: &llm.Seal{Issuer: "google", Data: "S"}},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all []string
			for _, d := range tt.deltas {
				all = append(all, delta(d))
			}
			got, err := decode(t, frames(append(all, finish("stop"), done)...), llm.Target{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Choices[0].Parts); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStreamParts(t *testing.T) {
	google := &llm.Seal{Issuer: "anthropic", Data: "S"}
	for _, tt := range []struct {
		name   string
		deltas []string
		want   []llm.Part
	}{
		{"reasoning_content", []string{`"role":"assistant","content":null,"reasoning_content":"a"`, `"reasoning_content":"b","content":""`, `"content":"c","reasoning_content":null`}, []llm.Part{llm.Thought{Text: "ab"}, llm.Text{Text: "c"}}},
		{"reasoning", []string{`"reasoning":"a","content":""`, `"reasoning":null,"content":"c"`}, []llm.Part{llm.Thought{Text: "a"}, llm.Text{Text: "c"}}},
		{"details beside reasoning", []string{
			`"reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a","index":0}]`,
			`"reasoning":"b","reasoning_details":[{"type":"reasoning.text","text":"b","index":0}]`,
			`"reasoning_details":[{"type":"reasoning.text","signature":"S","format":"anthropic-claude-v1","index":0}]`,
		}, []llm.Part{llm.Thought{Text: "ab", Seal: google}}},
		{"two thoughts", []string{
			`"reasoning_details":[{"type":"reasoning.text","text":"a","signature":"S","format":"anthropic-claude-v1","index":0}]`,
			`"reasoning_details":[{"type":"reasoning.text","text":"b","index":1}]`,
		}, []llm.Part{llm.Thought{Text: "a", Seal: google}, llm.Thought{Text: "b"}}},
		{"encrypted", []string{
			`"reasoning":"a"`,
			`"reasoning_details":[{"type":"reasoning.encrypted","data":"S","format":"anthropic-claude-v1","index":0}]`,
		}, []llm.Part{llm.Thought{Text: "a"}, llm.Thought{Redacted: true, Seal: google}}},
		{"details at the end again", []string{
			`"reasoning":"a"`, `"reasoning":"b"`,
			`"reasoning_details":[{"type":"reasoning.text","text":"ab","signature":"S","format":"anthropic-claude-v1","index":0}]`,
		}, []llm.Part{llm.Thought{Text: "ab", Seal: google}}},
		{"Mistral's parts", []string{
			`"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"}]}]`,
			`"content":[{"type":"thinking","thinking":[{"type":"text","text":"b"}],"closed":true}]`,
			`"content":[{"type":"text","text":"c"}]`, `"content":"d"`,
			`"content":[{"type":"reference","reference_ids":[1]}]`,
		}, []llm.Part{llm.Thought{Text: "ab"}, llm.Text{Text: "cd"}, llm.Opaque{From: own, Kind: "reference", Raw: []byte(`{"type":"reference","reference_ids":[1]}`)}}},
		{"refusal", []string{`"content":null,"refusal":"I "`, `"refusal":"won't"`}, []llm.Part{llm.Text{Text: "I won't", Refusal: true}}},
		{"audio", []string{`"audio":{"id":"a1","transcript":"Hel"}`, `"audio":{"data":"AAA"}`, `"audio":{"data":"BBB","transcript":"lo"}`, `"audio":{"expires_at":9}`}, []llm.Part{
			llm.Opaque{From: own, Kind: "audio", Raw: []byte(`{"id":"a1","data":"AAABBB","expires_at":9,"transcript":"Hello"}`)},
		}},
		{"image", []string{`"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]`}, []llm.Part{llm.Media{Type: "image/png", Data: []byte{0, 0, 0}}}},
		{"annotation", []string{`"content":"x"`, `"annotations":[{"type":"url_citation","url_citation":{"url":"u","title":"t","start_index":0,"end_index":1}}]`}, []llm.Part{
			llm.Text{Text: "x", Cites: []llm.Citation{{URL: "u", Title: "t", From: own, Raw: []byte(`{"type":"url_citation","url_citation":{"url":"u","title":"t","start_index":0,"end_index":1}}`)}}},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all []string
			for _, d := range tt.deltas {
				all = append(all, delta(d))
			}
			got, err := decode(t, frames(append(all, finish("stop"), done)...), llm.Target{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Choices[0].Parts); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Where a stream ends and how. A break must never look like an end.
func TestStreamEnds(t *testing.T) {
	text := delta(`"content":"hi"`)
	usage := `{"id":"c1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`
	azure := `{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}`
	two := `{"id":"c1","created":7,"model":"m","choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}`
	for _, tt := range []struct {
		name, in, code string
		class          llm.Class
	}{
		{"whole", frames(text, finish("stop"), usage, done), "", 0},
		{"azure", frames(azure, text, finish("stop"), usage, done), "", 0},
		{"comments and odd events", ": OPENROUTER PROCESSING\n\n" + "event: ping\ndata:\n\n" + frames(text, `{"type":"unknown"}`, finish("stop"), done), "", 0},
		{"crlf", strings.ReplaceAll(frames(text, finish("stop"), done), "\n", "\r\n"), "", 0},
		{"no terminator", frames(text, finish("stop"), usage), "", 0},
		{"no finish", frames(text, done), "", 0},
		{"refused by a filter, no text", frames(finish("content_filter"), done), "", 0},
		{"cut", frames(text), "upstream_truncated", llm.Network},
		{"cut in a frame", frames(text) + `data: {"id":"c1","choi`, "upstream_invalid_frame", llm.Network},
		{"nothing", "", "upstream_truncated", llm.Network},
		{"only usage", frames(usage), "upstream_truncated", llm.Network},
		{"no word and no reason", frames(delta(`"role":"assistant","content":""`), done), "", 0},
		{"no choice", frames(done), "upstream_empty", llm.Overloaded},
		{"one of two unfinished", frames(two, `{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}`), "upstream_truncated", llm.Network},
		{"error 429", frames(text, `{"error":{"code":429,"message":"slow down"}}`), "", llm.RateLimited},
		{"error 400", frames(`{"error":{"code":400,"message":"Token limit reached"}}`), "", llm.BadRequest},
		{"error 502 beside choices", frames(`{"id":"c1","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"error"}],"error":{"code":502,"message":"gone"}}`), "", llm.Overloaded},
		{"error event", "event: error\n" + frames(`{"message":"boom","type":"server_error"}`), "", llm.Overloaded},
		{"error field", frames(text) + "error: {\"detail\":\"no\",\"error\":{\"message\":\"failed to decode\"}}\n\n", "", llm.Overloaded},
		{"context", frames(`{"error":{"message":"This model's maximum context length is 8 tokens","type":"invalid_request_error","code":"context_length_exceeded"}}`), "context_length_exceeded", llm.ContextLength},
		{"html", "data: <html>\n\n", "upstream_invalid_frame", llm.Network},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := decode(t, tt.in, llm.Target{})
			if tt.class == 0 {
				if err != nil || len(got.Choices) == 0 {
					t.Fatalf("%v, %+v", err, got)
				}
				return
			}
			e, ok := errors.AsType[*llm.Error](err)
			if !ok || e.Class != tt.class || tt.code != "" && e.Code != tt.code || e.Message == "" {
				t.Errorf("%+v", err)
			}
		})
	}
}

// Usage may be in any chunk; what is said later counts, number by number (pitfall B1).
func TestStreamUsage(t *testing.T) {
	const u = `"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}`
	early := `"usage":{"prompt_tokens":10,"completion_tokens":1,"total_tokens":11}`
	text := `{"id":"c1","choices":[{"index":0,"delta":{"content":"hi"}}]}`
	end := `{"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	with := func(chunk, usage string) string { return strings.TrimSuffix(chunk, "}") + "," + usage + "}" }
	want := [llm.NumMeters]int64{llm.InputText: 6, llm.InputCacheRead: 4, llm.OutputText: 3, llm.OutputReasoning: 2}
	for name, in := range map[string]string{
		"its own chunk":    frames(text, end, `{"choices":[],`+u+`}`, done),
		"choices null":     frames(text, end, `{"choices":null,`+u+`}`, done),
		"no choices":       frames(text, end, `{`+u+`}`, done),
		"with the finish":  frames(text, with(end, u), done),
		"with text, early": frames(with(text, u), end, done),
		"twice":            frames(with(text, early), with(end, u), `{"choices":[],`+u+`}`, done),
		"null after":       frames(with(text, u), with(end, `"usage":null`), done),
		"x_groq":           frames(text, with(end, `"x_groq":{"id":"r",`+u+`}`), done),
		"first":            frames(`{"choices":[],`+u+`}`, text, end, done),
		"nulls inside":     frames(with(text, u), with(end, `"usage":{"prompt_tokens":10,"completion_tokens":null,"total_tokens":null}`), done),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decode(t, in, llm.Target{})
			if err != nil || got.Usage == nil || got.Usage.N != want {
				t.Errorf("%v: %+v", err, got.Usage)
			}
		})
	}
}

// Frames that nobody changed go out as they came; the usage chunk only to those who asked.
func TestEncodeSame(t *testing.T) {
	in := ": hello\n\n" + frames(delta(`"role":"assistant","content":"a"`), delta(`"content":"b","odd":1`), finish("stop"))
	usage := frames(`{"id":"c1","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":1}}`)
	end := frames(done)
	for _, asked := range []bool{true, false} {
		steps, err := decodeStream(t, strings.NewReader(in+usage+end), llm.Target{})
		if err != nil {
			t.Fatal(err)
		}
		e := Codec{}.NewStreamEncoder(codec.StreamOptions{Usage: asked})
		want := in + usage + end
		if !asked {
			want = in + end
		}
		var out []byte
		for _, s := range steps {
			out = e.Append(out, s, true)
		}
		if diff := cmp.Diff(want, string(e.Close(out))); diff != "" {
			t.Errorf("usage %v:\n%s", asked, diff)
		}
	}
}

// A stream of which some frames were changed on the way still says everything once.
func TestEncodeChanged(t *testing.T) {
	in := frames(delta(`"role":"assistant","content":"a"`), delta(`"content":"b"`),
		delta(calls(`{"index":3,"id":"A","type":"function","function":{"name":"f","arguments":"{}"}}`)), finish("tool_calls"),
		`{"id":"c1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	for _, end := range []string{frames(done), ""} {
		for changed := range 5 {
			steps, err := decodeStream(t, strings.NewReader(in+end), llm.Target{})
			if err != nil {
				t.Fatal(err)
			}
			e := Codec{}.NewStreamEncoder(codec.StreamOptions{Usage: true})
			var out []byte
			for i, s := range steps {
				if i == changed || len(s.Raw) == 0 {
					s.Raw = nil
				}
				out = e.Append(out, s, true)
			}
			out = e.Close(out)
			finishes := strings.Count(string(out), `"finish_reason":"tool_calls"`)
			if finishes != 1 || !strings.HasSuffix(string(out), frames(done)) || strings.Count(string(out), `"usage":{`) != 1 {
				t.Errorf("frame %d changed, end %q:\n%s", changed, end, out)
			}
			if r, err := decode(t, string(out), llm.Target{}); err != nil || r.Usage == nil || len(r.Choices[0].Parts) != 2 {
				t.Errorf("frame %d changed: %v, %+v", changed, err, r)
			}
		}
	}
}

func TestEncodeFail(t *testing.T) {
	e := Codec{}.NewStreamEncoder(codec.StreamOptions{ID: "x", Model: "m"})
	out := e.Append(nil, llm.Step{Events: []llm.Event{{Kind: llm.Begin, Part: llm.Text{}}, {Kind: llm.Delta, Delta: "a"}}}, false)
	out = e.Ping(out)
	out = e.Fail(out, &llm.Error{Class: llm.Network, Code: "upstream_truncated", Message: "the provider's answer broke off"})
	out = e.Close(out)
	want := frames(`{"id":"x","object":"chat.completion.chunk","created":0,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":null}]}`) +
		": ping\n\n" +
		frames(`{"error":{"message":"the provider's answer broke off","type":"server_error","param":null,"code":"upstream_truncated"}}`)
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Error(diff)
	}
}

// What a foreign upstream says, in the words of chat.
func TestEncodeForeign(t *testing.T) {
	seal := &llm.Seal{Issuer: "anthropic", Data: "SIG"}
	usage := &llm.Usage{}
	usage.N[llm.InputText], usage.N[llm.InputCacheRead], usage.N[llm.InputCacheWrite5m], usage.N[llm.OutputText] = 1, 2, 3, 4
	events := []llm.Event{
		{Kind: llm.Start, ID: "msg_1", Model: "claude"},
		{Kind: llm.Begin, Index: 0, Part: llm.Thought{}},
		{Kind: llm.Delta, Index: 0, Delta: "hm"},
		{Kind: llm.Sealed, Index: 0, Seal: seal},
		{Kind: llm.End, Index: 0},
		{Kind: llm.Begin, Index: 1, Part: llm.Thought{Redacted: true, Seal: seal}},
		{Kind: llm.End, Index: 1},
		{Kind: llm.Begin, Index: 2, Part: llm.Opaque{From: llm.Anthropic, Kind: "server_tool_use"}},
		{Kind: llm.End, Index: 2},
		{Kind: llm.Begin, Index: 3, Part: llm.Call{ID: "toolu_1", Name: "f", Seal: &llm.Seal{Issuer: "google", Data: "G"}}},
		{Kind: llm.Delta, Index: 3, Delta: "{}"},
		{Kind: llm.End, Index: 3},
		{Kind: llm.Metered, Usage: usage},
		{Kind: llm.Finish, Stop: llm.Stop{Reason: llm.StopTools, Raw: "tool_use"}},
		{Kind: llm.Done},
	}
	e := Codec{}.NewStreamEncoder(codec.StreamOptions{Usage: true, Now: 9})
	out := e.Close(e.Append(nil, llm.Step{Events: events}, false))
	chunk := func(delta, finish string) string {
		return `{"id":"msg_1","object":"chat.completion.chunk","created":9,"model":"claude","choices":[{"index":0,"delta":{` + delta + `},"finish_reason":` + finish + `}]}`
	}
	wrapped := seal.Wrap()
	want := frames(
		chunk(`"role":"assistant","reasoning_content":"hm"`, "null"),
		chunk(`"reasoning_details":[{"type":"reasoning.text","text":"hm","signature":"`+wrapped+`","format":"anthropic-claude-v1","index":0}]`, "null"),
		chunk(`"reasoning_details":[{"type":"reasoning.encrypted","data":"`+wrapped+`","format":"anthropic-claude-v1","index":1}]`, "null"),
		chunk(`"tool_calls":[{"index":0,"id":"toolu_1","type":"function","function":{"name":"f","arguments":""},"extra_content":{"google":{"thought_signature":"`+(&llm.Seal{Issuer: "google", Data: "G"}).Wrap()+`"}}}]`, "null"),
		chunk(`"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]`, "null"),
		chunk(``, `"tool_calls"`),
		`{"id":"msg_1","object":"chat.completion.chunk","created":9,"model":"claude","choices":[],"usage":{"prompt_tokens":6,"completion_tokens":4,"total_tokens":10,`+
			`"prompt_tokens_details":{"cached_tokens":2,"audio_tokens":0,"cache_write_tokens":3},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}}}`,
		done,
	)
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Error(diff)
	}
	if l := e.Losses(); len(l) != 1 || l[0].Grave {
		t.Errorf("losses %+v", l)
	}
	// The client sends the details back: the seals are the issuer's again.
	round, err := decode(t, string(out), llm.Target{})
	if err != nil {
		t.Fatal(err)
	}
	if got := round.Choices[0].Parts[0].(llm.Thought); got.Text != "hm" || got.Seal == nil || *got.Seal != *seal {
		t.Errorf("%+v", got)
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte(frames(delta(`"content":"hi"`), finish("stop"), done)), uint8(1))
	f.Add([]byte(frames(delta(calls(`{"index":0,"id":"A","function":{"name":"f","arguments":"{}"}}`)), delta(`"reasoning_details":[{"type":"reasoning.text","text":"a"}]`))), uint8(3))
	f.Add([]byte("event: error\ndata: [1]\n\nerror: {\n\n"), uint8(2))
	f.Fuzz(func(t *testing.T, in []byte, n uint8) {
		steps, err := decodeStream(t, bytes.NewReader(in), llm.Target{})
		at := bytes.NewReader(in)
		size := int(n)%5 + 1
		again, err2 := decodeStream(t, readFunc(func(p []byte) (int, error) { return at.Read(p[:min(size, len(p))]) }), llm.Target{})
		if (err == nil) != (err2 == nil) {
			t.Fatalf("%v, in chunks of %d %v", err, size, err2)
		}
		if diff := cmp.Diff(allEvents(steps), allEvents(again)); diff != "" {
			t.Fatal(diff)
		}
		if err == nil {
			encodeAgain(t, steps)
		}
	})
}

// encodeAgain writes a stream anew and reads it back: the events say the same.
func encodeAgain(t *testing.T, steps []llm.Step) {
	first := collect(t, allEvents(steps))
	e := Codec{}.NewStreamEncoder(codec.StreamOptions{Usage: true})
	var out []byte
	for _, s := range steps {
		out = e.Append(out, s, false)
	}
	round, err := decodeStream(t, bytes.NewReader(e.Close(out)), llm.Target{})
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	second := collect(t, allEvents(round))
	if len(first.Choices) != len(second.Choices) {
		t.Fatalf("%d choices, %d again\n%s", len(first.Choices), len(second.Choices), out)
	}
	for i := range first.Choices {
		one := finding(t, &llm.Reply{Choices: first.Choices[i : i+1]})
		two := finding(t, &llm.Reply{Choices: second.Choices[i : i+1]})
		one.Finish, two.Finish = nil, nil
		if diff := cmp.Diff(one, two); diff != "" {
			t.Fatal(diff)
		}
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func textFrame() sse.Frame {
	data := `{"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk","created":1741569952,"model":"gpt-5.4-mini-2026-02-01","service_tier":"default","system_fingerprint":"fp_b376dfbbd5","choices":[{"index":0,"delta":{"content":" and then some"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"dJ4x2"}`
	return sse.Frame{Raw: []byte("data: " + data + "\n\n"), Data: []byte(data)}
}

// The path of every frame that is only passed on: one allocation for the text, none for passing on.
func TestDecodeAllocs(t *testing.T) {
	d, frame := Codec{}.NewStreamDecoder(llm.Target{}), textFrame()
	e := Codec{}.NewStreamEncoder(codec.StreamOptions{})
	events, out := make([]llm.Event, 0, 8), make([]byte, 0, 4096)
	n := testing.AllocsPerRun(100, func() {
		events, _ = d.Decode(events[:0], frame)
		out = e.Append(out[:0], llm.Step{Raw: frame.Raw, Events: events}, true)
	})
	if n > 1 {
		t.Errorf("%v allocations for a frame of text", n)
	}
}

func BenchmarkDecodeText(b *testing.B) {
	d, frame := Codec{}.NewStreamDecoder(llm.Target{}), textFrame()
	events := make([]llm.Event, 0, 8)
	b.SetBytes(int64(len(frame.Raw)))
	b.ReportAllocs()
	for b.Loop() {
		events, _ = d.Decode(events[:0], frame)
	}
}

func BenchmarkEncodeText(b *testing.B) {
	e := Codec{}.NewStreamEncoder(codec.StreamOptions{ID: "c", Model: "m"})
	step := llm.Step{Events: []llm.Event{{Kind: llm.Delta, Delta: " and then some"}}}
	e.Append(nil, llm.Step{Events: []llm.Event{{Kind: llm.Begin, Part: llm.Text{}}}}, false)
	out := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		out = e.Append(out[:0], step, false)
	}
}
