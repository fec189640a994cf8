package fake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// Times are exact here: the clock is synctest's.

func TestTimes(t *testing.T) {
	for _, c := range []struct {
		model   string
		stream  bool
		headers time.Duration
		done    time.Duration
	}{
		{"echo", true, 0, 0},
		{"echo+latency:ms=70", false, 70 * time.Millisecond, 70 * time.Millisecond},
		{"echo+latency:ms=70", true, 70 * time.Millisecond, 70 * time.Millisecond},
		{"echo+slow_first_byte", false, 0, 130 * time.Second},
		{"echo+slow_first_byte", true, 0, 130 * time.Second},
		{"fail+latency:ms=70", false, 70 * time.Millisecond, 70 * time.Millisecond},
		{"stall:after=3,ms=5000", true, 0, 5 * time.Second},
	} {
		for _, s := range surfaces() {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				resp, err := New(Options{}).RoundTrip(s.request("http://fake", question{model: c.model, prompt: prompt, stream: c.stream}))
				if err != nil {
					t.Fatal(err)
				}
				headers := time.Since(start)
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
				if done := time.Since(start); err != nil || headers != c.headers || done != c.done {
					t.Errorf("%s %s: headers after %v, done after %v, %v", s.name, c.model, headers, done, err)
				}
			})
		}
	}
}

func TestGapIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, _, f := surfaces()[0].ask(t, New(Options{}), question{model: "stream:chunks=10,gap=20ms", prompt: prompt, stream: true})
		// the role, 10 pieces, the finish, [DONE]
		if got, want := time.Since(start), 12*20*time.Millisecond; got != want || len(f.Events) != 12 {
			t.Errorf("%v for %d events, want %v", got, len(f.Events), want)
		}
	})
}

// TestStamps: the texts carry the upstream's own times, and a stream's last word agrees with its pieces.
func TestStamps(t *testing.T) {
	for _, s := range surfaces() {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now().UnixNano()
			_, _, f := s.ask(t, New(Options{}), question{model: "echo+stamp+latency:ms=5", prompt: "hi"})
			if want := fmt.Sprintf("@%d,%d hi", start, start+5e6); f.Text != want {
				t.Errorf("%s: %q, want %q", s.name, f.Text, want)
			}
			start = time.Now().UnixNano()
			_, _, f = s.ask(t, New(Options{}), question{model: "echo+stamp", prompt: "hi ho", stream: true})
			if want := fmt.Sprintf("@%d hi@%d  ho", start, start); f.Text != want {
				t.Errorf("%s: %q, want %q", s.name, f.Text, want)
			}
		})
	}
}

func TestHangEndsWithTheClient(t *testing.T) {
	for _, model := range []string{"hang", "stall:after=2", "latency:ms=3600000", "slow_first_byte:ms=3600000"} {
		synctest.Test(t, func(t *testing.T) {
			srv := New(Options{})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			r := surfaces()[2].request("http://fake", question{model: model, prompt: prompt, stream: true}).WithContext(ctx)
			resp, err := srv.RoundTrip(r)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
				t.Errorf("%s: %v after %v", model, err, time.Since(start))
			}
			q := srv.Requests()[0]
			if q.GoneAt == nil || q.GoneAt.Sub(start) != time.Second {
				t.Errorf("%s: gone at %v", model, q.GoneAt)
			}
		})
	}
}

func TestClosingTheBodyIsLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := New(Options{})
		resp, err := srv.RoundTrip(surfaces()[0].request("http://fake", question{model: "stream:chunks=100,gap=1h", prompt: prompt, stream: true}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := resp.Body.Read(make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // until it has counted what it wrote
		resp.Body.Close()
		if q := srv.Requests()[0]; q.GoneAt == nil || q.Events != 1 {
			t.Errorf("%+v", q)
		}
	})
}
