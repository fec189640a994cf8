package sdk

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// recorder stands between gateway and upstream and keeps what both said.
type recorder struct {
	URL string

	mu    sync.Mutex
	tapes map[string]*tape // by trace id, the last one of each
}

// tape is one exchange with the upstream.
type tape struct {
	path    string
	request []byte
	status  int
	header  http.Header
	reply   bytes.Buffer
	done    chan struct{}
}

func newRecorder(t testing.TB, upstream string) *recorder {
	target, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{tapes: map[string]*tape{}}
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }}
	proxy.ModifyResponse = func(resp *http.Response) error {
		tp := r.of(resp.Request.Header)
		tp.status, tp.header = resp.StatusCode, resp.Header.Clone()
		resp.Body = &taped{resp.Body, tp}
		return nil
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		q.Body = io.NopCloser(bytes.NewReader(body))
		r.mu.Lock()
		r.tapes[traceOf(q.Header)] = &tape{path: q.URL.RequestURI(), request: body, done: make(chan struct{})}
		r.mu.Unlock()
		proxy.ServeHTTP(w, q)
	}))
	server.Config.ErrorLog = nil
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// traceOf is the trace id of a traceparent. The gateway makes it of its request's id.
func traceOf(h http.Header) string {
	if f := strings.Split(h.Get("Traceparent"), "-"); len(f) == 4 {
		return f[1]
	}
	return ""
}

func (r *recorder) of(h http.Header) *tape {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tapes[traceOf(h)]
}

// tape returns what was said for a request of the gateway, once the upstream has ended it.
func (r *recorder) tape(t testing.TB, id string) *tape {
	t.Helper()
	r.mu.Lock()
	tp := r.tapes[strings.ReplaceAll(id, "-", "")]
	r.mu.Unlock()
	if tp == nil {
		t.Fatalf("the upstream has seen nothing of request %q", id)
	}
	select {
	case <-tp.done:
	case <-time.After(30 * time.Second):
		t.Fatal("the upstream's answer does not end")
	}
	return tp
}

type taped struct {
	io.ReadCloser
	tape *tape
}

func (b *taped) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.tape.reply.Write(p[:n])
	return n, err
}

func (b *taped) Close() error {
	close(b.tape.done)
	return b.ReadCloser.Close()
}

// playback answers every request with what a tape holds.
type playback struct{ tape *tape }

func (p playback) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: p.tape.status, Status: http.StatusText(p.tape.status), Header: p.tape.header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(p.tape.reply.Bytes())), ContentLength: -1, Request: r,
	}, nil
}

// witness notes the head of the last answer.
type witness struct {
	mu     sync.Mutex
	header http.Header
}

func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		w.mu.Lock()
		w.header = resp.Header
		w.mu.Unlock()
	}
	return resp, err
}

func (w *witness) last() http.Header {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.header
}

func clientOf(l *line) *http.Client { return &http.Client{Transport: l.witness} }
