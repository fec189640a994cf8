package anthropic

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"tidegate/internal/dialect/codec"
	"tidegate/internal/dialect/corpus"
	"tidegate/internal/frame/sse"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

var _ codec.Codec = Codec{}

// found is what a test reads out of a reply, in the shape of corpus.Facts.
type found struct {
	Text, Thoughts string
	Calls          []foundCall
	Opaque         []string // kinds
	Stops          []string
	Sequence       string
	Usage          map[string]int64
}

type foundCall struct{ ID, Name, Args string }

// wanted is what the recordings' own decoder found.
func wanted(t testing.TB, r *corpus.Record) found {
	f := found{Text: r.Facts.Text, Thoughts: r.Facts.Reasoning, Sequence: r.Facts.Stop, Usage: map[string]int64{}}
	for _, c := range r.Facts.Calls {
		f.Calls = append(f.Calls, foundCall{c.ID, c.Name, canonicalArgs(t, c.Arguments)})
	}
	for _, v := range r.Facts.Finish {
		s, _ := rawjson.String(v)
		f.Stops = append(f.Stops, s)
	}
	for _, name := range []string{"input", "output", "cached", "cache_write", "cache_write_5m", "cache_write_1h", "reasoning"} {
		if n := int64(r.Facts.Usage[name]); n != 0 {
			f.Usage[name] = n
		}
	}
	if write := f.Usage["cache_write"]; write > f.Usage["cache_write_5m"]+f.Usage["cache_write_1h"] {
		f.Usage["cache_write_5m"] = write - f.Usage["cache_write_1h"] // not split by the vendor: the default lifetime
	}
	return f
}

// canonicalArgs makes arguments comparable: null and nothing are {}.
func canonicalArgs(t testing.TB, v jsontext.Value) string {
	if s, ok := rawjson.String(v); ok {
		return s
	}
	if rawjson.IsNull(v) {
		return "{}"
	}
	return corpus.Canonical(t, v)
}

func findIn(t testing.TB, c llm.Choice, u *llm.Usage) found {
	f := found{Sequence: c.Stop.Sequence, Usage: meters(u)}
	if c.Stop.Raw != "" {
		f.Stops = []string{c.Stop.Raw}
	}
	for _, p := range c.Parts {
		switch p := p.(type) {
		case llm.Text:
			f.Text += p.Text
		case llm.Thought:
			f.Thoughts += p.Text
		case llm.Call:
			args := p.Args
			if v := jsontext.Value(args); v.IsValid() {
				args = corpus.Canonical(t, v)
			}
			if args == "" {
				args = "{}"
			}
			f.Calls = append(f.Calls, foundCall{p.ID, p.Name, args})
		case llm.Opaque:
			f.Opaque = append(f.Opaque, p.Kind)
		}
	}
	return f
}

// meters are the totals as the recordings have them: the vendor's own numbers, without what a compaction consumed besides.
func meters(u *llm.Usage) map[string]int64 {
	m := map[string]int64{}
	if u == nil {
		return m
	}
	var besides llm.Usage
	_ = rawjson.Array(rawjson.Get(u.Raw, "iterations"), func(_ int, v []byte) bool {
		if kind, _ := rawjson.String(rawjson.Get(v, "type")); kind == "compaction" {
			var c counts
			c.add(v)
			c.addTo(&besides)
		}
		return true
	})
	for name, n := range map[string]int64{
		"input":          u.N[llm.InputText] - besides.N[llm.InputText],
		"output":         u.Output() - besides.Output(),
		"cached":         u.N[llm.InputCacheRead] - besides.N[llm.InputCacheRead],
		"cache_write":    u.CacheWrite() - besides.CacheWrite(),
		"cache_write_5m": u.N[llm.InputCacheWrite5m] - besides.N[llm.InputCacheWrite5m],
		"cache_write_1h": u.N[llm.InputCacheWrite1h] - besides.N[llm.InputCacheWrite1h],
		"reasoning":      u.N[llm.OutputReasoning],
	} {
		if n != 0 {
			m[name] = n
		}
	}
	return m
}

// events decodes a stream to its end.
func events(src io.Reader) (all []llm.Event, err error) {
	d := Codec{}.NewStreamDecoder(llm.Target{Issuer: issuer})
	r := sse.NewReader(src, 0)
	for {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			return d.Close(all)
		}
		if err != nil {
			return all, err
		}
		if all, err = d.Decode(all, f); err != nil {
			return all, err
		}
	}
}

// collect builds the reply that events say, without parts that turned out empty.
func collect(all []llm.Event) *llm.Reply {
	r := &llm.Reply{Choices: []llm.Choice{{}}}
	c := &r.Choices[0]
	var parts []llm.Part
	for _, e := range all {
		switch e.Kind {
		case llm.Start:
			r.ID, r.Model = e.ID, e.Model
		case llm.Begin:
			if e.Index != len(parts) {
				panic("indexes are not dense")
			}
			parts = append(parts, e.Part)
		case llm.Metered:
			r.Usage = e.Usage
		case llm.Finish:
			c.Stop = e.Stop
		case llm.Delta, llm.Cited, llm.Sealed:
			switch p := parts[e.Index].(type) {
			case llm.Text:
				p.Text += e.Delta
				p.Cites = append(p.Cites, e.Cites...)
				parts[e.Index] = p
			case llm.Thought:
				p.Text += e.Delta
				if e.Seal != nil {
					p.Seal = e.Seal
				}
				parts[e.Index] = p
			case llm.Call:
				p.Args += e.Delta
				parts[e.Index] = p
			}
		}
	}
	for _, p := range parts {
		switch p := p.(type) {
		case llm.Text:
			if p.Text == "" {
				continue
			}
		case llm.Thought:
			if p.Text == "" && p.Seal == nil {
				continue
			}
		}
		c.Parts = append(c.Parts, p)
	}
	return r
}

func stopsOf(all []llm.Event) (stops []string) {
	for _, e := range all {
		if e.Kind == llm.Finish {
			stops = append(stops, e.Stop.Raw)
		}
	}
	return stops
}

// Every recorded answer decodes to what an independent decoder found, encodes to a valid message of the same content, and every
// stream is the same however it is cut.
func TestCorpusReplies(t *testing.T) {
	message, event := corpus.Schema(t, "anthropic-message"), corpus.Schema(t, "anthropic-event")
	n := map[string]int{}
	for _, r := range corpus.Read(t, "anthropic-messages") {
		if r.Status != 200 {
			n["error"]++
			continue
		}
		want := wanted(t, r)
		if r.Framing == "sse" {
			n["stream"]++
			testStream(t, r, want, event)
		} else {
			n["reply"]++
			testReply(t, r, want, message)
		}
	}
	t.Logf("%v", n)
}

func testReply(t *testing.T, r *corpus.Record, want found, schema *jsonschema.Schema) {
	c := Codec{}
	reply, err := c.DecodeReply(r.Body(t), llm.Target{Issuer: issuer})
	if err != nil {
		t.Errorf("%s: %v", r.ID, err)
		return
	}
	got := findIn(t, reply.Choices[0], reply.Usage)
	got.Opaque = nil
	if diff := cmp.Diff(want, got); diff != "" || reply.ID != r.Facts.ID || reply.Model != r.Facts.Model {
		t.Errorf("%s: %s", r.ID, diff)
	}
	out, lost, err := c.EncodeReply(reply)
	if err != nil || len(lost) > 0 {
		t.Errorf("%s: %v %v", r.ID, lost, err)
	}
	if err := corpus.Validate(schema, out); err != nil && corpus.Validate(schema, r.Body(t)) == nil {
		t.Errorf("%s: %v\n%s", r.ID, err, out)
	}
	again, err := c.DecodeReply(out, llm.Target{Issuer: issuer})
	if err != nil {
		t.Fatalf("%s: %v", r.ID, err)
	}
	reply.Choices[0].Stop.Raw, again.Choices[0].Stop.Raw = "", "" // end_turn with calls comes out as tool_use
	if diff := cmp.Diff(reply.Choices, again.Choices); diff != "" {
		t.Errorf("%s: not the same after encoding: %s", r.ID, diff)
	}
}

func testStream(t *testing.T, r *corpus.Record, want found, schema *jsonschema.Schema) {
	body := r.Body(t)
	all, err := events(bytes.NewReader(body))
	if err != nil {
		t.Errorf("%s: %v", r.ID, err)
		return
	}
	reply := collect(all)
	spliced := false
	got := findIn(t, reply.Choices[0], reply.Usage)
	got.Opaque, got.Stops = nil, stopsOf(all)
	if slices.Contains(r.Facts.Anomalies, "dup-message_start") {
		// Several messages joined by hand into one stream (1 recording): the oracle lets blocks of one index overwrite each
		// other, we keep both.
		want.Text, got.Text = "", ""
		spliced = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", r.ID, diff)
	}
	bytewise, err := events(iotest.OneByteReader(bytes.NewReader(body)))
	if diff := cmp.Diff(all, bytewise); diff != "" || err != nil {
		t.Errorf("%s: other events byte by byte: %v %s", r.ID, err, diff)
	}
	if spliced {
		return // a client's message ends at the first end
	}
	out := encodeAll(all)
	if !valid(schema, body) { // 2 recordings: an advisor's and a refusal's objects lack members
		schema = nil
	}
	checkGrammar(t, r.ID, out, schema)
	again, err := events(bytes.NewReader(out))
	if err != nil {
		t.Errorf("%s: own stream: %v", r.ID, err)
	}
	if diff := cmp.Diff(reply.Choices[0].Parts, collect(again).Choices[0].Parts); diff != "" {
		t.Errorf("%s: not the same after encoding: %s", r.ID, diff)
	}
	wantUsage := meters(collect(again).Usage)
	if diff := cmp.Diff(wantUsage, metersAll(reply.Usage)); diff != "" {
		t.Errorf("%s: usage after encoding: %s", r.ID, diff)
	}
}

// valid tells whether the recorded events satisfy the schema themselves.
func valid(schema *jsonschema.Schema, body []byte) bool {
	r := sse.NewReader(bytes.NewReader(body), 0)
	for {
		f, err := r.Next()
		if err != nil {
			return true
		}
		switch kind, _ := rawjson.String(rawjson.Get(f.Data, "type")); kind {
		case "content_block_start", "message_delta":
			if corpus.Validate(schema, f.Data) != nil {
				return false
			}
		}
	}
}

// metersAll are all meters as this dialect's totals.
func metersAll(u *llm.Usage) map[string]int64 {
	plain := *u
	plain.Raw = nil
	return meters(&plain)
}

// encodeAll writes events as a client of this dialect gets them from a foreign upstream.
func encodeAll(all []llm.Event) []byte {
	e := Codec{}.NewStreamEncoder(codec.StreamOptions{ID: "msg_test", Model: "m"})
	var out []byte
	for i := range all {
		out = e.Append(out, llm.Step{Events: all[i : i+1]}, false)
	}
	return e.Close(out)
}

// checkGrammar is the stream that the vendor's SDKs accept.
func checkGrammar(t testing.TB, id string, out []byte, schema *jsonschema.Schema) {
	t.Helper()
	state, next, open, checked := "", 0, false, map[string]bool{}
	r := sse.NewReader(bytes.NewReader(out), 0)
	for {
		f, err := r.Next()
		if err != nil {
			break
		}
		kind, _ := rawjson.String(rawjson.Get(f.Data, "type"))
		if string(f.Event) != kind {
			t.Errorf("%s: event %s holds %s", id, f.Event, kind)
		}
		index, _ := rawjson.Int(rawjson.Get(f.Data, "index"))
		ok := false
		switch kind {
		case "message_start":
			ok, state = state == "", "begun"
		case "content_block_start":
			ok, open = state == "begun" && !open && int(index) == next, true
		case "content_block_delta":
			ok = open && int(index) == next
		case "content_block_stop":
			ok, open = open && int(index) == next, false
			next++
		case "message_delta":
			ok, state = state == "begun" && !open, "settled"
		case "message_stop":
			ok, state = state == "settled", "ended"
		case "ping":
			ok = true
		}
		if !ok {
			t.Errorf("%s: %s at block %d in state %q", id, kind, next, state)
			return
		}
		delta, _ := rawjson.String(rawjson.Get(f.Data, "delta", "type"))
		if shape := kind + delta; schema != nil && kind != "ping" && (delta == "" || !checked[shape]) {
			checked[shape] = true // of the many deltas one of each kind
			if err := corpus.Validate(schema, f.Data); err != nil {
				t.Errorf("%s: %v\n%s", id, err, f.Data)
				return
			}
		}
	}
	if state != "ended" {
		t.Errorf("%s: ends in state %q", id, state)
	}
}

// Every accepted request decodes and encodes to a request that says the same.
func TestCorpusRequests(t *testing.T) {
	c := Codec{}
	n := map[string]int{}
	for _, r := range corpus.Read(t, "anthropic-messages") {
		if r.Status != 200 || r.RequestEncoding != "json" {
			continue
		}
		n["requests"]++
		body := []byte(r.RequestBody)
		head, err := c.Head(body)
		if bytes.Contains(body, []byte(`"anthropic_version"`)) {
			n["without model, for Vertex AI"]++ // has it in the address
			if err == nil {
				t.Errorf("%s: a body without model passes", r.ID)
			}
		} else if err != nil || head.Model != r.Model && r.Provider == "anthropic" && head.Model == "" {
			t.Errorf("%s: %v", r.ID, err)
		}
		chat, err := c.DecodeRequest(body)
		if err != nil {
			t.Errorf("%s: %v", r.ID, err)
			continue
		}
		to := llm.Target{Model: chat.Model, Issuer: issuer}
		if to.Model == "" {
			to.Model = r.Model
		}
		out, lost, err := c.EncodeRequest(chat, to)
		if err != nil {
			t.Errorf("%s: %v", r.ID, err)
			continue
		}
		for _, l := range lost {
			n["loss "+l.Why]++
			if l.Grave {
				t.Errorf("%s: %+v", r.ID, l)
			}
		}
		again, err := c.DecodeRequest(out)
		if err != nil {
			t.Errorf("%s: %v", r.ID, err)
			continue
		}
		if chat.Model == "" {
			again.Model = ""
		}
		if len(lost) == 0 {
			chat.Messages = joined(chat.Messages)
			if diff := cmp.Diff(chat, again); diff != "" {
				t.Errorf("%s: %s", r.ID, diff)
			}
			if diff := compareRequests(t, body, out); diff != "" {
				t.Errorf("%s: %s", r.ID, diff)
			}
		}
	}
	keys := slices.Sorted(func(yield func(string) bool) {
		for k := range n {
			if !yield(k) {
				return
			}
		}
	})
	for _, k := range keys {
		t.Logf("%4d %s", n[k], k)
	}
}

// joined merges neighbours as the encoder does.
func joined(ms []llm.Message) (out []llm.Message) {
	for _, m := range ms {
		if len(m.Parts) == 0 {
			continue
		}
		if k := len(out) - 1; k >= 0 && out[k].Role == m.Role && m.Role != llm.RoleSystem {
			out[k].Parts = slices.Concat(out[k].Parts, m.Parts)
			continue
		}
		out = append(out, m)
	}
	return out
}

// compareRequests compares two requests as JSON, after what is the same to the vendor was made the same.
func compareRequests(t *testing.T, want, got []byte) string {
	return cmp.Diff(equalised(t, want), equalised(t, got))
}

func equalised(t *testing.T, doc []byte) any {
	var v map[string]any
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	if f, ok := v["output_format"]; ok { // the name of the beta
		delete(v, "output_format")
		v["output_config"] = map[string]any{"format": f}
	}
	delete(v, "model")
	if v["stream"] == false {
		delete(v, "stream")
	}
	if v["system"] != nil {
		if v["system"] = blocks(v["system"]); len(v["system"].([]any)) == 0 {
			delete(v, "system")
		}
	}
	var ms []any
	for _, m := range v["messages"].([]any) {
		m := m.(map[string]any)
		content := blocks(m["content"])
		if len(content) == 0 {
			continue
		}
		if k := len(ms) - 1; k >= 0 && m["role"] != "system" && ms[k].(map[string]any)["role"] == m["role"] {
			before := ms[k].(map[string]any)
			before["content"] = append(before["content"].([]any), content...)
			continue
		}
		m["content"] = content
		ms = append(ms, m)
	}
	v["messages"] = ms
	if tools, ok := v["tools"].([]any); ok {
		for _, tool := range tools {
			tool := tool.(map[string]any)
			if tool["type"] == "custom" {
				delete(tool, "type")
			}
			if tool["description"] == "" {
				delete(tool, "description")
			}
			nulls(tool)
		}
		if len(tools) == 0 {
			delete(v, "tools")
			delete(v, "tool_choice")
		}
	}
	nulls(v)
	return v
}

func nulls(m map[string]any) {
	for k, v := range m {
		if v == nil {
			delete(m, k)
		}
	}
}

func blocks(v any) []any {
	if s, ok := v.(string); ok {
		if s == "" {
			return nil
		}
		return []any{map[string]any{"type": "text", "text": s}}
	}
	var out []any
	list, _ := v.([]any)
	for _, b := range list {
		b := b.(map[string]any)
		if b["type"] == "text" && b["text"] == "" {
			continue
		}
		if b["type"] == "tool_result" {
			if b["is_error"] == false {
				delete(b, "is_error")
			}
			if content, ok := b["content"]; ok {
				b["content"] = blocks(content)
			}
			if b["content"] == nil || len(b["content"].([]any)) == 0 {
				delete(b, "content")
			}
		}
		nulls(b)
		out = append(out, b)
	}
	return out
}

// Recorded errors are sorted by what can be done about them.
func TestCorpusErrors(t *testing.T) {
	n := map[llm.Class]int{}
	for _, r := range corpus.Read(t, "anthropic-messages") {
		if r.Status == 200 {
			continue
		}
		e := Codec{}.DecodeError(r.Status, nil, r.Body(t))
		n[e.Class]++
		want := map[int]llm.Class{400: llm.BadRequest, 401: llm.Credential, 404: llm.ModelGone}[r.Status]
		if e.Class != want || e.Kind == "" || e.Message == "" || e.Status != r.Status {
			t.Errorf("%s: %v", r.ID, e)
		}
		if e.Class == llm.Credential && strings.Contains(e.Message, "x-api-key") {
			t.Errorf("%s: %s", r.ID, e.Message)
		}
	}
	t.Logf("%v", n)
}
