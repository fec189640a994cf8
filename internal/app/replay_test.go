package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/config"
	"tidegate/internal/dialect/corpus"
	"tidegate/internal/front"
	"tidegate/internal/gate"
	"tidegate/internal/llm"
	"tidegate/internal/logs"
	"tidegate/internal/price"
	"tidegate/internal/provider"
	"tidegate/internal/rawjson"
	"tidegate/internal/route"
	"tidegate/internal/tenant"
)

// surfaces are the recorded surfaces that are served, with the way to call them.
var surfaces = map[string]llm.Dialect{
	"openai-chat": llm.OpenAIChat, "anthropic-messages": llm.Anthropic, "gemini-generate": llm.Gemini,
}

// player is an upstream that answers every call with one recording, and keeps what it was sent.
type player struct {
	record *corpus.Record
	body   []byte
	step   int // bytes per read; 0: all at once
	sent   []byte
	path   string
}

func (p *player) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	p.sent, p.path = sent, r.URL.Path
	h := http.Header{}
	for name, v := range p.record.ResponseHeaders {
		h.Set(name, v)
	}
	if p.record.Framing == "sse" {
		h.Set("Content-Type", "text/event-stream")
	}
	body := io.Reader(bytes.NewReader(p.body))
	if p.step > 0 {
		body = &chunks{bytes.NewReader(p.body), p.step}
	}
	return &http.Response{StatusCode: p.record.Status, Header: h, Body: io.NopCloser(body), Request: r}, nil
}

type chunks struct {
	r    io.Reader
	step int
}

func (c *chunks) Read(p []byte) (int, error) { return c.r.Read(p[:min(len(p), c.step)]) }

// books keeps records in memory.
type books struct{ last *logs.Record }

func (b *books) Add(r *logs.Record, _ *logs.Bodies) error { b.last = r; return nil }
func (b *books) Healthy() error                           { return nil }

type silent struct{}

func (silent) Opened()                               {}
func (silent) Closed()                               {}
func (silent) Settled(*logs.Record)                  {}
func (silent) Lost(llm.Dialect, llm.Dialect, string) {}

// rig is the whole data plane over a player.
type rig struct {
	player  *player
	books   *books
	handler http.Handler
}

// newRig serves one provider as the catalogue describes it, or, if it is not in there, as any server of the dialect.
func newRig(t testing.TB, name string, d llm.Dialect) *rig {
	t.Helper()
	if name == "vercel-gateway" {
		name = "vercel"
	}
	row, ok := lookup(name)
	if !ok || row.Dialect != d {
		generic := map[llm.Dialect]string{llm.OpenAIChat: "openai-compatible", llm.Anthropic: "anthropic", llm.Gemini: "google"}
		row, _ = lookup(generic[d])
	}
	if row.BaseURL == "" {
		row.BaseURL = "https://upstream.example/v1"
	}
	r := &rig{player: &player{}, books: &books{}}
	up, err := provider.New(row, provider.Options{
		Name: "up", Credentials: []provider.Credential{{Label: "k", Key: "upstream-key"}}, Transport: r.player,
	})
	if err != nil {
		t.Fatal(err)
	}
	book, err := price.Embedded().With(map[string]string{"up": row.PriceList()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	state := &gate.State{
		Keys: tenant.NewIndex([]byte("pepper"), true), Prices: book,
		Routes: route.NewTable(route.Options{
			Upstreams: []*provider.Upstream{up}, Known: known, Default: "up", Attempts: 1, AllowLoss: true,
			Timeouts: (&config.Config{}).Timeouts, Catalogue: catalogue{book},
		}),
	}
	log := slog.New(slog.DiscardHandler)
	f := front.New(gate.New(state, route.NewCaller(256<<20), r.books, silent{}, log), front.Limits{Body: 256 << 20}, r.books.Healthy, log)
	mux := http.NewServeMux()
	f.Register(mux)
	r.handler = f.Guard(mux)
	return r
}

// call plays a recording to a client of surface d that sends body.
func (r *rig) call(t testing.TB, rec *corpus.Record, d llm.Dialect, body []byte, model string, stream bool) *httptest.ResponseRecorder {
	t.Helper()
	r.player.record, r.player.body, r.player.sent, r.books.last = rec, rec.Body(t), nil, nil
	path := "/v1/chat/completions"
	switch d {
	case llm.Anthropic:
		path = "/v1/messages"
	case llm.Gemini:
		path = "/v1beta/models/" + model + ":generateContent"
		if stream {
			path = "/v1beta/models/" + model + ":streamGenerateContent?alt=sse"
		}
	}
	req := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "http://127.0.0.1"+path, bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	func() {
		defer func() {
			p := recover()
			if err, ok := p.(error); p != nil && !(ok && errors.Is(err, http.ErrAbortHandler)) { // a stream that broke is cut off
				panic(p)
			}
		}()
		r.handler.ServeHTTP(w, req)
	}()
	return w
}

// tally counts what was replayed, by provider, surface and check.
type tally struct {
	t      *testing.T
	passed map[string]int
	failed map[string][]string
}

func newTally(t *testing.T) *tally {
	return &tally{t: t, passed: map[string]int{}, failed: map[string][]string{}}
}

func (c *tally) check(what string, rec *corpus.Record, ok bool, format string, a ...any) {
	if ok {
		c.passed[what]++
		return
	}
	c.failed[what] = append(c.failed[what], fmt.Sprintf("%s %s %s: %s", rec.Provider, rec.Surface, rec.ID, fmt.Sprintf(format, a...)))
}

func (c *tally) report() {
	c.t.Helper()
	for _, what := range slices.Sorted(func(yield func(string) bool) {
		for what := range c.passed {
			if !yield(what) {
				return
			}
		}
		for what := range c.failed {
			if c.passed[what] == 0 && !yield(what) {
				return
			}
		}
	}) {
		bad := c.failed[what]
		c.t.Logf("%-40s %d of %d", what, c.passed[what], c.passed[what]+len(bad))
		for i, line := range bad {
			if i == 12 {
				c.t.Logf("  … and %d more", len(bad)-i)
				break
			}
			c.t.Error("  " + line)
		}
	}
}

var replayed atomic.Int64

// TestMain writes down how many recordings were replayed, for whoever must know that they were.
func TestMain(m *testing.M) {
	code := m.Run()
	if n := replayed.Load(); n > 0 {
		path := filepath.Join("..", "..", "bin", "replayed.txt")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			err = os.WriteFile(path, fmt.Appendf(nil, "replayed: %d exchanges\n", n), 0o644)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				code = 1
			}
		}
	}
	os.Exit(code)
}

// TestReplaySame: a client and a provider of the same dialect notice nothing of the gateway but the edits that
// docs/passthrough.md lists, in both directions, whatever the chunks; and the books have what the provider reported.
func TestReplaySame(t *testing.T) {
	corpus.Shared(t)
	c := newTally(t)
	defer c.report()
	rigs := map[string]*rig{}
	for _, surface := range []string{"openai-chat", "anthropic-messages", "gemini-generate"} {
		d := surfaces[surface]
		for _, rec := range corpus.Read(t, surface) {
			if rec.RequestEncoding != "json" || rec.Framing == "json-array" || rawjson.Check(rec.RequestBody) != nil {
				c.passed[surface+" not replayable"]++
				continue
			}
			r := rigs[surface+rec.Provider]
			if r == nil {
				r = newRig(t, rec.Provider, d)
				rigs[surface+rec.Provider] = r
			}
			same(t, c, r, rec, d)
		}
	}
}

func same(t *testing.T, c *tally, r *rig, rec *corpus.Record, d llm.Dialect) {
	t.Helper()
	body, model := []byte(rec.RequestBody), ""
	if d == llm.Gemini {
		_, model, _ = strings.Cut(rec.Path, "/models/")
		model, _, _ = strings.Cut(model, ":")
		model = "up/" + model
	} else if m, ok := rawjson.String(rawjson.Get(body, "model")); ok {
		var err error
		if body, err = rawjson.Patch(body, rawjson.Edit{Name: "model", Value: rawjson.AppendQuote(nil, "up/"+m)}); err != nil {
			t.Fatal(err)
		}
	} else {
		c.passed[rec.Surface+" not replayable"]++ // Azure has the model in the path
		return
	}
	stream := rec.Framing == "sse"
	for _, step := range []int{0, 1 + len(rec.ID)%5 + int(rec.ID[0])%7} {
		r.player.step = step
		w := r.call(t, rec, d, body, model, stream)
		replayed.Add(1)
		what := rec.Surface + " same"
		if step > 0 {
			what += ", chunked"
		}
		if rec.Status >= 300 {
			c.check(what+" error", rec, sameError(rec, w), "%d %.200s", w.Code, w.Body)
			continue
		}
		c.check(what+" request", rec, requestKept(t, rec, r), "sent %.1000s", r.player.sent)
		if rec.Facts.Error != nil && w.Code >= 400 { // an error inside a 200, before any content, gets the status it deserves
			c.check(what+" error in a 200", rec, strings.Contains(w.Body.String(), "error"), "%d %.200s", w.Code, w.Body)
			continue
		}
		want := expectedBytes(rec, d, body)
		c.check(what+" reply", rec, w.Code == rec.Status && bytes.Equal(w.Body.Bytes(), want), "%d: got %.300q want %.300q (route %s)", w.Code, tail(w.Body.Bytes()), tail(want), w.Header().Get("X-Tidegate-Route"))
		if rec.Facts.Error == nil && r.books.last != nil && len(r.books.last.Attempts) == 1 {
			u := &r.books.last.Attempts[0].Usage
			want, known := expectedUsage(rec)
			if known && !strings.Contains(rec.ResponseBody, `"iterations"`) { // whose sum the facts do not have
				c.check(what+" usage", rec, matches(u, want), "%+v for %v", u.N, rec.Facts.Usage)
			}
		}
	}
}

func tail(b []byte) []byte { return b[max(0, len(b)-300):] }

// sameError: the client of the same dialect sees the provider's own error, except that a refused credential is the operator's
// trouble and not the client's.
func sameError(rec *corpus.Record, w *httptest.ResponseRecorder) bool {
	if w.Code == http.StatusBadGateway {
		return rec.Status == 401 || rec.Status == 403 || strings.Contains(rec.ResponseBody, "API_KEY_INVALID") || strings.Contains(rec.ResponseBody, "API key")
	}
	if w.Code != rec.Status {
		return false
	}
	return w.Body.String() == rec.ResponseBody || rawjson.Check([]byte(rec.ResponseBody)) != nil
}

// requestKept compares what was sent with what was recorded, apart from the documented edits.
func requestKept(t *testing.T, rec *corpus.Record, r *rig) bool {
	t.Helper()
	edit := func(doc []byte) string {
		opts := rawjson.Get(doc, "stream_options")
		if opts != nil {
			doc, _ = rawjson.Patch(doc, rawjson.Edit{Name: "stream_options"})
			if rest, err := rawjson.Patch(opts, rawjson.Edit{Name: "include_usage"}); err == nil && string(bytes.ReplaceAll(rest, []byte(" "), nil)) != "{}" {
				doc = append(doc, rest...)
			}
		}
		for _, name := range []string{"max_completion_tokens"} {
			if v := rawjson.Get(doc, name); v != nil {
				doc, _ = rawjson.Patch(doc, rawjson.Edit{Name: name}, rawjson.Edit{Name: "max_tokens", Value: bytes.Clone(v)})
			}
		}
		doc = bytes.ReplaceAll(doc, []byte(`"developer"`), []byte(`"system"`))
		if v := jsontext.Value(bytes.Clone(doc)); v.IsValid() {
			return corpus.Canonical(t, v)
		}
		return string(doc)
	}
	return edit(bytes.Clone(r.player.sent)) == edit(bytes.Clone(rec.RequestBody))
}

// expectedBytes is the recording, without the usage chunk that a chat client did not ask for.
func expectedBytes(rec *corpus.Record, d llm.Dialect, request []byte) []byte {
	body := []byte(rec.ResponseBody)
	if d != llm.OpenAIChat || rec.Framing != "sse" || string(rawjson.Get(request, "stream_options", "include_usage")) == "true" {
		return body
	}
	var out []byte
	for _, frame := range splitFrames(body) {
		_, data, ok := bytes.Cut(frame, []byte("data:"))
		data = bytes.TrimSpace(data)
		choices := rawjson.Get(data, "choices")
		if ok && choices != nil && string(bytes.ReplaceAll(choices, []byte(" "), nil)) == "[]" && !rawjson.IsNull(rawjson.Get(data, "usage")) {
			continue
		}
		out = append(out, frame...)
	}
	return out
}

func splitFrames(body []byte) [][]byte {
	var frames [][]byte
	for len(body) > 0 {
		n := len(body)
		for _, end := range []string{"\n\n", "\r\n\r\n"} {
			if i := bytes.Index(body, []byte(end)); i >= 0 {
				n = min(n, i+len(end))
			}
		}
		frames, body = append(frames, body[:n]), body[n:]
	}
	return frames
}

// usage is what the books should say, in sums.
type usage struct{ in, out, cached, written, reasoning int64 }

// expectedUsage reads the facts by each provider's convention (see the traffic's own page).
func expectedUsage(rec *corpus.Record) (usage, bool) {
	f := rec.Facts.Usage
	n := func(name string) int64 { return int64(f[name]) }
	_, in := f["input"]
	_, out := f["output"]
	u := usage{in: n("input"), out: n("output"), cached: n("cached"), written: n("cache_write"), reasoning: n("reasoning")}
	switch rec.Surface {
	case "anthropic-messages":
		u.in += u.cached + u.written
	case "gemini-generate":
		u.in += n("tool_prompt")
		u.out += u.reasoning
	default:
		if rec.Provider == "xai" || rec.Provider == "vercel-gateway" || u.reasoning > 0 && n("total") == u.in+u.out+u.reasoning {
			u.out += u.reasoning
		}
		u.cached, u.reasoning, u.written = min(u.cached, u.in), min(u.reasoning, u.out), min(u.written, u.in-min(u.cached, u.in))
	}
	return u, in && out
}

func matches(u *llm.Usage, want usage) bool {
	return u.Input() == want.in && u.Output() == want.out && u.N[llm.InputCacheRead] == want.cached &&
		u.N[llm.OutputReasoning] == want.reasoning && u.CacheWrite() == want.written
}
