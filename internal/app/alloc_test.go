package app

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// What an exchange may allocate, with everything on: key, price, metrics, bodies kept, record spooled. The HTTP server and the
// connection to the upstream are not in it; neither is the store, which works afterwards. The bounds are the counts as of the
// last change, plus 5 %. A change that needs less lowers them; one that needs more raises them in its own commit, and says
// there why. To see the counts: go test -run TestAllocations -v ./internal/app
const (
	allocsWhole    = 100  // 95
	allocsStream   = 103  // 98, for a stream of one event
	allocsPerEvent = 1.18 // 1.12
)

// TestAllocations notices what makes requests dearer without measuring time, which no test can rely on.
func TestAllocations(t *testing.T) {
	if underRace(t) {
		t.Skip("the race detector allocates as well; scripts/test runs this without")
	}
	x := newExchanger(t)
	whole := testing.AllocsPerRun(200, x.whole(smallChat))
	one := testing.AllocsPerRun(200, x.stream(1))
	many := testing.AllocsPerRun(200, x.stream(101))
	for _, tt := range []struct {
		name       string
		got, limit float64
	}{{"small chat", whole, allocsWhole}, {"stream", one, allocsStream}, {"streamed event", (many - one) / 100, allocsPerEvent}} {
		t.Logf("%s: %.2f allocations", tt.name, tt.got)
		if tt.got > tt.limit {
			t.Errorf("%s: %.2f allocations, want at most %.2f", tt.name, tt.got, tt.limit)
		}
	}
}

// underRace tells whether this is a test under the race detector.
func underRace(t *testing.T) bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		t.Fatal("no build information")
	}
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}

// BenchmarkExchange is what make bench reports.
func BenchmarkExchange(b *testing.B) {
	for _, bm := range []struct {
		name string
		run  func(x *exchanger) func()
	}{
		{"small_chat", func(x *exchanger) func() { return x.whole(smallChat) }},
		{"64_KB_prompt", func(x *exchanger) func() {
			return x.whole(strings.Replace(smallChat, "What", strings.Repeat("All work and no play. ", 2980)+"What", 1))
		}},
		{"stream_of_100_events", func(x *exchanger) func() { return x.stream(100) }},
	} {
		b.Run(bm.name, func(b *testing.B) {
			run := bm.run(newExchanger(b))
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}

const smallChat = `{"model":"gpt-4o-mini","messages":[{"role":"system","content":"You are a helpful assistant."},` +
	`{"role":"user","content":"What does an AI gateway do? Answer in two sentences."}],"temperature":0.7,"max_tokens":256}`

const smallReply = `{"id":"chatcmpl-BxYz0123456789abcdefghijk","object":"chat.completion","created":1732284000,"model":"gpt-4o-mini-2024-07-18",` +
	`"choices":[{"index":0,"message":{"role":"assistant","content":"It sits between applications and model providers.","refusal":null},` +
	`"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":29,"completion_tokens":31,"total_tokens":60,` +
	`"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}},` +
	`"service_tier":"default","system_fingerprint":"fp_72ed7ab54c"}`

const smallEvent = `data: {"id":"chatcmpl-BxYz0123456789abcdefghijk","object":"chat.completion.chunk","created":1732284000,` +
	`"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_72ed7ab54c",` +
	`"choices":[{"index":0,"delta":{"content":" tok"},"logprobs":null,"finish_reason":null}]}` + "\n\n"

const smallEnd = `data: {"id":"chatcmpl-BxYz0123456789abcdefghijk","object":"chat.completion.chunk","created":1732284000,` +
	`"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],` +
	`"usage":{"prompt_tokens":29,"completion_tokens":100,"total_tokens":129}}` + "\n\ndata: [DONE]\n\n"

// exchanger has the program answer requests from an upstream in memory.
type exchanger struct {
	t       testing.TB
	handler http.Handler
	header  http.Header // of the answers
	frames  [][]byte    // of the answers, one for each read
}

func newExchanger(t testing.TB) *exchanger {
	dir := t.TempDir()
	file := filepath.Join(dir, "tidegate.yaml")
	text := `
auth: required
keys: [ { name: bench, key: tg-benchmark-key-0123456789, team: platform, models: [gpt-4o-mini] } ]
providers: { mock: { type: openai, base_url: "http://127.0.0.1:9/v1", api_key: sk-upstream } }
models: { gpt-4o-mini: { targets: [ { model: mock/gpt-4o-mini } ] } }
prices: [ { model: mock/gpt-4o-mini, input: $0.15, output: $0.60 } ]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l := loader(file, filepath.Join(dir, "data"), nil)
	cfg, _, err := l.Load(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	a := &app{Options: Options{Loader: l, Version: "test", Log: slog.New(slog.DiscardHandler)}}
	if err := a.open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.close() })
	x := &exchanger{t: t}
	a.builder.transport = x
	state, err := a.builder.build(cfg)
	if err != nil {
		t.Fatal(err)
	}
	a.gate.Swap(state)
	x.handler = a.handler()
	return x
}

// RoundTrip answers.
func (x *exchanger) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: x.header, Body: &reel{frames: x.frames}, Request: r}, nil
}

// reel is a body that comes in frames.
type reel struct {
	frames [][]byte
	at     int // within the first
}

func (r *reel) Read(p []byte) (int, error) {
	if len(r.frames) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.frames[0][r.at:])
	if r.at += n; r.at == len(r.frames[0]) {
		r.frames, r.at = r.frames[1:], 0
	}
	return n, nil
}

func (r *reel) Close() error { return nil }

func (x *exchanger) whole(body string) func() {
	x.header = http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {"req_0123456789abcdef"}}
	x.frames = [][]byte{[]byte(smallReply)}
	return x.ask(body, []byte(smallReply))
}

func (x *exchanger) stream(events int) func() {
	x.header = http.Header{"Content-Type": {"text/event-stream; charset=utf-8"}, "X-Request-Id": {"req_0123456789abcdef"}}
	x.frames = nil
	for range events {
		x.frames = append(x.frames, []byte(smallEvent))
	}
	x.frames = append(x.frames, []byte(smallEnd))
	return x.ask(strings.Replace(smallChat, "{", `{"stream":true,"stream_options":{"include_usage":true},`, 1), bytes.Join(x.frames, nil))
}

// ask makes a function that sends a request and checks that the reply comes through. What it needs itself it allocates before.
func (x *exchanger) ask(body string, want []byte) func() {
	header, frames := x.header, x.frames
	req := httptest.NewRequestWithContext(x.t.Context(), http.MethodPost, "/v1/chat/completions", nil)
	req.Header = http.Header{
		"Content-Type": {"application/json"}, "Authorization": {"Bearer tg-benchmark-key-0123456789"}, "User-Agent": {"OpenAI/Python 2.8.1"}, "Accept": {"*/*"},
	}
	req.ContentLength = int64(len(body))
	reader := strings.NewReader(body)
	rec := &recorder{header: http.Header{}}
	return func() {
		x.header, x.frames = header, frames
		reader.Reset(body)
		req.Body = io.NopCloser(reader)
		rec.body.Reset()
		clear(rec.header)
		x.handler.ServeHTTP(rec, req)
		if rec.status != http.StatusOK || !bytes.Equal(rec.body.Bytes(), want) {
			x.t.Fatalf("%d %s", rec.status, rec.body.Bytes())
		}
	}
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header              { return r.header }
func (r *recorder) WriteHeader(status int)           { r.status = status }
func (r *recorder) Write(p []byte) (int, error)      { return r.body.Write(p) }
func (r *recorder) Flush()                           {}
func (r *recorder) SetReadDeadline(time.Time) error  { return nil }
func (r *recorder) SetWriteDeadline(time.Time) error { return nil }
