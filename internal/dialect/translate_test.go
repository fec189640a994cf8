package dialect_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"tidegate/internal/dialect"
	"tidegate/internal/dialect/corpus"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// surfaces are the recorded surfaces that have a codec.
var surfaces = []struct {
	name    string
	dialect llm.Dialect
}{
	{"openai-chat", llm.OpenAIChat}, {"anthropic-messages", llm.Anthropic}, {"gemini-generate", llm.Gemini},
}

// targets are the models that requests are translated for: in each dialect one as they were when a budget was how thinking was
// asked for, and one of the latest generation, which take different things.
var targets = []struct {
	dialect llm.Dialect
	target  llm.Target
}{
	{llm.OpenAIChat, llm.Target{Model: "gpt-5.2", Issuer: "openai"}},
	{llm.OpenAIChat, llm.Target{Model: "gpt-6-sol", Issuer: "openai"}},
	{llm.Anthropic, llm.Target{Model: "claude-sonnet-4-5", Issuer: "anthropic"}},
	{llm.Anthropic, llm.Target{Model: "claude-opus-4-8", Issuer: "anthropic"}},
	{llm.Gemini, llm.Target{Model: "gemini-2.5-flash", Issuer: "google"}},
	{llm.Gemini, llm.Target{Model: "gemini-3.8-flash", Issuer: "google"}},
}

func codecOf(t testing.TB, d llm.Dialect) dialect.Codec {
	t.Helper()
	c, ok := dialect.For(d)
	if !ok {
		t.Fatalf("no codec for %s", d)
	}
	return c
}

// asked is a recorded request that a provider accepted, decoded.
type asked struct {
	rec  *corpus.Record
	from llm.Dialect
	chat *llm.Chat
}

// recorded are the requests of the recordings whose answer was 2xx. They are read once: nobody changes them, since encoding does
// not.
var recorded struct {
	once    sync.Once
	all     []asked
	skipped map[string]int
	errs    []error
}

func readRequests(t testing.TB) []asked {
	t.Helper()
	corpus.Shared(t)
	r := &recorded
	r.once.Do(func() {
		r.skipped = map[string]int{}
		for _, s := range surfaces {
			for _, rec := range corpus.Read(t, s.name) {
				if why := untranslatable(rec); why != "" {
					r.skipped[why]++
					continue
				}
				chat, err := codecOf(t, s.dialect).DecodeRequest(rec.RequestBody)
				if err != nil {
					r.errs = append(r.errs, fmt.Errorf("%s %s: %w", s.name, rec.ID, err))
					continue
				}
				if s.dialect == llm.Gemini { // what its address says
					chat.Stream = rec.Streaming
				}
				r.all = append(r.all, asked{rec, s.dialect, chat})
			}
		}
	})
	for _, err := range r.errs {
		t.Error(err)
	}
	for _, why := range slices.Sorted(mapKeys(r.skipped)) {
		t.Logf("not translated, %s: %d", why, r.skipped[why])
	}
	return r.all
}

func untranslatable(rec *corpus.Record) string {
	switch {
	case rec.Status >= 300:
		return "refused by the provider"
	case rec.RequestEncoding != "json":
		return "without a request"
	case rawjson.Check(rec.RequestBody) != nil:
		return "not strict JSON"
	}
	return ""
}

func mapKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// TestTranslateRequests: whatever a recorded request says is said in every other dialect, or named as a loss.
func TestTranslateRequests(t *testing.T) {
	all := readRequests(t)
	c := newTally(t)
	defer c.report()
	upstream := newVendor()
	for _, a := range all {
		for _, to := range targets {
			if to.dialect != a.from {
				translate(t, c, upstream, &a, to.dialect, to.target)
			}
		}
	}
}

func translate(t *testing.T, c *tally, upstream *vendor, a *asked, to llm.Dialect, target llm.Target) {
	t.Helper()
	what := fmt.Sprintf("%s to %s (%s)", a.from, to, target.Model)
	codec := codecOf(t, to)
	out, losses, err := codec.EncodeRequest(a.chat, target)
	c.check(what+" encodes", a.rec, err == nil, "%v", err)
	if err != nil {
		return
	}
	again, _, _ := codec.EncodeRequest(a.chat, target)
	c.check(what+" same bytes twice", a.rec, bytes.Equal(out, again), "%.300s", again)
	arrived, err := codec.DecodeRequest(out)
	c.check(what+" decodes", a.rec, err == nil && rawjson.Check(out) == nil, "%v %v", err, rawjson.Check(out))
	if err != nil {
		return
	}
	w := upstream.send(t, to, target.Model, a.chat.Stream, out)
	c.check(what+" accepted", a.rec, w.Code == 200, "%d %s: %.1500s", w.Code, w.Body, out)
	for _, cut := range shorter(a.from, a.rec.RequestBody) {
		begin, was, err := before(t, a, cut, to, target)
		if why := unstable(was, losses); why != "" && !bytes.HasPrefix(out, begin) {
			c.passed[what+" prefix, not kept: "+why]++
			continue
		}
		c.check(what+" prefix", a.rec, begin != nil && bytes.HasPrefix(out, begin), "%v %.3000s\n%.3000s", err, begin, out)
	}
	from, into := viewOf(a.chat, to), viewOf(arrived, to)
	found := uncovered(from, into, losses)
	for _, about := range from.topics() {
		text := ""
		for _, d := range found {
			if d.what == about {
				text = d.text
			}
		}
		c.check(what+" "+about, a.rec, text == "", "%s", text)
	}
	for _, d := range found {
		if !slices.Contains(from.topics(), d.what) {
			c.check(what+" "+d.what, a.rec, false, "%s", d.text)
		}
	}
}

// before is the translation of an earlier state of the conversation, up to where it went on.
func before(t *testing.T, a *asked, cut []byte, to llm.Dialect, target llm.Target) (begin []byte, losses []llm.Loss, err error) {
	t.Helper()
	chat, err := codecOf(t, a.from).DecodeRequest(cut)
	if err != nil {
		return nil, nil, err
	}
	chat.Stream = a.chat.Stream
	out, losses, err := codecOf(t, to).EncodeRequest(chat, target)
	return head(to, out), losses, err
}

// unstable says why a conversation need not begin as it did before: a turn of which nothing could be said leaves its neighbours
// joined, and a vendor's rule on thinking depends on how the conversation goes on.
func unstable(was, is []llm.Loss) string {
	thinking := func(l llm.Loss) bool { return l.Path == "thinking" }
	switch {
	case slices.ContainsFunc(is, func(l llm.Loss) bool { return l.Grave && strings.HasPrefix(l.Path, "messages.") }):
		return "what could not be said"
	case slices.ContainsFunc(was, thinking) != slices.ContainsFunc(is, thinking):
		return "thinking cannot go on"
	}
	return ""
}
