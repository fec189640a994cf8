package provider

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// outcome is what a caller sees of a call.
type outcome struct {
	Status  int
	Body    string
	Header  http.Header
	Trailer http.Header
	Failed  string // in which phase
}

func call(rt http.RoundTripper, req *http.Request) (o outcome) {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return outcome{Failed: "head"}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	o = outcome{Status: resp.StatusCode, Body: string(body), Header: resp.Header, Trailer: resp.Trailer}
	if err != nil {
		o.Failed = "body"
	}
	return o
}

var answers = []struct {
	name   string
	answer string
	close  bool // the server does, after the answer
}{
	{name: "content-length", answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nX-A: 2\r\n\r\nhello"},
	{name: "empty", answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	{name: "chunked", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"},
	{name: "trailers", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n"},
	{name: "until close", answer: "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello", close: true},
	{name: "HTTP/1.0", answer: "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", close: true},
	{name: "HTTP/1.0 keep-alive", answer: "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello"},
	{name: "connection: close", answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", close: true},
	{name: "100", answer: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
	{name: "103", answer: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
	{name: "five interim", answer: strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 5) + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
	{name: "many interim", answer: strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 50) + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
	{name: "204", answer: "HTTP/1.1 204 No Content\r\n\r\n"},
	{name: "304", answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"},
	{name: "500", answer: "HTTP/1.1 500 Oops\r\nContent-Length: 5\r\nRetry-After: 1\r\n\r\nhello"},
	{name: "unknown status", answer: "HTTP/1.1 799 What\r\nContent-Length: 5\r\n\r\nhello"},
	{name: "redirect", answer: "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"},
	{name: "cut in the body", answer: "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", close: true},
	{name: "cut in a chunk", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n32\r\nhello", close: true},
	{name: "cut between chunks", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", close: true},
	{name: "cut in the trailers", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum", close: true},
	{name: "cut in the head", answer: "HTTP/1.1 200 OK\r\nContent-Le", close: true},
	{name: "cut after an interim answer", answer: "HTTP/1.1 100 Continue\r\n\r\n", close: true},
	{name: "nothing", answer: "", close: true},
	{name: "no HTTP", answer: "SSH-2.0-OpenSSH_9.2\r\n\r\n", close: true},
	{name: "bad status", answer: "HTTP/1.1 abc OK\r\n\r\n", close: true},
	{name: "bad header", answer: "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", close: true},
	{name: "bad chunk size", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", close: true},
	{name: "bad length", answer: "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", close: true},
	{name: "two lengths", answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", close: true},
	{name: "length and chunks", answer: "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", close: true},
	{name: "unknown coding", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello", close: true},
}

// TestPlainLikeNetHTTP has both transports make three calls in a row and expects that their callers and their server see the
// same, including how many connections that took.
func TestPlainLikeNetHTTP(t *testing.T) {
	type seen struct {
		Calls    []outcome
		Requests []string
		Conns    int64
	}
	for _, tt := range answers {
		t.Run(tt.name, func(t *testing.T) {
			leaks(t)
			watch := func(rt http.RoundTripper, idle func()) (s seen) {
				var mu sync.Mutex
				up := serve(t, func(_ int64, c net.Conn, in *bufio.Reader) {
					for {
						req, body, ok := readRequest(in)
						if !ok {
							return
						}
						mu.Lock()
						s.Requests = append(s.Requests, fmt.Sprint(req.Method, req.RequestURI, req.Host == c.LocalAddr().String(), req.Header, req.TransferEncoding, body))
						mu.Unlock()
						if _, err := io.WriteString(c, tt.answer); err != nil || tt.close {
							return
						}
					}
				})
				for _, body := range []string{`{"n":1}`, "", strings.Repeat("x", large+1)} {
					req := request(t.Context(), up.url+"?key=a%20b", body)
					req.Header = http.Header{"X-Many": {"1", " 2\t"}, "User-Agent": {"client/1"}}
					s.Calls = append(s.Calls, call(rt, req))
					if tt.close { // unannounced: whether the next call still meets the connection is a matter of luck, with net/http as well
						idle()
					}
				}
				idle()
				mu.Lock()
				defer mu.Unlock()
				s.Conns = up.conns.Load()
				return s
			}
			theirs := NewTransport(time.Second).full
			ours := newPlain()
			want := watch(theirs, theirs.CloseIdleConnections)
			got := watch(ours, ours.pool.close)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("net/http (-) and plain (+) differ:\n%s", diff)
			}
		})
	}
}

// FuzzPlain has an upstream answer anything at all. Both transports must make the same of it.
func FuzzPlain(f *testing.F) {
	for _, tt := range answers {
		f.Add([]byte(tt.answer))
	}
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\njunk"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		dial := func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				if _, _, ok := readRequest(bufio.NewReader(theirs)); ok {
					theirs.Write(answer)
				}
			}()
			return ours, nil
		}
		theirs := &http.Transport{DialContext: dial, DisableCompression: true}
		defer theirs.CloseIdleConnections()
		want := call(theirs, request(t.Context(), "http://up/", "a"))
		if want.Status == http.StatusSwitchingProtocols {
			want = outcome{Failed: "head"} // nobody asked for it
		}
		ours := &plain{dial: dial}
		defer ours.pool.close()
		got := call(ours, request(t.Context(), "http://up/", "a"))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("net/http (-) and plain (+) differ:\n%s", diff)
		}
	})
}
