package fake

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The faults of a connection, over real ones.

func TestCut(t *testing.T) {
	base := serve(t, New(Options{}))
	for _, s := range surfaces() {
		for _, how := range []string{"fin", "rst", "nolastchunk", "clean"} {
			q := question{model: "cut:after=5,how=" + how, prompt: "hi", stream: true}
			resp, err := http.DefaultTransport.RoundTrip(s.request(base, q))
			if err != nil {
				t.Fatalf("%s %s: %v", s.name, how, err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			name := fmt.Sprintf("%s %s: after %d bytes: %v", s.name, how, len(body), err)
			switch how {
			case "clean":
				if err != nil {
					t.Error(name)
				}
			case "rst": // a reset may take what was under way with it
				if !errors.Is(err, syscall.ECONNRESET) {
					t.Error(name)
				}
				continue
			default:
				if !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Error(name)
				}
			}
			f, _ := s.parse(200, body, true)
			if f.Ended {
				t.Errorf("%s: a cut stream has its last event", name)
			}
			if n := len(f.Events); s.name != "gemini-array" && n != 5 {
				t.Errorf("%s: %d events before the cut", name, n)
			}
		}
	}
}

func TestCutWhole(t *testing.T) {
	srv := New(Options{})
	base := serve(t, srv)
	for _, s := range surfaces() {
		for _, how := range []string{"fin", "rst", "nolastchunk", "clean"} {
			resp, err := http.DefaultTransport.RoundTrip(s.request(base, question{model: "cut:how=" + how, prompt: prompt}))
			if err != nil {
				t.Fatalf("%s %s: %v", s.name, how, err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err == nil || int64(len(body)) >= resp.ContentLength {
				t.Errorf("%s %s: %d of %d bytes, %v", s.name, how, len(body), resp.ContentLength, err)
			}
		}
	}
}

func TestCutInProcess(t *testing.T) {
	for _, s := range surfaces() {
		for _, stream := range []bool{false, true} {
			resp, err := New(Options{}).RoundTrip(s.request("http://fake", question{model: "cut:after=3", prompt: prompt, stream: stream}))
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s stream=%v: %v", s.name, stream, err)
			}
		}
	}
}

// TestClientGone leaves in every phase and expects the server to have noticed.
func TestClientGone(t *testing.T) {
	for _, model := range []string{"hang", "latency:ms=86400000", "slow_first_byte:ms=86400000", "stall:after=3", "stream:chunks=5,gap=24h"} {
		for _, s := range surfaces() {
			srv := New(Options{})
			ctx, leave := context.WithCancel(context.Background())
			seen := make(chan struct{})
			done := make(chan struct{})
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(seen)
				defer close(done)
				srv.ServeHTTP(w, r)
			})
			base := serveHandler(t, h)
			errs := make(chan error, 1)
			go func() {
				resp, err := http.DefaultTransport.RoundTrip(s.request(base, question{model: model, prompt: prompt, stream: true}).WithContext(ctx))
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					resp.Body.Close()
				}
				errs <- err
			}()
			<-seen
			leave()
			if err := <-errs; !errors.Is(err, context.Canceled) {
				t.Errorf("%s %s: %v", s.name, model, err)
			}
			<-done
			got := srv.Requests()
			if len(got) != 1 || got[0].GoneAt == nil || got[0].Done == nil {
				t.Errorf("%s %s: %+v", s.name, model, got)
			}
		}
	}
}

func TestGzip(t *testing.T) {
	base := serve(t, New(Options{}))
	for _, s := range surfaces() {
		for _, stream := range []bool{false, true} {
			r := s.request(base, question{model: "echo+gzip", prompt: prompt, stream: stream})
			r.Header.Set("Accept-Encoding", "gzip")
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			z, err := gzip.NewReader(resp.Body)
			if err != nil || resp.Header.Get("Content-Encoding") != "gzip" {
				t.Fatalf("%s: %v %v", s.name, err, resp.Header)
			}
			body, err := io.ReadAll(z)
			resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if f, err := s.parse(200, body, stream); err != nil || f.Text != prompt {
				t.Errorf("%s: %v %q", s.name, err, f.Text)
			}
		}
	}
}

func TestEventsAreNotHeldBack(t *testing.T) {
	base := serve(t, New(Options{}))
	for _, s := range surfaces()[:4] {
		resp, err := http.DefaultTransport.RoundTrip(s.request(base, question{model: "stall:after=4", prompt: prompt, stream: true}))
		if err != nil {
			t.Fatal(err)
		}
		r, n := bufio.NewReader(resp.Body), 0
		for n < 4 { // would wait for ever if they were
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			n += boolInt(strings.HasPrefix(line, "data: "))
		}
		resp.Body.Close()
	}
}

func TestRequestsList(t *testing.T) {
	srv := New(Options{})
	base := serve(t, srv)
	s := surfaces()[0]
	do := func(r *http.Request) {
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	do(s.request(base, question{model: "echo+stream:chunks=3", prompt: prompt, stream: true}))
	r := surfaces()[3].request(base, question{model: "fail", prompt: prompt})
	r.URL.RawQuery = "alt=json&key=AIza-secret"
	do(r)

	resp, err := http.Get(base + "/_fake/requests")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	var got []Request
	if err := json.Unmarshal(b, &got); err != nil || len(got) != 2 {
		t.Fatalf("%v %s", err, b)
	}
	if strings.Contains(string(b), "key-1") || strings.Contains(string(b), "AIza-secret") {
		t.Errorf("a key is in the list: %s", b)
	}
	q := got[0]
	if want := "Bearer sha256:" + fingerprint("key-1"); q.Headers.Get("Authorization") != want {
		t.Errorf("authorization %q", q.Headers)
	}
	type line struct {
		Method, Path, Model    string
		Stream                 bool
		Status, Events, Length int
	}
	want := []line{{"POST", "/v1/chat/completions", "echo+stream:chunks=3", true, 200, 6, len(q.Body)},
		{"POST", "/v1beta/models/fail:generateContent?alt=json&key=sha256%3A" + fingerprint("AIza-secret"), "fail", false, 500, 0, len(got[1].Body)}}
	for i, q := range got {
		if d := cmp.Diff(want[i], line{q.Method, q.Path, q.Model, q.Stream, q.Status, q.Events, q.Bytes}); d != "" {
			t.Error(d)
		}
		if q.Done == nil || q.GoneAt != nil || q.Sent == 0 || q.Time.IsZero() {
			t.Errorf("%+v", q)
		}
	}
	if resp, err := http.Post(base+"/_fake/reset", "", nil); err != nil || resp.StatusCode != 204 {
		t.Fatal(resp, err)
	}
	if got := srv.Requests(); len(got) != 0 {
		t.Errorf("%d after a reset", len(got))
	}
}

func TestRingIsBounded(t *testing.T) {
	var r ring
	for range maxRequests + 10 {
		r.add(&Request{})
	}
	if len(r.list()) != maxRequests {
		t.Errorf("%d kept", len(r.list()))
	}
	big := strings.Repeat("x", maxKept)
	for range 100 {
		r.add(&Request{Body: big})
	}
	if n := len(r.list()); n != maxKeptTotal/maxKept || r.bytes != maxKeptTotal {
		t.Errorf("%d kept, %d bytes", n, r.bytes)
	}
}

func TestNoRecord(t *testing.T) {
	srv := New(Options{NoRecord: true})
	surfaces()[0].ask(t, srv, question{model: "echo", prompt: prompt})
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d recorded", n)
	}
}

// TestManyClients mixes everything at once; the race detector and goleak look on.
func TestManyClients(t *testing.T) {
	srv := New(Options{})
	base := serve(t, srv)
	models := []string{"echo", "chat+stream:chunks=20", "think+tools:n=2", "cut:after=2", "fail:every=2", "stall:after=2,ms=1", "error_event", "usage:in=5,out=5", "bad_event:after=1", "empty"}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	for c := range 64 {
		wg.Go(func() {
			for i := range 20 {
				s := surfaces()[(c+i)%5]
				text := fmt.Sprint("client ", c, " request ", i)
				resp, err := client.Do(s.request(base, question{model: models[(c*7+i)%len(models)], prompt: text, stream: i%3 > 0, tools: []toolDef{weather}}))
				if err != nil {
					continue
				}
				body, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if models[(c*7+i)%len(models)] != "echo" {
					continue
				}
				if f, err := s.parse(200, body, i%3 > 0); err != nil || f.Text != text {
					t.Errorf("%s: got %q for %q, %v", s.name, f.Text, text, err)
				}
			}
		})
	}
	wg.Wait()
	ids := map[string]bool{}
	for _, q := range srv.Requests() {
		ids[q.ID] = true
	}
	if len(ids) != maxRequests {
		t.Errorf("%d different ids of %d", len(ids), maxRequests)
	}
}
