package anthropic

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tidegate/internal/dialect/codec"
	"tidegate/internal/dialect/corpus"
	"tidegate/internal/frame/sse"
	"tidegate/internal/llm"
)

// A request that decodes and encodes without loss says the same afterwards, and encoding is deterministic.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		`{"model":"claude-opus-4-8","max_tokens":9,"messages":` + hi + `}`,
		`{"model":"claude-sonnet-4-5","system":[{"type":"text","text":"S","cache_control":{"type":"ephemeral"}}],"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":9000,` +
			`"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"a","name":"f","input":{"x":1}}]},` +
			`{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"r"}]},{"type":"image","source":{"type":"url","url":"https://x"}}]}],` +
			`"tools":[{"name":"f","input_schema":{"type":"object","additionalProperties":false},"strict":true}],"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}`,
		`{"model":"claude-opus-4-6","output_config":{"effort":"high","format":{"type":"json_schema","schema":{"type":"object","additionalProperties":false}}},"zz":null,` +
			`"metadata":{"user_id":"u","a":1},"messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"eA=="}}]}]}`,
		`{"messages":[{"role":"assistant","content":" "},{"role":"user","content":[{"type":"tool_result"}]}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c := Codec{}
		head, err := c.Head(body)
		if err != nil {
			return
		}
		chat, err := c.DecodeRequest(body)
		if err != nil {
			return
		}
		to := llm.Target{Model: head.Model, Issuer: issuer}
		out, lost, err := c.EncodeRequest(chat, to)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Head(out); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		twice, _, _ := c.EncodeRequest(chat, to)
		if !bytes.Equal(out, twice) {
			t.Fatalf("not deterministic:\n%s\n%s", out, twice)
		}
		again, err := c.DecodeRequest(out)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if len(lost) > 0 {
			return
		}
		if chat.Sampling.MaxTokens == nil {
			again.Sampling.MaxTokens = nil // the default
		}
		for i := range again.Tools { // closed without changing what they accept from the model
			if again.Tools[i].Strict != nil && *again.Tools[i].Strict {
				again.Tools[i].Schema = chat.Tools[i].Schema
			}
		}
		again.Output.Schema = chat.Output.Schema
		chat.Messages = joined(chat.Messages)
		for _, x := range []llm.Ext{chat.Ext, again.Ext} { // members that are partly known are written apart
			for d, raw := range x {
				x[d] = []byte(corpus.Canonical(t, raw))
			}
		}
		if diff := cmp.Diff(chat, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s\n%s", diff, out)
		}
	})
}

// A reply says the same after it was encoded, and its stream collects to it.
func FuzzReply(f *testing.F) {
	f.Add([]byte(`{"id":"a","model":"m","content":[{"type":"text","text":"x"},{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"1","name":"f","input":{"a":1}}],"stop_reason":"tool_use","usage":{"input_tokens":1}}`))
	f.Add([]byte(`{"content":[{"type":"server_tool_use","id":"s","name":"n","input":{"a":1}},{"type":"redacted_thinking","data":"d"},{"type":"zz"}],"stop_reason":"pause_turn"}`))
	f.Add([]byte(`{"content":[{"type":"text","text":"x","citations":[{"type":"char_location"}],"q":1}],"stop_reason":"end_turn","stop_sequence":"x"}`))
	from := llm.Target{Issuer: issuer}
	f.Fuzz(func(t *testing.T, body []byte) {
		c := Codec{}
		r, err := c.DecodeReply(body, from)
		if err != nil {
			return
		}
		out, lost, err := c.EncodeReply(r)
		if err != nil || len(lost) > 0 && !strings.HasSuffix(lost[0].Path, ".arguments") {
			t.Fatal(lost, err)
		}
		again, err := c.DecodeReply(out, from)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		plain := cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(llm.Stop{}, "Raw", "Reason", "Detail")}
		if diff := cmp.Diff(parts(r), parts(again), plain); diff != "" {
			t.Fatalf("%s\n%s", diff, out)
		}
		streamed, err := events(bytes.NewReader(encodeAll(eventsOf(r))))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(parts(r), parts(collect(streamed)), plain); diff != "" {
			t.Fatalf("streamed: %s", diff)
		}
	})
}

func parts(r *llm.Reply) llm.Choice {
	c := r.Choices[0]
	c.Parts = nil
	for _, p := range r.Choices[0].Parts {
		if call, ok := p.(llm.Call); ok && !isObject(call) { // becomes one on the way
			call.Args = string(input(call))
			p = call
		}
		c.Parts = append(c.Parts, p)
	}
	return c
}

// eventsOf says a reply as a stream would.
func eventsOf(r *llm.Reply) (all []llm.Event) {
	all = append(all, llm.Event{Kind: llm.Start, ID: r.ID, Model: r.Model})
	for i, p := range r.Choices[0].Parts {
		switch p := p.(type) {
		case llm.Text:
			all = append(all, begin(i, llm.Text{Ext: p.Ext, Seal: p.Seal}), more(i, p.Text), llm.Event{Kind: llm.Cited, Index: i, Cites: p.Cites})
		case llm.Thought:
			all = append(all, begin(i, llm.Thought{Redacted: p.Redacted, Ext: p.Ext}), more(i, p.Text))
			if p.Seal != nil {
				all = append(all, llm.Event{Kind: llm.Sealed, Index: i, Seal: p.Seal})
			}
		case llm.Call:
			args := p.Args
			if !isObject(p) {
				args = string(input(p))
			}
			all = append(all, begin(i, llm.Call{ID: p.ID, Name: p.Name, Ext: p.Ext, Seal: p.Seal}), more(i, args))
		default:
			all = append(all, begin(i, p))
		}
		all = append(all, ev(llm.End, i))
	}
	return append(all, llm.Event{Kind: llm.Finish, Stop: r.Choices[0].Stop})
}

// A stream never panics, says the same however it is cut, and keeps the promised order; what comes of it is a valid stream.
func FuzzStream(f *testing.F) {
	f.Add([]byte(stream(msgStart, start(0, `{"type":"text","text":""}`), delta(0, `{"type":"text_delta","text":"é"}`), stop(0), msgDelta, msgStop)), uint8(3))
	f.Add([]byte(stream(start(0, `{"type":"tool_use","input":{"a":1}}`), start(0, `{"type":"zz","a":"b"}`), delta(0, `{"type":"x","a":"c"}`), msgDelta)), uint8(1))
	f.Add([]byte(stream(start(1, `{"type":"thinking"}`), delta(1, `{"type":"signature_delta","signature":"s"}`), start(2, `{"type":"redacted_thinking","data":"x"}`), msgDelta)), uint8(7))
	f.Fuzz(func(t *testing.T, in []byte, n uint8) {
		whole, err := events(bytes.NewReader(in))
		step := int(n)%9 + 1
		src := bytes.NewReader(in)
		cut, cutErr := events(readerFunc(func(p []byte) (int, error) { return src.Read(p[:min(step, len(p))]) }))
		if (err == nil) != (cutErr == nil) {
			t.Fatal(err, cutErr)
		}
		if diff := cmp.Diff(whole, cut); diff != "" {
			t.Fatal(diff)
		}
		if err != nil {
			return
		}
		balanced(t, whole[:finished(whole)])
		checkGrammar(t, "fuzz", encodeAll(whole), nil)
	})
}

// finished is the number of events up to the first end; behind it a spliced stream may do as it likes.
func finished(all []llm.Event) int {
	for i, e := range all {
		if e.Kind == llm.Finish {
			return i + 1
		}
	}
	return len(all)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// The decoder reads every frame of every stream, so what a frame of text costs is pinned: the text itself, and nothing else.
func TestStreamDecoderAllocs(t *testing.T) {
	d, frame, dst := textDelta(t)
	if n := testing.AllocsPerRun(1000, func() {
		dst, _ = d.Decode(dst[:0], frame)
	}); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func textDelta(t testing.TB) (codec.StreamDecoder, sse.Frame, []llm.Event) {
	d := Codec{}.NewStreamDecoder(llm.Target{Issuer: issuer})
	r := sse.NewReader(strings.NewReader(stream(msgStart, start(0, `{"type":"text","text":""}`), delta(0, `{"type":"text_delta","text":" a few words of text"}`))), 0)
	for {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			t.Fatal("no delta")
		}
		if bytes.Contains(f.Data, []byte("text_delta")) {
			return d, f, make([]llm.Event, 0, 4)
		}
		if _, err := d.Decode(nil, f); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkStreamDecoder(b *testing.B) {
	d, frame, dst := textDelta(b)
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = d.Decode(dst[:0], frame)
	}
}

func BenchmarkStreamEncoder(b *testing.B) {
	e := Codec{}.NewStreamEncoder(codec.StreamOptions{ID: "x"})
	dst := e.Append(nil, llm.Step{Events: []llm.Event{{Kind: llm.Start}, begin(0, llm.Text{})}}, false)
	step := llm.Step{Events: []llm.Event{more(0, " a few words of text")}}
	b.ReportAllocs()
	for b.Loop() {
		dst = e.Append(dst[:0], step, false)
	}
}

func BenchmarkHead(b *testing.B) {
	body := []byte(`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"` + strings.Repeat("some words of a long prompt ", 2400) + `"}]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (Codec{}).Head(body); err != nil {
			b.Fatal(err)
		}
	}
}
