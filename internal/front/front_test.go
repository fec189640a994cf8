package front

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tidegate/internal/dialect"
	"tidegate/internal/fake"
	"tidegate/internal/gate"
	"tidegate/internal/llm"
	"tidegate/internal/logs"
	"tidegate/internal/price"
	"tidegate/internal/provider"
	"tidegate/internal/rawjson"
	"tidegate/internal/route"
	"tidegate/internal/tenant"
)

type books struct {
	mu      sync.Mutex
	records []*logs.Record
	bodies  []*logs.Bodies
	broken  error
}

func (b *books) Add(r *logs.Record, body *logs.Bodies) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records, b.bodies = append(b.records, r), append(b.bodies, body)
	return nil
}
func (b *books) Healthy() error { return b.broken }
func (b *books) last() *logs.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.records) == 0 {
		return &logs.Record{}
	}
	return b.records[len(b.records)-1]
}

type silent struct{}

func (silent) Opened()                               {}
func (silent) Closed()                               {}
func (silent) Settled(*logs.Record)                  {}
func (silent) Lost(llm.Dialect, llm.Dialect, string) {}

type catalogue struct{ *price.Book }

func (catalogue) Models(string) []string { return []string{"chat"} }

// house is the data plane over the scripted upstream, which plays three providers.
type house struct {
	handler http.Handler
	front   *Front
	books   *books
	fake    *fake.Server
}

func newHouse(t testing.TB, open bool, limits Limits) *house {
	t.Helper()
	h := &house{books: &books{}, fake: fake.New(fake.Options{})}
	var ups []*provider.Upstream
	for name, row := range map[string]provider.Row{
		"chat":   {Name: "openai", Dialect: llm.OpenAIChat, Auth: provider.Bearer, BaseURL: "http://chat.example/v1"},
		"claude": {Name: "anthropic", Dialect: llm.Anthropic, Auth: provider.XAPIKey, BaseURL: "http://claude.example/v1", Header: map[string]string{"Anthropic-Version": "2023-06-01"}},
		"gemini": {Name: "google", Dialect: llm.Gemini, Auth: provider.XGoogKey, BaseURL: "http://gemini.example/v1beta"},
	} {
		u, err := provider.New(row, provider.Options{Name: name, Credentials: []provider.Credential{{Label: "k", Key: "sk-upstream"}}, Transport: h.fake})
		if err != nil {
			t.Fatal(err)
		}
		ups = append(ups, u)
	}
	book, err := price.Embedded().With(nil, []price.Override{{Model: "*", Prices: map[llm.Meter]price.Nano{llm.InputText: 1e9, llm.OutputText: 2e9}}})
	if err != nil {
		t.Fatal(err)
	}
	keys := tenant.NewIndex([]byte("pepper"), open)
	keys.With("tg-known-key-0001", &tenant.Key{ID: "known", Models: []string{"chat/*", "gemini/*"}})
	if limits.Body == 0 {
		limits.Body = 1 << 20
	}
	state := &gate.State{
		Keys: keys, Prices: book, Bodies: true, BodyLimit: 1 << 20,
		Routes: route.NewTable(route.Options{
			Upstreams: ups, Known: func(string) (string, bool) { return "", false }, Attempts: 1, Catalogue: catalogue{book},
			Timeouts: func(string, string) llm.Timeouts {
				return llm.Timeouts{FirstByte: 5 * time.Minute, Idle: 2 * time.Minute, Total: 10 * time.Minute}
			},
		}),
	}
	log := slog.New(slog.DiscardHandler)
	h.front = New(gate.New(state, route.NewCaller(64<<20), h.books, silent{}, log), limits, h.books.Healthy, log)
	mux := http.NewServeMux()
	h.front.Register(mux)
	h.handler = h.front.Guard(mux)
	return h
}

// recorder counts what is written when, and can stop taking it.
type recorder struct {
	*httptest.ResponseRecorder
	writes []string
	fail   int // writes after which the client is gone; 0: never
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.fail > 0 && len(r.writes) >= r.fail {
		return 0, errors.New("broken pipe")
	}
	r.writes = append(r.writes, string(p))
	return r.ResponseRecorder.Write(p)
}

func (h *house) post(ctx context.Context, path, body string, header ...string) *recorder {
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://localhost"+path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return h.serve(req, 0)
}

func (h *house) serve(req *http.Request, fail int) (w *recorder) {
	w = &recorder{ResponseRecorder: httptest.NewRecorder(), fail: fail}
	defer func() {
		p := recover()
		if err, ok := p.(error); p != nil && !(ok && errors.Is(err, http.ErrAbortHandler)) {
			panic(p)
		}
	}()
	h.handler.ServeHTTP(w, req)
	return w
}

func chatBody(model string, stream bool) string {
	return fmt.Sprintf(`{"model":%q,"stream":%v,"messages":[{"role":"user","content":"say something"}]}`, model, stream)
}

func code(w *recorder) string {
	s, _ := rawjson.String(rawjson.Get(w.Body.Bytes(), "error", "code"))
	return s
}

// Bad input gets a specific error in the surface's shape, and nothing is sent anywhere.
func TestRefusals(t *testing.T) {
	h := newHouse(t, false, Limits{Body: 500})
	key := []string{"Authorization", "Bearer tg-known-key-0001"}
	for _, tt := range []struct {
		name, path, body string
		header           []string
		status           int
		code             string
	}{
		{"no key", "/v1/chat/completions", chatBody("chat/echo", false), nil, 401, "missing_api_key"},
		{"wrong key", "/v1/chat/completions", chatBody("chat/echo", false), []string{"Authorization", "Bearer tg-nope"}, 401, "invalid_api_key"},
		{"no JSON", "/v1/chat/completions", `hello`, key, 400, "invalid_json"},
		{"half a document", "/v1/chat/completions", `{"model":"x"`, key, 400, "invalid_json"},
		{"duplicate members", "/v1/chat/completions", `{"model":"chat/echo","model":"claude/echo","messages":[]}`, key, 400, "invalid_json"},
		{"invalid UTF-8", "/v1/chat/completions", "{\"model\":\"chat/echo\xff\"}", key, 400, "invalid_json"},
		{"no model", "/v1/chat/completions", `{"messages":[]}`, key, 400, "missing_required_parameter"},
		{"unknown model", "/v1/chat/completions", chatBody("nothing", false), key, 404, "model_not_found"},
		{"not allowed", "/v1/chat/completions", chatBody("claude/echo", false), key, 403, "model_not_allowed"},
		{"too large", "/v1/chat/completions", chatBody(strings.Repeat("x", 600), false), key, 413, "request_too_large"},
		{"compressed", "/v1/chat/completions", "x", append([]string{"Content-Encoding", "gzip"}, key...), 415, "unsupported_encoding"},
		{"unknown path", "/v1/embeddings", "{}", key, 404, "unknown_path"},
		{"unknown action", "/v1beta/models/gemini/echo:countTokens", "{}", key, 404, "unknown_path"},
		{"stream as an array", "/v1beta/models/gemini/echo:streamGenerateContent", "{}", key, 400, "unsupported_stream"},
	} {
		w := h.post(t.Context(), tt.path, tt.body, tt.header...)
		if got := code(w); w.Code != tt.status || got != tt.code && !strings.Contains(tt.path, "v1beta") {
			t.Errorf("%s: %d %q %s", tt.name, w.Code, got, w.Body)
		}
		if strings.Contains(w.Body.String(), "tg-") {
			t.Errorf("%s: the error repeats the key: %s", tt.name, w.Body)
		}
	}
	if n := len(h.fake.Requests()); n != 0 {
		t.Errorf("%d calls reached the upstream", n)
	}
	h.books.broken = errors.New("disk full")
	if w := h.post(t.Context(), "/v1/chat/completions", chatBody("chat/echo", false), key...); w.Code != 503 || code(w) != "storage_unavailable" {
		t.Errorf("broken books: %d %s", w.Code, w.Body)
	}
}

// A gateway that is open without keys answers no web page and no foreign name (it would spend its owner's money).
func TestGuard(t *testing.T) {
	h := newHouse(t, true, Limits{})
	for _, tt := range []struct {
		host, origin string
		status       int
	}{
		{"localhost:8080", "", 200},
		{"127.0.0.1:8080", "http://127.0.0.1:8080", 200},
		{"[::1]:8080", "", 200},
		{"app.localhost", "", 200},
		{"evil.example", "", 403},
		{"localhost.evil.example", "", 403},
		{"127.0.0.1:8080", "https://evil.example", 403},
		{"127.0.0.1:8080", "http://127.0.0.1:3000", 403},
		{"127.0.0.1:8080", "null", 403},
	} {
		req := httptest.NewRequest(http.MethodPost, "http://x/v1/chat/completions", strings.NewReader(chatBody("chat/echo", false)))
		req.Host = tt.host
		if tt.origin != "" {
			req.Header.Set("Origin", tt.origin)
		}
		if w := h.serve(req, 0); w.Code != tt.status {
			t.Errorf("%s from %q: %d %s", tt.host, tt.origin, w.Code, w.Body)
		}
	}
}

// A silent stream gets a heartbeat of its surface's own kind before and between events, and goes on (pitfall C3).
func TestHeartbeat(t *testing.T) {
	for path, surface := range map[string]llm.Dialect{
		"/v1/chat/completions": llm.OpenAIChat, "/v1/messages": llm.Anthropic, "/v1beta/models/chat/slow_first_byte:ms=130000:streamGenerateContent?alt=sse": llm.Gemini,
	} {
		codec, _ := dialect.For(surface)
		ping := string(codec.NewStreamEncoder(dialect.StreamOptions{}).Ping(nil))
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, true, Limits{Heartbeat: 15 * time.Second})
			body := `{"model":"chat/slow_first_byte:ms=130000","stream":true,"max_tokens":50,"messages":[{"role":"user","content":"hi"}]}`
			if strings.Contains(path, "v1beta") {
				body = `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`
			}
			w := h.post(t.Context(), path, body)
			n := 0
			for _, text := range w.writes {
				if text == ping {
					n++
				}
			}
			if w.Code != 200 || n != 8 {
				t.Errorf("%s: %d, %d heartbeats in 130 s: %.300s", path, w.Code, n, w.Body)
			}
			if r := h.books.last(); r.Outcome != logs.OK {
				t.Errorf("%s: %+v", path, r)
			}
		})
	}
}

// An error after a heartbeat comes in the stream, since the 200 is out; one before it has its status.
func TestErrorAfterHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, true, Limits{Heartbeat: 15 * time.Second})
		w := h.post(t.Context(), "/v1/chat/completions", chatBody("chat/latency:ms=20000+fail:status=429", true))
		if w.Code != 200 || !strings.Contains(w.Body.String(), `data: {"error":`) || strings.Contains(w.Body.String(), "[DONE]") {
			t.Errorf("late: %d %s", w.Code, w.Body)
		}
		w = h.post(t.Context(), "/v1/chat/completions", chatBody("chat/fail:status=429,retry_after=7", true))
		if w.Code != 429 || w.Header().Get("Retry-After") != "7" {
			t.Errorf("early: %d %v", w.Code, w.Header())
		}
	})
}

// A client that leaves takes its upstream call along, in every phase, and the books say so (pitfalls B4, B5).
func TestDeparture(t *testing.T) {
	for _, tt := range []struct {
		name, model string
		stream      bool
		after       time.Duration
		out         bool // part of the answer was there
	}{
		{"waiting for the head", "chat/slow_first_byte:ms=60000", false, 10 * time.Second, false},
		{"waiting for the head of a stream", "chat/slow_first_byte:ms=60000", true, 10 * time.Second, false},
		{"in the middle of a stream", "chat/stream:chunks=100,gap=1s", true, 20500 * time.Millisecond, true},
		{"hanging", "chat/hang", false, time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, true, Limits{})
				ctx, cancel := context.WithTimeout(t.Context(), tt.after)
				defer cancel()
				left := time.Now().Add(tt.after)
				h.post(ctx, "/v1/chat/completions", chatBody(tt.model, tt.stream))
				synctest.Wait()
				r := h.books.last()
				if r.Outcome != logs.Canceled || len(r.Attempts) != 1 {
					t.Fatalf("%+v", r)
				}
				reqs := h.fake.Requests()
				if len(reqs) != 1 || reqs[0].GoneAt == nil || reqs[0].GoneAt.Sub(left) > 500*time.Millisecond {
					t.Errorf("the upstream saw %+v", reqs)
				}
				u := &r.Attempts[0].Usage
				if u.Input() == 0 || tt.out != (u.Output() > 5) || u.Source == llm.Reported || r.Attempts[0].Cost.State != price.Priced {
					t.Errorf("usage %+v, cost %+v", u, r.Attempts[0].Cost)
				}
			})
		})
	}
}

// A write that fails ends the exchange as a departure does.
func TestBrokenPipe(t *testing.T) {
	h := newHouse(t, true, Limits{})
	req := httptest.NewRequest(http.MethodPost, "http://localhost/v1/chat/completions", strings.NewReader(chatBody("chat/stream:chunks=50", true)))
	h.serve(req, 10)
	if r := h.books.last(); r.Outcome != logs.Canceled || r.Class != "canceled" {
		t.Errorf("%+v", r)
	}
}

// A stream that breaks never looks like one that ended, on any surface (pitfall C1).
func TestBreaks(t *testing.T) {
	for _, model := range []string{"chat", "claude", "gemini"} {
		for surface, terminal := range map[string]string{"/v1/chat/completions": "[DONE]", "/v1/messages": "message_stop"} {
			for _, how := range []string{"cut:after=5", "cut:after=5,how=clean", "error_event:after=6"} {
				h := newHouse(t, true, Limits{})
				body := fmt.Sprintf(`{"model":%q,"stream":true,"max_tokens":50,"messages":[{"role":"user","content":"hi"}]}`, model+"/"+how)
				w := h.post(t.Context(), surface, body)
				got := w.Body.String()
				if w.Code != 200 || !strings.Contains(got, `"error"`) || strings.Contains(got, terminal) {
					t.Errorf("%s on %s: %d %s", model+"/"+how, surface, w.Code, got)
				}
				if r := h.books.last(); r.Outcome != logs.Truncated || r.Attempts[0].Class == "" {
					t.Errorf("%s on %s: %s %+v", model+"/"+how, surface, r.Outcome, r.Attempts)
				}
			}
		}
	}
}

// Streams that were read to their end leave their connection for the next one, whoever speaks what.
func TestConnectionsAreUsedAgain(t *testing.T) {
	h := newHouse(t, true, Limits{})
	var conns atomic.Int64
	upstream := httptest.NewUnstartedServer(h.fake)
	upstream.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	upstream.Start()
	defer upstream.Close()
	transport := provider.NewTransport(time.Second)
	defer transport.CloseIdleConnections()
	for _, u := range h.front.gate.State().Routes.Upstreams {
		u.Transport = transport
		u.Base.Host = upstream.Listener.Addr().String()
	}
	for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
		for _, model := range []string{"chat", "claude"} {
			conns.Store(0)
			for range 5 {
				body := fmt.Sprintf(`{"model":%q,"stream":true,"max_tokens":50,"messages":[{"role":"user","content":"hi"}]}`, model+"/chat")
				if w := h.post(t.Context(), path, body); w.Code != 200 {
					t.Fatalf("%d %s", w.Code, w.Body)
				}
			}
			if n := conns.Load(); n > 1 {
				t.Errorf("%s from %s: %d connections for 5 streams", path, model, n)
			}
		}
	}
}

// The books are closed before the last bytes go out.
func TestSettledFirst(t *testing.T) {
	h := newHouse(t, true, Limits{})
	for _, stream := range []bool{false, true} {
		req := httptest.NewRequest(http.MethodPost, "http://localhost/v1/chat/completions", strings.NewReader(chatBody("chat/chat", stream)))
		w := &watcher{recorder: recorder{ResponseRecorder: httptest.NewRecorder()}, books: h.books, before: len(h.books.records)}
		h.handler.ServeHTTP(w, req)
		if !w.settled {
			t.Errorf("stream %v: the last bytes went out first", stream)
		}
	}
}

type watcher struct {
	recorder
	books   *books
	before  int
	settled bool
}

func (w *watcher) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("[DONE]")) || bytes.Contains(p, []byte(`"chat.completion"`)) {
		w.settled = len(w.books.records) > w.before
	}
	return w.recorder.Write(p)
}

// Waiting for a provider is not the gateway's own time, in a stream as little as elsewhere.
func TestOverhead(t *testing.T) {
	for _, stream := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, true, Limits{})
			h.post(t.Context(), "/v1/chat/completions", chatBody("chat/slow_first_byte:ms=3000+stream:gap=1s", stream))
			if r := h.books.last(); r.Overhead > time.Millisecond || r.Total < 3*time.Second {
				t.Errorf("stream %v: overhead %v of %v", stream, r.Overhead, r.Total)
			}
		})
	}
}

// What is kept of an exchange: both bodies, headers without credentials, nothing when it is switched off.
func TestKept(t *testing.T) {
	h := newHouse(t, true, Limits{})
	h.post(t.Context(), "/v1/chat/completions", chatBody("chat/echo", false), "Authorization", "Bearer tg-known-key-0001", "X-Custom-Token", "secret", "User-Agent", "tester")
	b := h.books.bodies[0]
	if !strings.Contains(string(b.Request), "say something") || !strings.Contains(string(b.Response), "say something") {
		t.Errorf("%s %s", b.Request, b.Response)
	}
	if b.RequestHeader["User-Agent"] != "tester" || len(b.RequestHeader["Authorization"]+b.RequestHeader["X-Custom-Token"]) > 0 {
		t.Errorf("headers: %v", b.RequestHeader)
	}
	h.post(t.Context(), "/v1/chat/completions", chatBody("chat/echo", true), "X-Tidegate-Log", "off")
	if h.books.bodies[1] != nil || h.books.last().Bodies {
		t.Error("kept although it was switched off")
	}
	h.post(t.Context(), "/v1/messages", `{"model":"chat/echo","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`)
	if b := h.books.bodies[2]; !strings.Contains(string(b.Upstream), `"messages"`) {
		t.Errorf("a translated request is kept as it was sent: %s", b.Upstream)
	}
}

// Labels, trace and headers of an answer.
func TestLabels(t *testing.T) {
	h := newHouse(t, true, Limits{})
	w := h.post(t.Context(), "/v1/chat/completions", chatBody("chat/usage:in=1000000,out=500000", false),
		"X-Tidegate-Tags", "a, b,,c", "X-Tidegate-Metadata", `{"team":"x"}`, "X-Tidegate-User", "u1", "X-Tidegate-Session", "s1", "X-Tidegate-Task", "t1",
		"Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	r := h.books.last()
	if fmt.Sprint(r.Tags) != "[a b c]" || string(r.Metadata) != `{"team":"x"}` || r.EndUser != "u1" || r.Session != "s1" || r.Task != "t1" {
		t.Errorf("%+v", r)
	}
	if r.Trace != "0af7651916cd43dd8448eb211c80319c" || r.Parent != "b7ad6b7169203331" || len(r.Span) != 16 {
		t.Errorf("trace %s, parent %s, span %s", r.Trace, r.Parent, r.Span)
	}
	if got := h.fake.Requests()[0].Headers; !strings.Contains(fmt.Sprint(got), "00-"+r.Trace+"-"+r.Span+"-01") {
		t.Errorf("the upstream got %v", got)
	}
	for name, want := range map[string]string{
		"X-Tidegate-Request-Id": r.ID, "X-Tidegate-Provider": "chat", "X-Tidegate-Attempts": "1", "X-Tidegate-Cost-Usd": "2",
		"X-Tidegate-Cache": "bypass", "X-Tidegate-Route": "pinned",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestModels(t *testing.T) {
	h := newHouse(t, false, Limits{})
	get := func(path, key string) (int, string) {
		req := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
		req.Header.Set("X-Api-Key", key)
		w := h.serve(req, 0)
		return w.Code, w.Body.String()
	}
	status, body := get("/v1/models", "tg-known-key-0001")
	if status != 200 || !strings.Contains(body, `"chat/chat"`) || strings.Contains(body, "claude/") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := get("/v1/models/gemini/chat", "tg-known-key-0001"); status != 200 {
		t.Errorf("one model: %d", status)
	}
	if status, _ := get("/v1/models/claude/chat", "tg-known-key-0001"); status != 404 {
		t.Errorf("a model that is not allowed: %d", status)
	}
	if status, _ := get("/v1/models", "tg-unknown"); status != 401 {
		t.Errorf("an unknown key: %d", status)
	}
}

// The body is read whole, however it comes.
func TestBody(t *testing.T) {
	h := newHouse(t, true, Limits{Body: 400})
	send := func(length int64, r io.Reader) *recorder {
		req := httptest.NewRequest(http.MethodPost, "http://localhost/v1/chat/completions", r)
		req.ContentLength = length
		return h.serve(req, 0)
	}
	body := chatBody("chat/echo", false)
	if w := send(-1, strings.NewReader(body)); w.Code != 200 {
		t.Errorf("without a length: %d %s", w.Code, w.Body)
	}
	if w := send(-1, strings.NewReader(strings.Repeat(" ", 500)+body)); w.Code != 413 {
		t.Errorf("too large without a length: %d %s", w.Code, w.Body)
	}
	if w := send(int64(len(body)+10), strings.NewReader(body)); w.Code != 400 || code(w) != "incomplete_body" {
		t.Errorf("too short: %d %s", w.Code, w.Body)
	}
}
