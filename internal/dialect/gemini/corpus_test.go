package gemini

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sort"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"tidegate/internal/dialect/codec"
	"tidegate/internal/dialect/corpus"
	"tidegate/internal/frame/sse"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

const surface = "gemini-generate"

// target is the provider that a record was made with.
func target(r *corpus.Record) llm.Target { return llm.Target{Model: r.Model, Issuer: issuer} }

// equal compares in the neutral model: nil and empty are the same there, so are JSON texts apart from white space, and no
// arguments are an empty object.
var equal = cmp.Options{
	ofType[jsontext.Value](cmp.Comparer(func(a, b jsontext.Value) bool { return tight(string(a)) == tight(string(b)) })),
	ofType[[]byte](cmp.Comparer(bytes.Equal)),
	cmp.FilterPath(func(p cmp.Path) bool {
		return p.Last().Type().Kind() != reflect.Slice || p.Last().Type().Elem().Kind() != reflect.Uint8
	}, cmpopts.EquateEmpty()),
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Args" }, cmp.Comparer(func(a, b string) bool {
		return tight(a) == tight(b)
	})),
}

func ofType[T any](opt cmp.Option) cmp.Option {
	return cmp.FilterPath(func(p cmp.Path) bool { return p.Last().Type() == reflect.TypeFor[T]() }, opt)
}

func tight(s string) string {
	if s == "" || s == "null" {
		return "{}"
	}
	v := jsontext.Value(s)
	_ = v.Compact() // not JSON: compared as it is
	return string(v)
}

// arranged is a conversation as the encoder arranges it: neighbours of one role are one message, and results come first and in
// the order of their calls.
func arranged(chat *llm.Chat) *llm.Chat {
	c := *merged(chat)
	order := map[string]int{}
	for i := range c.Messages {
		m := &c.Messages[i]
		m.Parts = append([]llm.Part(nil), m.Parts...)
		for _, p := range m.Parts {
			if call, ok := p.(llm.Call); ok {
				order[call.ID] = len(order)
			}
		}
		rank := func(p llm.Part) int {
			if r, ok := p.(llm.Result); ok {
				return order[r.CallID]
			}
			return 1 << 30
		}
		sort.SliceStable(m.Parts, func(a, b int) bool { return rank(m.Parts[a]) < rank(m.Parts[b]) })
	}
	return &c
}

func merged(chat *llm.Chat) *llm.Chat {
	c := *chat
	c.Messages = nil
	for _, m := range chat.Messages {
		if n := len(c.Messages); n > 0 && c.Messages[n-1].Role == m.Role {
			last := &c.Messages[n-1]
			last.Parts = append(append([]llm.Part(nil), last.Parts...), m.Parts...)
			continue
		}
		if len(m.Parts) > 0 {
			c.Messages = append(c.Messages, m)
		}
	}
	return &c
}

// Every recorded request decodes, and what is written anew means the same.
func TestCorpusRequests(t *testing.T) {
	n, unchanged := 0, 0
	differences := map[string]int{}
	for _, r := range corpus.Read(t, surface) {
		if r.RequestEncoding != "json" || r.Status >= 300 {
			continue
		}
		n++
		head, err := Codec{}.Head(r.RequestBody)
		if err != nil {
			t.Errorf("%s: head: %v", r.ID, err)
			continue
		}
		chat, err := Codec{}.DecodeRequest(r.RequestBody)
		if err != nil {
			t.Errorf("%s: %v", r.ID, err)
			continue
		}
		if head.Messages != len(chat.Messages) || head.Tools != len(chat.Tools) {
			t.Errorf("%s: head says %d messages and %d tools", r.ID, head.Messages, head.Tools)
		}
		out, losses, err := Codec{}.EncodeRequest(chat, target(r))
		if err != nil {
			t.Errorf("%s: encode: %v", r.ID, err)
			continue
		}
		for _, l := range losses {
			differences["loss: "+l.Path+": "+l.Why]++
		}
		if err := rawjson.Check(out); err != nil {
			t.Fatalf("%s: %v\n%s", r.ID, err, out)
		}
		again, err := Codec{}.DecodeRequest(out)
		if err != nil {
			t.Errorf("%s: again: %v\n%s", r.ID, err, out)
			continue
		}
		if diff := cmp.Diff(arranged(chat), again, equal); diff != "" && len(losses) == 0 {
			t.Errorf("%s: decode(encode(x)) differs\n%s", r.ID, diff)
		}
		here := map[string]int{}
		compare(here, "", plain(t, r.RequestBody), plain(t, out))
		for what, k := range here {
			differences[what] += k
		}
		if len(here) == 0 {
			unchanged++
		}
	}
	t.Logf("%d requests, %d of them the same document", n, unchanged)
	for what, k := range differences {
		why := ""
		for part, reason := range harmless {
			if strings.Contains(what, part) {
				why = reason
			}
		}
		if why == "" {
			t.Errorf("%4d %s", k, what)
		} else {
			t.Logf("%4d %s: %s", k, what, why)
		}
	}
}

// harmless are the differences between a recorded request and what is written anew that mean the same to Gemini.
var harmless = map[string]string{
	".thought missing":                             "false is the default",
	".systemInstruction":                           "its role is ignored, a single part is a list of one, an empty instruction is none",
	".model missing":                               "it is in the URL",
	".generationConfig missing":                    "it was empty",
	".description missing":                         "it was empty",
	".id added":                                    "calls and results are paired by id",
	".functionResponse.name":                       "it was empty",
	".functionResponse.response.":                  "a wrapped object is sent as it is, a wrapped number as text, and the wrapping is always result",
	"arameters":                                    "JSON Schema instead of the OpenAPI subset",
	"JsonSchema":                                   "JSON Schema instead of the OpenAPI subset",
	"responseSchema":                               "JSON Schema instead of the OpenAPI subset",
	".inlineData.data changed":                     "the other alphabet of base64, or no padding",
	".thinkingLevel changed":                       "in small letters",
	".includeThoughts":                             "hidden is the default",
	".thoughtSignature changed":                    "the documented dummy, not in base64",
	".thoughtSignature missing":                    "the documented dummy, for a model before Gemini 3",
	".thoughtSignature added":                      "Gemini 3 wants one",
	".contents changed":                            "neighbours of one role become one turn",
	"loss: messages: Gemini's conversations begin": "the only text was empty",
	".contents[].parts[].text changed":             "the only text was empty",
}

// plain is a document as maps, for comparing.
func plain(t *testing.T, doc []byte) any {
	t.Helper()
	var build func(v []byte) any
	build = func(v []byte) any {
		switch jsontext.Value(v).Kind() {
		case '{':
			m := map[string]any{}
			_ = rawjson.Object(v, func(name, value []byte) bool {
				if !rawjson.IsNull(value) {
					m[string(name)] = build(value)
				}
				return true
			})
			return m
		case '[':
			a := []any{}
			_ = rawjson.Array(v, func(_ int, item []byte) bool { a = append(a, build(item)); return true })
			return a
		}
		if f, ok := number(v); ok && v[0] != '"' {
			return f
		}
		return text(v) + string(v[:1])
	}
	return build(doc)
}

// compare counts the kinds of differences between two documents.
func compare(counts map[string]int, path string, a, b any) {
	switch a := a.(type) {
	case map[string]any:
		if bm, ok := b.(map[string]any); ok {
			seen := map[string]bool{}
			for k, v := range a {
				name := string(camel([]byte(k)))
				seen[name], seen[k] = true, true
				w, ok := bm[name]
				if !ok {
					w, ok = bm[k]
				}
				if !ok {
					counts[path+"."+name+" missing"]++
					continue
				}
				compare(counts, path+"."+name, v, w)
			}
			for k := range bm {
				if !seen[k] {
					counts[path+"."+k+" added"]++
				}
			}
			return
		}
	case []any:
		if ba, ok := b.([]any); ok && len(a) == len(ba) {
			for i := range a {
				compare(counts, path+"[]", a[i], ba[i])
			}
			return
		}
	}
	if fmt.Sprint(a) != fmt.Sprint(b) {
		counts[path+" changed"]++
	}
}

// events reads a recorded answer, whole or in frames.
func events(t *testing.T, r *corpus.Record, wrap func(io.Reader) io.Reader) ([]llm.Event, []llm.Step, error) {
	t.Helper()
	return decode(r.Body(t), target(r), wrap)
}

func decode(body []byte, from llm.Target, wrap func(io.Reader) io.Reader) (all []llm.Event, steps []llm.Step, err error) {
	frames := sse.NewReader(wrap(bytes.NewReader(body)), 0)
	dec := Codec{}.NewStreamDecoder(from)
	for {
		frame, err := frames.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return all, steps, err
		}
		n := len(all)
		if all, err = dec.Decode(all, frame); err != nil {
			return all, steps, err
		}
		copy(all[n:], frozen(all[n:]))
		step := llm.Step{Raw: frame.Raw, Events: all[n:]}
		steps = append(steps, step.Clone())
	}
	n := len(all)
	all, err = dec.Close(all)
	steps = append(steps, llm.Step{Events: all[n:]})
	return all, steps, err
}

// frozen copies events with the usage they point to, which grows.
func frozen(events []llm.Event) []llm.Event {
	out := append([]llm.Event(nil), events...)
	for i := range out {
		if out[i].Usage != nil {
			u := *out[i].Usage
			out[i].Usage = &u
		}
	}
	return out
}

func asIs(r io.Reader) io.Reader { return r }

// Every recorded answer decodes to what an independent decoder found in it, whatever the chunks; and written anew it says the
// same and satisfies the schema.
func TestCorpusReplies(t *testing.T) {
	schema := corpus.Schema(t, surface)
	whole, streams, partial := 0, 0, 0
	for _, r := range corpus.Read(t, surface) {
		if r.Status >= 300 || r.Framing == "json-array" { // the array form is not for a stream decoder of SSE
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			var reply *llm.Reply
			if r.Framing == "sse" {
				streams++
				all, steps, err := events(t, r, asIs)
				if err != nil {
					t.Fatal(err)
				}
				grammar(t, all)
				bytewise, _, err := events(t, r, iotest.OneByteReader)
				if diff := cmp.Diff(all, bytewise); diff != "" || err != nil {
					t.Errorf("byte by byte: %v\n%s", err, diff)
				}
				reply = collect(all)
				restream(t, r, steps, reply, schema)
			} else {
				whole++
				var err error
				if reply, err = (Codec{}).DecodeReply(r.Body(t), target(r)); err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range r.Facts.Calls {
				if c.Partial {
					partial++
					break
				}
			}
			facts(t, r, reply)
			reencode(t, r, reply, schema)
		})
	}
	t.Logf("%d whole, %d streams, of which %d with calls in pieces", whole, streams, partial)
}

// facts compares with what the recording's own decoder found.
func facts(t *testing.T, r *corpus.Record, reply *llm.Reply) {
	t.Helper()
	f := r.Facts
	var said, thought strings.Builder
	var calls []corpus.Call
	var server []string
	ids := map[string]bool{}
	if len(reply.Choices) > 0 { // the facts are those of the first
		for _, p := range reply.Choices[0].Parts {
			switch p := p.(type) {
			case llm.Text:
				said.WriteString(p.Text)
			case llm.Thought:
				thought.WriteString(p.Text)
			case llm.Call:
				args := p.Args
				if args == "" {
					args = "{}"
				}
				calls = append(calls, corpus.Call{ID: p.ID, Name: p.Name, Arguments: jsontext.Value(args)})
				if p.ID == "" || ids[p.ID] {
					t.Errorf("call id %q", p.ID)
				}
				ids[p.ID] = true
			case llm.Opaque:
				server = append(server, p.Kind)
			}
		}
	}
	if said.String() != f.Text {
		t.Errorf("text %q, want %q", said.String(), f.Text)
	}
	if thought.String() != f.Reasoning {
		t.Errorf("reasoning %q, want %q", thought.String(), f.Reasoning)
	}
	for _, want := range f.Server {
		word, _ := rawjson.String(want)
		if len(server) == 0 {
			t.Errorf("server tool %s is missing", word)
			break
		}
		if server[0] != word {
			t.Errorf("server tool %s, want %s", server[0], word)
		}
		server = server[1:]
	}
	compareCalls(t, r, calls)
	if r.Facts.Choices != len(reply.Choices) {
		t.Errorf("%d choices, want %d", len(reply.Choices), f.Choices)
	}
	for i, c := range reply.Choices {
		want, _ := rawjson.String(f.Finish[len(f.Finish)-len(reply.Choices)+i])
		if want == "" {
			want = string(f.Finish[len(f.Finish)-1])
		}
		if c.Stop.Raw != want || c.Stop.Reason == llm.StopNone {
			t.Errorf("stop %+v, want %s", c.Stop, want)
		}
	}
	if reply.ID != f.ID || reply.Model != f.Model {
		t.Errorf("id %q model %q, want %q %q", reply.ID, reply.Model, f.ID, f.Model)
	}
	if reply.Usage == nil {
		t.Fatal("no usage")
	}
	u := reply.Usage
	got := map[string]float64{"input": float64(u.Input()), "output": float64(u.Output()), "cached": float64(u.N[llm.InputCacheRead]), "reasoning": float64(u.N[llm.OutputReasoning])}
	want := map[string]float64{"input": f.Usage["input"] + f.Usage["tool_prompt"], "output": f.Usage["output"] + f.Usage["reasoning"], "cached": f.Usage["cached"], "reasoning": f.Usage["reasoning"]}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("usage\n%s", diff)
	}
	if total := f.Usage["total"]; got["input"]+got["output"] != total {
		t.Logf("the provider's own total %v is not the sum %v", total, got["input"]+got["output"])
	}
}

func compareCalls(t *testing.T, r *corpus.Record, calls []corpus.Call) {
	t.Helper()
	var want []corpus.Call
	pieces := false
	for _, c := range r.Facts.Calls {
		pieces = pieces || c.Partial
		if c.Name != "" {
			want = append(want, c)
		}
	}
	if len(calls) != len(want) {
		t.Fatalf("%d calls, want %d", len(calls), len(want))
	}
	for i, c := range calls {
		if c.Name != want[i].Name || want[i].ID != "" && c.ID != want[i].ID {
			t.Errorf("call %s %s, want %s %s", c.Name, c.ID, want[i].Name, want[i].ID)
		}
		// The recording's decoder does not put pieces together; the pieces of the answer are tested in TestPieces.
		if !pieces && corpus.Canonical(t, c.Arguments) != corpus.Canonical(t, want[i].Arguments) {
			t.Errorf("arguments %s, want %s", c.Arguments, want[i].Arguments)
		}
	}
}

// grammar checks the order of events.
func grammar(t *testing.T, all []llm.Event) {
	t.Helper()
	open, next := map[int]int{}, map[int]int{}
	finished := false
	for i, e := range all {
		switch e.Kind {
		case llm.Begin:
			if _, ok := open[e.Choice]; ok || e.Index != next[e.Choice] || finished {
				t.Fatalf("event %d: begin of %d.%d", i, e.Choice, e.Index)
			}
			open[e.Choice] = e.Index
			next[e.Choice]++
		case llm.Delta, llm.Cited, llm.Sealed, llm.End:
			if n, ok := open[e.Choice]; !ok || n != e.Index || e.Kind == llm.Delta && e.Delta == "" {
				t.Fatalf("event %d: kind %d of %d.%d", i, e.Kind, e.Choice, e.Index)
			}
			if e.Kind == llm.End {
				delete(open, e.Choice)
			}
		case llm.Finish:
			finished = true
			if _, ok := open[e.Choice]; ok {
				t.Fatalf("event %d: finish with an open part", i)
			}
		}
	}
	if len(all) == 0 || all[0].Kind != llm.Start || all[len(all)-1].Kind != llm.Done {
		t.Fatal("no start or no end")
	}
}

// spoken is a reply without what only Gemini's own bytes hold.
func spoken(r *llm.Reply) *llm.Reply {
	c := *r
	c.Created = 0
	if c.Usage != nil {
		u := *c.Usage
		u.Raw, u.Tier, u.N[llm.Searches] = nil, "", 0
		c.Usage = &u
	}
	return &c
}

func reencode(t *testing.T, r *corpus.Record, reply *llm.Reply, schema *jsonschema.Schema) {
	t.Helper()
	out, losses, err := Codec{}.EncodeReply(reply)
	if err != nil || len(losses) > 0 {
		t.Fatal(err, losses)
	}
	if len(r.Framing) > 0 || schemaHolds(schema, r.Body(t)) { // numbers for words, and words of Vertex, are not in it
		valid(t, schema, out)
	}
	again, err := Codec{}.DecodeReply(out, target(r))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if diff := cmp.Diff(spoken(reply), spoken(again), equal); diff != "" {
		t.Errorf("decode(encode(x)) differs\n%s", diff)
	}
}

func schemaHolds(schema *jsonschema.Schema, doc []byte) bool {
	return corpus.Validate(schema, doc) == nil
}

func valid(t *testing.T, schema *jsonschema.Schema, doc []byte) {
	t.Helper()
	if err := rawjson.Check(doc); err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	if err := corpus.Validate(schema, doc); err != nil {
		t.Errorf("schema: %v\n%.2000s", err, doc)
	}
}

// restream writes a stream anew, passed on and from the events alone.
func restream(t *testing.T, r *corpus.Record, steps []llm.Step, reply *llm.Reply, schema *jsonschema.Schema) {
	t.Helper()
	enc := Codec{}.NewStreamEncoder(codec.StreamOptions{})
	var out []byte
	for _, s := range steps {
		out = enc.Append(out, s, true)
	}
	if out = enc.Close(out); string(out) != r.ResponseBody {
		t.Errorf("passed on, the stream changed:\n%.300q", out[max(0, len(out)-300):])
	}
	enc, out = Codec{}.NewStreamEncoder(codec.StreamOptions{}), nil
	for _, s := range steps {
		out = enc.Append(out, llm.Step{Events: s.Events}, true)
	}
	out = enc.Close(out)
	if l := enc.Losses(); len(l) > 0 {
		t.Error(l)
	}
	all, again, err := decode(out, target(r), asIs)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, s := range again {
		if s.Raw != nil {
			valid(t, schema, bytes.TrimSpace(bytes.TrimPrefix(s.Raw, []byte("data: "))))
		}
	}
	if diff := cmp.Diff(spoken(reply), spoken(collect(all)), equal); diff != "" {
		t.Errorf("decode(encode(x)) differs\n%s", diff)
	}
}

// Recorded failures have the class that says what can be done.
func TestCorpusErrors(t *testing.T) {
	n := 0
	for _, r := range corpus.Read(t, surface) {
		if r.Status < 400 {
			continue
		}
		n++
		e := Codec{}.DecodeError(r.Status, nil, r.Body(t))
		t.Logf("%d %s: %s", r.Status, e.Class, e.Message)
		if e.Code == "" || e.Message == "" || e.HTTPStatus() != r.Status && e.Class != llm.Credential {
			t.Errorf("%s: %d %q %q", r.ID, e.HTTPStatus(), e.Code, e.Message)
		}
		if strings.Contains(r.ResponseBody, "API key not valid") != (e.Class == llm.Credential && e.Code == "API_KEY_INVALID") {
			t.Errorf("%s: %v", r.ID, e)
		}
		if r.Status == 404 && e.Class != llm.ModelGone || r.Status == 429 && e.Class != llm.RateLimited {
			t.Errorf("%s: %v", r.ID, e)
		}
	}
	t.Logf("%d errors", n)
}
