package openaichat

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"tidegate/internal/dialect/codec"
	"tidegate/internal/dialect/corpus"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// found is what a reply says, in the terms of the recordings' facts.
type found struct {
	Text, Thoughts   string
	Calls            []foundCall
	Finish           []string
	Input, Output    int64
	Cached, Reasoned int64
	Metered          bool
}

type foundCall struct{ ID, Name, Args string }

// target is the provider of a recording, as far as its usage depends on it.
func target(r *corpus.Record) llm.Target {
	return llm.Target{Model: r.Model, Quirks: &llm.Quirks{ReasoningOutside: r.Provider == "xai"}}
}

func strs(t testing.TB, raw []jsontext.Value) (all []string) {
	for _, v := range raw {
		s, _ := rawjson.String(v)
		all = append(all, s)
	}
	return all
}

func wanted(t testing.TB, r *corpus.Record) found {
	u := r.Facts.Usage
	f := found{Text: r.Facts.Text, Thoughts: r.Facts.Reasoning, Metered: u != nil, Finish: strs(t, r.Facts.Finish)}
	if u != nil {
		f.Input, f.Output = int64(u["input"]), int64(u["output"])
		f.Cached, f.Reasoned = min(int64(u["cached"]), f.Input), int64(u["reasoning"])
		if total := int64(u["total"]); f.Reasoned > 0 && total == f.Input+f.Output+f.Reasoned {
			f.Output = total - f.Input // reasoning outside
		}
		f.Reasoned = min(f.Reasoned, f.Output)
	}
	for _, c := range r.Facts.Calls {
		if c.Name != "" { // Snowflake writes an empty function_call beside the real calls
			f.Calls = append(f.Calls, foundCall{c.ID, c.Name, arguments(t, c.Arguments)})
		}
	}
	return f
}

func arguments(t testing.TB, v []byte) string {
	if s, ok := rawjson.String(v); ok {
		return s
	}
	if rawjson.IsNull(v) {
		return "{}"
	}
	return corpus.Canonical(t, v)
}

func finding(t testing.TB, reply *llm.Reply) found {
	var f found
	if u := reply.Usage; u != nil {
		f.Metered, f.Input, f.Output = true, u.Input(), u.Output()
		f.Cached, f.Reasoned = u.N[llm.InputCacheRead], u.N[llm.OutputReasoning]
	}
	for i, c := range reply.Choices {
		f.Finish = append(f.Finish, c.Stop.Raw)
		if i > 0 {
			continue
		}
		for _, p := range c.Parts {
			switch p := p.(type) {
			case llm.Text:
				if !p.Refusal {
					f.Text += p.Text
				}
			case llm.Thought:
				f.Thoughts += p.Text
			case llm.Call:
				args := p.Args
				if args == "" {
					args = "{}"
				}
				if v := jsontext.Value(args); v.IsValid() && !p.Custom {
					args = arguments(t, v)
				}
				f.Calls = append(f.Calls, foundCall{p.ID, p.Name, args})
			}
		}
	}
	return f
}

// tally counts by provider, so that a residue is seen where it is.
type tally struct {
	ok, bad int
	skipped map[string]int
}

func (c *tally) report(t *testing.T, what string) {
	t.Logf("%s: %d of %d; apart: %v", what, c.ok, c.ok+c.bad, c.skipped)
}

func TestCorpusReplies(t *testing.T) {
	c := tally{skipped: map[string]int{}}
	for _, r := range corpus.Read(t, "openai-chat") {
		if r.Status != 200 {
			continue
		}
		switch why, ok := compareReply(t, r); {
		case why != "":
			c.skipped[why]++
		case !ok:
			c.bad++
		default:
			c.ok++
		}
	}
	c.report(t, "replies as the facts say")
}

func compareReply(t *testing.T, r *corpus.Record) (apart string, ok bool) {
	want := wanted(t, r)
	var replies []*llm.Reply
	if r.Framing != "sse" {
		reply, err := Codec{}.DecodeReply(r.Body(t), target(r))
		switch {
		case err != nil && r.Facts.Error != nil:
			return "an error inside a 200", true
		case err != nil:
			t.Errorf("%s %s: %v", r.Provider, r.ID, err)
			return "", false
		}
		replies = append(replies, reply)
	} else {
		var first []llm.Event
		for name, src := range chunkings(r.Body(t)) {
			steps, err := decodeStream(t, src, target(r))
			events := allEvents(steps)
			switch {
			case err != nil && (r.Facts.Error != nil || strings.Contains(r.ResponseBody, `"error":{`)):
				return "an error inside a 200", true
			case err != nil:
				t.Errorf("%s %s: %v", r.Provider, r.ID, err)
				return "", false
			}
			if first == nil {
				first = events
			} else if diff := cmp.Diff(first, events); diff != "" {
				t.Errorf("%s %s: chunking %s:\n%s", r.Provider, r.ID, name, diff)
			}
		}
		if slices.Contains(r.Notes, "framing-reconstructed") && slices.Contains(r.Facts.Anomalies, "tool-index-reused") {
			return "two streams pasted into one", true
		}
		replies = append(replies, collect(t, first))
	}
	for _, reply := range replies {
		got := finding(t, reply)
		for i, c := range want.Calls { // an id that was made
			if c.ID == "" && i < len(got.Calls) && got.Calls[i].ID != "" {
				want.Calls[i].ID = got.Calls[i].ID
			}
		}
		if len(got.Finish) > 1 && r.Framing == "sse" { // in the order in which choices ended
			slices.Sort(got.Finish)
			slices.Sort(want.Finish)
		}
		if why := unread(r, &want, &got); why != "" {
			apart = why
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s:\n%s", r.Provider, r.ID, diff)
			return "", false
		}
	}
	return apart, true
}

// unread evens out what the decoder behind the facts does not read, and says what it was.
func unread(r *corpus.Record, want, got *found) (why string) {
	if n, ok := rawjson.Int(r.Facts.Rest["reasoning_len"]); ok && n == int64(len([]rune(got.Thoughts))) {
		want.Thoughts, why = got.Thoughts, "long reasoning compared by length"
	}
	if want.Text == "" && strings.HasPrefix(got.Text, "{") && strings.Contains(r.ResponseBody, `"content":{`) {
		want.Text, why = got.Text, "content is an object"
	}
	if want.Thoughts == "" && strings.Contains(r.ResponseBody, `"reasoning_details"`) {
		want.Thoughts, why = got.Thoughts, "reasoning in details alone"
	}
	if want.Calls == nil && strings.Contains(r.ResponseBody, `"custom"`) {
		want.Calls, why = got.Calls, "custom tool"
	}
	return why
}

// Requests that a provider answered decode, and encode into a document that says the same.
func TestCorpusRequests(t *testing.T) {
	c := tally{skipped: map[string]int{}}
	differ := map[string]int{}
	for _, r := range corpus.Read(t, "openai-chat") {
		if r.Status != 200 || r.RequestEncoding != "json" {
			continue
		}
		body := []byte(r.RequestBody)
		if rawjson.Get(body, "model") == nil { // Azure: the model is in the path
			body, _ = rawjson.Patch(body, rawjson.Edit{Name: "model", Value: []byte(`"m"`)})
		}
		head, err := Codec{}.Head(body)
		if err != nil {
			t.Errorf("%s %s: head: %v", r.Provider, r.ID, err)
			continue
		}
		chat, err := Codec{}.DecodeRequest(body)
		if err != nil {
			t.Errorf("%s %s: %v", r.Provider, r.ID, err)
			continue
		}
		if head.Stream != chat.Stream || head.Usage != chat.Usage || head.Tools != len(chat.Tools) {
			t.Errorf("%s %s: head %+v", r.Provider, r.ID, head)
		}
		to := llm.Target{Model: chat.Model, Quirks: &requestQuirks}
		out, losses, err := Codec{}.EncodeRequest(chat, to)
		if err != nil {
			t.Errorf("%s %s: %v", r.Provider, r.ID, err)
			continue
		}
		again, err := Codec{}.DecodeRequest(out)
		if err != nil {
			t.Errorf("%s %s: again: %v", r.Provider, r.ID, err)
			continue
		}
		if len(losses) > 0 {
			c.skipped[losses[0].Why]++
			continue
		}
		chat.Usage = chat.Stream // always asked for
		if diff := cmp.Diff(chat, again, sameRaw); diff != "" {
			c.bad++
			t.Errorf("%s %s:\n%s", r.Provider, r.ID, diff)
			continue
		}
		c.ok++
		for _, d := range differences("", normal(t, body), normal(t, out)) {
			differ[d]++
		}
	}
	c.report(t, "requests that decode and encode to the same")
	for _, d := range slices.Sorted(mapsKeys(differ)) {
		if !slices.Contains(equal, d) {
			t.Errorf("not the same document: %s (%d)", d, differ[d])
		}
	}
}

// requestQuirks let every member through that somebody takes.
var requestQuirks = llm.Quirks{
	MaxTokens: "max_tokens", Takes: []string{"top_k", "cache_control", "document_url", "file_url"},
}

var sameRaw = cmp.Comparer(func(a, b jsontext.Value) bool {
	x, y := a.Clone(), b.Clone()
	return len(a) == len(b) && string(a) == string(b) || x.Canonicalize() == nil && y.Canonicalize() == nil && string(x) == string(y)
})

func TestCorpusErrors(t *testing.T) {
	classes := map[string]int{}
	for _, r := range corpus.Read(t, "openai-chat") {
		if r.Status == 200 {
			continue
		}
		h := http.Header{}
		for k, v := range r.ResponseHeaders {
			h.Set(k, v)
		}
		e := Codec{}.DecodeError(r.Status, h, r.Body(t))
		classes[fmt.Sprintf("%d %s", r.Status, e.Class)]++
		if e.Class == llm.Credential && strings.Contains(e.Message, "key") {
			t.Errorf("%s: %s", r.ID, e.Message)
		}
		if want, _ := rawjson.String(r.Facts.Error["message"]); e.Class != llm.Credential && !strings.HasPrefix(e.Message, want) {
			t.Errorf("%s: %q, want %q", r.ID, e.Message, want)
		}
		if out := (Codec{}).EncodeError(e); rawjson.Check(out) != nil || rawjson.Get(out, "error") == nil {
			t.Errorf("%s: %s", r.ID, out)
		}
	}
	want := map[string]bool{
		"400 bad_request": true, "400 unsupported": true, "400 model_gone": true, "401 credential": true, "403 access": true,
		"404 model_gone": true, "404 unsupported": true, "429 rate_limited": true, "500 overloaded": true, "500 unsupported": true,
	}
	for class, n := range classes {
		t.Logf("%s: %d", class, n)
		if !want[class] {
			t.Errorf("unexpected: %s (%d)", class, n)
		}
	}
}

// What the encoders write of a recorded reply says the same, and satisfies the schema that real replies satisfy.
func TestCorpusEncode(t *testing.T) {
	whole, chunk := corpus.Schema(t, "openai-chat"), corpus.Schema(t, "openai-chat-chunk")
	n := 0
	for _, r := range corpus.Read(t, "openai-chat") {
		if r.Status != 200 {
			continue
		}
		reply := reread(t, r)
		if reply == nil {
			continue
		}
		n++
		want := finding(t, reply)
		want.Finish = nil
		body, _, err := Codec{}.EncodeReply(reply)
		if err != nil {
			t.Fatal(err)
		}
		if err := corpus.Validate(whole, body); err != nil {
			t.Errorf("%s %s: %v\n%.600s", r.Provider, r.ID, err, body)
		}
		again, err := Codec{}.DecodeReply(body, llm.Target{})
		if err != nil {
			t.Errorf("%s %s: %v", r.Provider, r.ID, err)
			continue
		}
		checkSame(t, r, "reply", want, again)

		steps := []llm.Step{{Events: eventsOf(reply)}}
		if r.Framing == "sse" {
			steps, _ = decodeStream(t, bytes.NewReader(r.Body(t)), target(r))
		}
		e := Codec{}.NewStreamEncoder(codec.StreamOptions{Usage: true})
		var out []byte
		for _, s := range steps {
			out = e.Append(out, s, false)
		}
		out = e.Close(out)
		checkGrammar(t, r, out)
		for _, data := range payloads(out) {
			if bytes.Contains(data, []byte(`"type":"custom"`)) {
				continue // the schema of chunks knows no custom tools, the API does
			}
			if err := corpus.Validate(chunk, data); err != nil {
				t.Errorf("%s %s: %v\n%.600s", r.Provider, r.ID, err, data)
				break
			}
		}
		round, err := decodeStream(t, bytes.NewReader(out), llm.Target{})
		if err != nil {
			t.Errorf("%s %s: %v", r.Provider, r.ID, err)
			continue
		}
		checkSame(t, r, "stream", want, collect(t, allEvents(round)))
	}
	t.Logf("%d replies encoded whole and as streams", n)
}

func reread(t *testing.T, r *corpus.Record) *llm.Reply {
	if r.Framing != "sse" {
		reply, err := Codec{}.DecodeReply(r.Body(t), target(r))
		if err != nil {
			return nil
		}
		return reply
	}
	steps, err := decodeStream(t, bytes.NewReader(r.Body(t)), target(r))
	if err != nil || slices.Contains(r.Notes, "framing-reconstructed") && slices.Contains(r.Facts.Anomalies, "tool-index-reused") {
		return nil
	}
	return collect(t, allEvents(steps))
}

func checkSame(t *testing.T, r *corpus.Record, what string, want found, reply *llm.Reply) {
	got := finding(t, reply)
	got.Finish = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s %s: %s:\n%s", r.Provider, r.ID, what, diff)
	}
}

func payloads(stream []byte) (all [][]byte) {
	for _, frame := range strings.SplitAfter(string(stream), "\n\n") {
		data, ok := strings.CutPrefix(strings.TrimSpace(frame), "data: ")
		if ok && data != "[DONE]" {
			all = append(all, []byte(data))
		}
	}
	return all
}

// checkGrammar: role once, ids and names once, dense indexes, one finish per choice, the terminator last.
func checkGrammar(t *testing.T, r *corpus.Record, stream []byte) {
	t.Helper()
	if !bytes.HasSuffix(stream, []byte("data: [DONE]\n\n")) || bytes.Count(stream, []byte("[DONE]\n")) != 1 {
		t.Errorf("%s: no terminator at the end: …%.100s", r.ID, stream[max(0, len(stream)-100):])
	}
	roles, finishes, calls, ids := map[string]int{}, map[string]int{}, map[string]int64{}, map[string]int{}
	for _, data := range payloads(stream) {
		ids[string(rawjson.Get(data, "id"))+string(rawjson.Get(data, "created"))+string(rawjson.Get(data, "model"))]++
		_ = rawjson.Array(rawjson.Get(data, "choices"), func(_ int, c []byte) bool {
			index := string(rawjson.Get(c, "index"))
			if rawjson.Get(c, "delta", "role") != nil {
				roles[index]++
			}
			if !rawjson.IsNull(rawjson.Get(c, "finish_reason")) {
				finishes[index]++
			}
			_ = rawjson.Array(rawjson.Get(c, "delta", "tool_calls"), func(_ int, v []byte) bool {
				n, _ := rawjson.Int(rawjson.Get(v, "index"))
				if isNew := rawjson.Get(v, "id") != nil; isNew && n != calls[index] || !isNew && n >= calls[index] {
					t.Errorf("%s: call index %d after %d calls", r.ID, n, calls[index])
				} else if isNew {
					calls[index]++
				}
				return true
			})
			return true
		})
	}
	for index, n := range roles {
		if n != 1 || finishes[index] != 1 {
			t.Errorf("%s: choice %s says its role %d times and finishes %d times", r.ID, index, n, finishes[index])
		}
	}
	if len(ids) != 1 {
		t.Errorf("%s: id, created or model change: %v", r.ID, ids)
	}
}

// A stream that is only passed on keeps every byte, but for a usage chunk that was not asked for.
func TestCorpusPassThrough(t *testing.T) {
	for _, r := range corpus.Read(t, "openai-chat") {
		if r.Status != 200 || r.Framing != "sse" {
			continue
		}
		steps, err := decodeStream(t, bytes.NewReader(r.Body(t)), target(r))
		if err != nil {
			continue
		}
		e := Codec{}.NewStreamEncoder(codec.StreamOptions{Usage: true})
		var out []byte
		for _, s := range steps {
			out = e.Append(out, s, true)
		}
		if len(steps[len(steps)-1].Events) > 0 {
			continue // the end had to be made up: no [DONE] came
		}
		if out = e.Close(out); string(out) != r.ResponseBody {
			t.Errorf("%s %s: the stream was changed", r.Provider, r.ID)
		}
	}
}
