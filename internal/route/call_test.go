package route

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidegate/internal/dialect"
	"tidegate/internal/llm"
	"tidegate/internal/provider"
)

// script is an upstream that answers call by call, the last answer again and again.
type script struct {
	answers []string // "STATUS body", "sse frames", "refuse", "reset"
	calls   int
	keys    []string
	header  http.Header
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.keys = append(s.keys, r.Header.Get("Authorization"))
	a := s.answers[min(s.calls, len(s.answers)-1)]
	s.calls++
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	h := http.Header{"Content-Type": {"application/json"}}
	maps.Copy(h, s.header)
	kind, body, _ := strings.Cut(a, " ")
	status := 200
	switch kind {
	case "refuse":
		return nil, fmt.Errorf("connection refused")
	case "sse":
		h.Set("Content-Type", "text/event-stream")
	default:
		_, _ = fmt.Sscan(kind, &status)
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

const (
	good   = `200 {"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"good"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`
	hollow = `200 {"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":null}]}`
	role   = `data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n"
	word   = `data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"word"},"finish_reason":null}]}` + "\n\n"
	stop   = `data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	done   = "data: [DONE]\n\n"
	fault  = `data: {"error":{"message":"overloaded","type":"server_error","code":503}}` + "\n\n"
)

func failure(status int, code string) string {
	return fmt.Sprintf(`%d {"error":{"message":"no","type":"x","code":%q}}`, status, code)
}

type setup struct {
	first, second []string // answers of the two targets; second nil: only one target
	keys          int      // of the first
	header        http.Header
	stream        bool
	attempts      int
}

// run calls and reports how often each target was hit, the pauses made, and what came of it.
func run(t *testing.T, s setup) (answer *Answer, first, second *script, pauses []time.Duration, noted []*Attempt, err error) {
	t.Helper()
	first, second = &script{answers: s.first, header: s.header}, &script{answers: s.second}
	creds := []provider.Credential{{Label: "1", Key: "key-number-1"}, {Label: "2", Key: "key-number-2"}}
	up := func(name string, tr http.RoundTripper, n int) Target {
		u := upstream(t, provider.Row{Name: name, Auth: provider.Bearer}, provider.Options{Name: name, Credentials: creds[:n], Transport: tr})
		codec, _ := dialect.For(llm.OpenAIChat)
		return Target{Upstream: u, Codec: codec, Model: "m"}
	}
	plan := &Plan{Attempts: max(s.attempts, 3), Targets: []Target{up("a", first, max(s.keys, 1))}}
	if s.second != nil {
		plan.Targets = append(plan.Targets, up("b", second, 1))
	}
	codec, _ := dialect.For(llm.OpenAIChat)
	body := fmt.Appendf(nil, `{"model":"m","stream":%v,"messages":[{"role":"user","content":"hi"}]}`, s.stream)
	head, err := codec.Head(body)
	if err != nil {
		t.Fatal(err)
	}
	c := NewCaller(1 << 20)
	c.Jitter = func() float64 { return 0 }
	c.Pause = func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }
	answer, err = c.Call(t.Context(), plan, &Request{Codec: codec, Body: body, Head: head, Header: http.Header{}}, func(a *Attempt) { noted = append(noted, a) })
	if answer != nil {
		t.Cleanup(answer.Close)
	}
	return answer, first, second, pauses, noted, err
}

// Each class of failure is worth exactly so many calls (pitfall D4).
func TestAttempts(t *testing.T) {
	retry := http.Header{"Retry-After": {"2"}}
	long := http.Header{"Retry-After": {"60"}}
	for _, tt := range []struct {
		name          string
		setup         setup
		first, second int
		pauses        int
		class         llm.Class // of the error; 0: it went well
	}{
		{"well", setup{first: []string{good}, second: []string{good}}, 1, 0, 0, 0},
		{"bad request", setup{first: []string{failure(400, "invalid")}, second: []string{good}}, 1, 0, 0, llm.BadRequest},
		{"filtered", setup{first: []string{failure(400, "content_filter")}, second: []string{good}}, 1, 0, 0, llm.Filtered},
		{"refused key, other target", setup{first: []string{failure(401, "invalid_api_key")}, second: []string{good}}, 1, 1, 0, 0},
		{"refused key, other key", setup{first: []string{failure(401, "invalid_api_key"), good}, second: []string{good}, keys: 2}, 2, 0, 0, 0},
		{"refused key, nothing else", setup{first: []string{failure(401, "invalid_api_key")}}, 1, 0, 0, llm.Credential},
		{"no such model", setup{first: []string{failure(404, "model_not_found")}, second: []string{good}}, 1, 1, 0, 0},
		{"no such model, nothing else", setup{first: []string{failure(404, "model_not_found")}}, 1, 0, 0, llm.ModelGone},
		{"quota", setup{first: []string{failure(429, "insufficient_quota")}, second: []string{good}}, 1, 1, 0, 0},
		{"quota, nothing else", setup{first: []string{failure(429, "insufficient_quota")}}, 1, 0, 0, llm.Quota},
		{"rate limit, other target", setup{first: []string{failure(429, "rate_limit")}, second: []string{good}}, 1, 1, 0, 0},
		{"rate limit, waits", setup{first: []string{failure(429, "rate_limit"), good}, header: retry}, 2, 0, 1, 0},
		{"rate limit, too long to wait", setup{first: []string{failure(429, "rate_limit")}, header: long}, 1, 0, 0, llm.RateLimited},
		{"overloaded, then well", setup{first: []string{failure(503, ""), failure(503, ""), good}}, 3, 0, 2, 0},
		{"overloaded for good", setup{first: []string{failure(503, "")}}, 3, 0, 2, llm.Overloaded},
		{"overloaded, other target", setup{first: []string{failure(500, "")}, second: []string{good}}, 1, 1, 0, 0},
		{"both overloaded", setup{first: []string{failure(500, "")}, second: []string{failure(500, "")}}, 1, 2, 1, llm.Overloaded},
		{"unreachable", setup{first: []string{"refuse", good}}, 2, 0, 1, 0},
		{"too long", setup{first: []string{failure(400, "context_length_exceeded")}, second: []string{good}}, 1, 0, 0, llm.ContextLength},
		{"html", setup{first: []string{"200 <html>sorry</html>"}, second: []string{good}}, 1, 1, 0, 0},
		{"half a document", setup{first: []string{`200 {"id":"1","choices":[{"in`}, second: []string{good}}, 1, 1, 0, 0},
		{"an error in a 200", setup{first: []string{`200 {"error":{"message":"busy","code":503}}`}, second: []string{good}}, 1, 1, 0, 0},
		{"empty, other target", setup{first: []string{hollow}, second: []string{good}}, 1, 1, 0, 0},
		{"empty, nothing else", setup{first: []string{hollow}}, 1, 0, 0, 0},
		{"stream fails in its preamble", setup{first: []string{"sse " + role + fault}, second: []string{"sse " + role + word + stop + done}, stream: true}, 1, 1, 0, 0},
		{"stream ends in its preamble", setup{first: []string{"sse " + role}, second: []string{"sse " + role + word + stop + done}, stream: true}, 1, 1, 0, 0},
		{"stream fails after content", setup{first: []string{"sse " + role + word + fault}, second: []string{good}, stream: true}, 1, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, first, second, pauses, noted, err := run(t, tt.setup)
			class := llm.Class(0)
			if err != nil {
				class = llm.AsError(err).Class
			}
			if first.calls != tt.first || second.calls != tt.second || len(pauses) != tt.pauses || class != tt.class {
				t.Errorf("hits %d and %d, pauses %v, %v; want %d, %d, %d, %v", first.calls, second.calls, pauses, err, tt.first, tt.second, tt.pauses, tt.class)
			}
			if len(noted) != tt.first+tt.second {
				t.Errorf("%d attempts in the books for %d calls", len(noted), tt.first+tt.second)
			}
		})
	}
}

// Both keys are tried, each once.
func TestOtherKey(t *testing.T) {
	_, first, _, _, _, err := run(t, setup{first: []string{failure(401, "invalid_api_key")}, keys: 2})
	if err == nil || len(first.keys) != 2 || first.keys[0] == first.keys[1] {
		t.Errorf("%v %v", first.keys, err)
	}
}

// A stream that failed in its preamble leaves nothing of it behind: the client gets one preamble, the second target's (C2).
func TestCommit(t *testing.T) {
	answer, _, _, _, _, err := run(t, setup{
		first: []string{"sse " + strings.ReplaceAll(role, `"id":"1"`, `"id":"first"`) + fault}, second: []string{"sse " + role + word + stop + done}, stream: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for step, err := range answer.Stream {
		if err != nil {
			t.Fatal(err)
		}
		got.Write(step.Raw)
	}
	if got.String() != role+word+stop+done {
		t.Errorf("got %q", got.String())
	}
}

// A break after content is an error, never an end; one that the upstream reports keeps its words.
func TestBreaks(t *testing.T) {
	for _, tt := range []struct {
		name, frames string
		class        llm.Class
		raw          string
	}{
		{"cut", role + word, llm.Network, ""},
		{"reported", role + word + fault + stop + done, llm.Overloaded, fault + stop + done},
	} {
		answer, _, _, _, _, err := run(t, setup{first: []string{"sse " + tt.frames}, stream: true})
		if err != nil {
			t.Fatal(err)
		}
		var last error
		for _, err := range answer.Stream {
			last = err
		}
		if e := llm.AsError(last); last == nil || e.Class != tt.class || string(e.Raw) != tt.raw || !e.Sent {
			t.Errorf("%s: %v", tt.name, last)
		}
	}
}

// What an upstream says never gives its key away (pitfall K1).
func TestEchoedKey(t *testing.T) {
	_, _, _, _, _, err := run(t, setup{first: []string{`400 {"error":{"message":"bad header Bearer key-number-1","type":"x"}}`}})
	e := llm.AsError(err)
	if strings.Contains(e.Message, "key-number-1") || strings.Contains(string(e.Raw), "key-number-1") || !strings.Contains(e.Message, "•••") {
		t.Errorf("%s %s", e.Message, e.Raw)
	}
}

// The pauses double, and Retry-After is the least.
func TestRetriable(t *testing.T) {
	e := &llm.Error{Class: llm.Overloaded}
	for tries, want := range map[int]time.Duration{1: 250 * time.Millisecond, 2: 500 * time.Millisecond, 3: time.Second, 9: longest} {
		if d, ok := retriable(e, tries, 1); d != want || !ok {
			t.Errorf("try %d: %v %v", tries, d, ok)
		}
	}
	if d, ok := retriable(&llm.Error{Class: llm.RateLimited, RetryAfter: 3 * time.Second}, 1, 0); d != 3*time.Second || !ok {
		t.Error(d, ok)
	}
	if _, ok := retriable(&llm.Error{Class: llm.Timeout, Code: "first_byte_timeout"}, 1, 0); ok {
		t.Error("a request that may be running is sent again")
	}
	if _, ok := retriable(&llm.Error{Class: llm.Network, Sent: true}, 1, 0); ok {
		t.Error("a request that may have been served is sent again")
	}
	if _, ok := retriable(&llm.Error{Class: llm.Network}, 1, 0); !ok {
		t.Error("a request that never left is not sent again")
	}
	if _, ok := retriable(&llm.Error{Class: llm.Timeout, Code: "connect_timeout"}, 1, 0); !ok {
		t.Error("connecting is not tried again")
	}
}
