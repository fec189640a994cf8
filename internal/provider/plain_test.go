package provider

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

// upstream is a server on raw connections. script is called for every one of them, with its number; what it leaves open is
// closed at the end.
type upstream struct {
	url   string
	conns atomic.Int64
}

func serve(t testing.TB, script func(n int64, c net.Conn, in *bufio.Reader)) *upstream {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &upstream{url: "http://" + l.Addr().String() + "/v1/chat"}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			n := u.conns.Add(1)
			wg.Go(func() {
				defer c.Close()
				script(n, c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return u
}

// leaks looks for goroutines that the test left behind, once everything else is cleaned up.
func leaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// readRequest reads one request, body included; false when there is none.
func readRequest(in *bufio.Reader) (*http.Request, string, bool) {
	req, err := http.ReadRequest(in)
	if err != nil {
		return nil, "", false
	}
	body, err := io.ReadAll(req.Body)
	return req, string(body), err == nil
}

func newPlain() *plain { return &plain{dial: (&net.Dialer{}).DialContext} }

func request(ctx context.Context, address, body string) *http.Request {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, nil)
	if err != nil {
		panic(err)
	}
	setBody(req, []byte(body))
	return req
}

func TestPlainReuse(t *testing.T) {
	const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	ok := outcome{Status: 200, Body: "hello"}
	for _, tt := range []struct {
		name   string
		behind string                                                            // what follows the first answer
		script func(n int64, c net.Conn, in *bufio.Reader, idle chan<- struct{}) // of a connection, after its first answer
		second outcome
		conns  int64
	}{
		{"said more", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", func(_ int64, _ net.Conn, in *bufio.Reader, idle chan<- struct{}) {
			idle <- struct{}{}
			readRequest(in)
		}, ok, 2},
		{"kept", "", func(_ int64, c net.Conn, in *bufio.Reader, idle chan<- struct{}) {
			idle <- struct{}{}
			readRequest(in)
			io.WriteString(c, hello)
		}, ok, 1},
		{"closed while idle", "", func(_ int64, c net.Conn, _ *bufio.Reader, idle chan<- struct{}) {
			c.Close()
			idle <- struct{}{}
		}, ok, 2},
		{"reset while idle", "", func(_ int64, c net.Conn, _ *bufio.Reader, idle chan<- struct{}) {
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
			idle <- struct{}{}
		}, ok, 2},
		{"spoke while idle", "", func(_ int64, c net.Conn, in *bufio.Reader, idle chan<- struct{}) {
			io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\nslow")
			idle <- struct{}{}
			readRequest(in)
		}, ok, 2},
		{"closed when used", "", func(_ int64, c net.Conn, in *bufio.Reader, idle chan<- struct{}) {
			idle <- struct{}{}
			in.Peek(1)
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}, outcome{Failed: "head"}, 1}, // it may have been served
		{"closed in the answer", "", func(_ int64, c net.Conn, in *bufio.Reader, idle chan<- struct{}) {
			idle <- struct{}{}
			readRequest(in)
			io.WriteString(c, "HTTP/1.1 200")
			c.Close()
		}, outcome{Failed: "head"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			leaks(t)
			idle := make(chan struct{}, 2)
			up := serve(t, func(n int64, c net.Conn, in *bufio.Reader) {
				if _, _, ok := readRequest(in); !ok {
					return
				}
				if n == 1 {
					io.WriteString(c, hello+tt.behind)
					tt.script(n, c, in, idle)
				} else {
					io.WriteString(c, hello)
					io.Copy(io.Discard, in)
				}
			})
			p := newPlain()
			defer p.pool.close()
			if got := call(p, request(t.Context(), up.url, "a")); got.Body != "hello" {
				t.Fatalf("first call: %+v", got)
			}
			<-idle
			got := call(p, request(t.Context(), up.url, "b"))
			got.Header = nil
			if diff := cmp.Diff(tt.second, got); diff != "" {
				t.Error(diff)
			}
			if n := up.conns.Load(); n != tt.conns {
				t.Errorf("%d connections, want %d", n, tt.conns)
			}
		})
	}
}

// TestPlainOnce: what fails on a fresh connection is not sent again.
func TestPlainOnce(t *testing.T) {
	up := serve(t, func(_ int64, _ net.Conn, in *bufio.Reader) { readRequest(in) })
	p := newPlain()
	if got := call(p, request(t.Context(), up.url, "a")); got.Failed != "head" {
		t.Errorf("got %+v", got)
	}
	if n := up.conns.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// TestPlainLate: a request that was written to a reused connection is not sent again, since the upstream may have been at work.
func TestPlainLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conns := 0
		p := &plain{dial: func(context.Context, string, string) (net.Conn, error) {
			conns++
			ours, theirs := net.Pipe()
			go func() {
				in := bufio.NewReader(theirs)
				readRequest(in)
				io.WriteString(theirs, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				readRequest(in)
				<-time.After(time.Second)
				theirs.Close()
			}()
			return ours, nil
		}}
		defer p.pool.close()
		if got := call(p, request(t.Context(), "http://up/", "a")); got.Status != 200 {
			t.Fatalf("first call: %+v", got)
		}
		if got := call(p, request(t.Context(), "http://up/", "b")); got.Failed != "head" || conns != 1 {
			t.Errorf("got %+v over %d connections", got, conns)
		}
	})
}

func TestPlainIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int64
		p := &plain{dial: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			open.Add(1)
			go func() {
				defer open.Add(-1)
				in := bufio.NewReader(theirs)
				for {
					if _, _, ok := readRequest(in); !ok {
						return
					}
					io.WriteString(theirs, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			}()
			return ours, nil
		}}
		for _, host := range []string{"http://a/", "http://b/"} {
			call(p, request(t.Context(), host, ""))
			<-time.After(idleTimeout / 2)
		}
		synctest.Wait()
		for _, want := range []int64{1, 0} {
			if n := open.Load(); n != want {
				t.Errorf("%d connections open, want %d", n, want)
			}
			<-time.After(idleTimeout / 2)
			synctest.Wait()
		}
		if p.pool.sweep != nil || len(p.pool.idle) > 0 {
			t.Error("an empty pool keeps its timer")
		}
	})
}

func TestPlainIdleLimit(t *testing.T) {
	p := &pool{}
	defer p.close()
	for range idlePerHost + 1 {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		p.put(newConn(ours, "a", p))
	}
	if n := len(p.idle["a"]); n != idlePerHost {
		t.Errorf("%d idle connections, want %d", n, idlePerHost)
	}
}

var errGone = errors.New("the caller left")

// TestPlainCancel ends the context in every phase of a call: the call ends with the context's cause, and the connection with it.
func TestPlainCancel(t *testing.T) {
	for _, tt := range []struct {
		name   string
		body   string
		script func(c net.Conn, in *bufio.Reader, now func())
		dial   func(ctx context.Context, now func()) (net.Conn, error)
		sent   bool
		phase  string
	}{
		{name: "dialing", phase: "head", dial: func(ctx context.Context, now func()) (net.Conn, error) {
			now()
			<-ctx.Done()
			return nil, ctx.Err()
		}},
		{name: "writing", phase: "head", sent: true, body: strings.Repeat("x", 64<<20), script: func(_ net.Conn, in *bufio.Reader, now func()) {
			in.Peek(1)
			now()
		}},
		{name: "waiting", phase: "head", sent: true, script: func(_ net.Conn, in *bufio.Reader, now func()) {
			readRequest(in)
			now()
		}},
		{name: "in the head", phase: "head", sent: true, script: func(c net.Conn, in *bufio.Reader, now func()) {
			readRequest(in)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-")
			now()
		}},
		{name: "in the body", phase: "body", sent: true, script: func(c net.Conn, in *bufio.Reader, _ func()) {
			readRequest(in)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
		}},
		{name: "between chunks", phase: "body", sent: true, script: func(c net.Conn, in *bufio.Reader, _ func()) {
			readRequest(in)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			leaks(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			now := func() { cancel(errGone) }
			closed := make(chan struct{})
			up := serve(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				if tt.script != nil {
					tt.script(c, in, now)
				}
				io.Copy(io.Discard, in)
				close(closed)
			})
			p := newPlain()
			if tt.dial != nil {
				p.dial = func(ctx context.Context, _, _ string) (net.Conn, error) { return tt.dial(ctx, now) }
			}
			var sent atomic.Bool
			traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
			resp, err := p.RoundTrip(request(traced, up.url, tt.body))
			phase := "head"
			if err == nil {
				phase = "body"
				if _, err := io.ReadFull(resp.Body, make([]byte, 2)); err != nil {
					t.Error(err)
				}
				now()
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if !errors.Is(err, errGone) || phase != tt.phase {
				t.Errorf("got %v in %s, want the cause in %s", err, phase, tt.phase)
			}
			if sent.Load() != tt.sent {
				t.Errorf("sent is %v", sent.Load())
			}
			if tt.script != nil {
				<-closed
			}
			if len(p.pool.idle) > 0 {
				t.Error("the connection is kept")
			}
		})
	}
}

// TestPlainCutOff: closing an answer that was not read ends the connection.
func TestPlainCutOff(t *testing.T) {
	closed := make(chan struct{})
	up := serve(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		readRequest(in)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
		io.Copy(io.Discard, in)
		close(closed)
	})
	p := newPlain()
	resp, err := p.RoundTrip(request(t.Context(), up.url, ""))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	<-closed
	if _, err := resp.Body.Read(make([]byte, 1)); err == nil {
		t.Error("a closed body can be read")
	}
}

// TestPlainRefusedEarly: an upstream that answers before it has read a large request, and then reads no more, is heard.
func TestPlainRefusedEarly(t *testing.T) {
	leaks(t)
	done := make(chan struct{})
	up := serve(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		http.ReadRequest(in)
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge")
		<-done
	})
	defer close(done)
	p := newPlain()
	got := call(p, request(t.Context(), up.url, strings.Repeat("x", 64<<20)))
	if got.Status != 413 || got.Body != "large" || got.Failed != "" {
		t.Errorf("got %+v", got)
	}
	if len(p.pool.idle) > 0 {
		t.Error("a connection is kept whose request is half written")
	}
}

// TestPlainUnsent: a request of which nothing left is not said to have been sent.
func TestPlainUnsent(t *testing.T) {
	for name, dial := range map[string]func() (net.Conn, error){
		"refused": func() (net.Conn, error) { return nil, errors.New("connection refused") },
		"dead": func() (net.Conn, error) {
			ours, theirs := net.Pipe()
			theirs.Close()
			return ours, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := &plain{dial: func(context.Context, string, string) (net.Conn, error) { return dial() }}
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteHeaders: func() { t.Error("sent") }})
			if _, err := p.RoundTrip(request(ctx, "http://up/", "a")); err == nil {
				t.Error("no error")
			}
		})
	}
}

// TestPlainInjection: what could end a line of the head is never written.
func TestPlainInjection(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"value":  func(r *http.Request) { r.Header.Set("X-A", "1\r\nX-B: 2") },
		"name":   func(r *http.Request) { r.Header["X-A\r\nX-B"] = []string{"1"} },
		"method": func(r *http.Request) { r.Method = "POST / HTTP/1.1\r\nX-B:" },
		"query":  func(r *http.Request) { r.URL.RawQuery = "a=b HTTP/1.1\r\nX-B: 2" },
		"host":   func(r *http.Request) { r.Host = "a\r\nX-B: 2" },
	} {
		t.Run(name, func(t *testing.T) {
			p := &plain{dial: func(context.Context, string, string) (net.Conn, error) {
				t.Error("dialed")
				return nil, io.EOF
			}}
			req := request(t.Context(), "http://up/", "a")
			change(req)
			if _, err := p.RoundTrip(req); !errors.Is(err, errRequest) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestPlainTogether: many at once, each of which gets the answer to its own request.
func TestPlainTogether(t *testing.T) {
	leaks(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for part := range bytes.Lines(body) {
			w.Write(part)
			http.NewResponseController(w).Flush()
		}
	}))
	defer server.Close()
	p := newPlain()
	defer p.pool.close()
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for j := range 30 {
				body := strings.Repeat(fmt.Sprintf("%d %d\n", i, j), 1+j*i)
				if got := call(p, request(t.Context(), server.URL, body)); got.Body != body || got.Failed != "" {
					t.Errorf("%d %d: another answer, or none: %q", i, j, got.Failed)
				}
			}
		})
	}
	wg.Wait()
}

// TestTransportChoice: what plain does not do goes to net/http.
func TestTransportChoice(t *testing.T) {
	tr := NewTransport(time.Second)
	tr.proxy = func(r *http.Request) (*url.URL, error) {
		if r.URL.Host == "proxied" {
			return url.Parse("http://proxy:3128")
		}
		return nil, nil
	}
	for address, want := range map[string]bool{
		"http://up/": true, "http://127.0.0.1:11434/v1": true, "http://[::1]:80/": true,
		"https://up/": false, "http://proxied/": false, "http://bücher/": false, "http://[fe80::1%25eth0]/": false,
	} {
		if got := tr.isPlain(request(t.Context(), address, "")); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	req := request(t.Context(), "http://up/", "")
	req.Body = io.NopCloser(strings.NewReader("a body of unknown origin"))
	if tr.isPlain(req) {
		t.Error("plain takes any body")
	}
}
