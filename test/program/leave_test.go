package program

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidegate/test/rig"
)

// TestClientLeaves has clients go away in every phase of a request. The upstream must see it within half a second, by its own
// record, and must not be asked again.
func TestClientLeaves(t *testing.T) {
	up := rig.Fake(t)
	g := rig.Serve(t, rig.Setup{Config: rig.Providers(up.URL)})
	client := clients(t)
	for i, tc := range []struct {
		name, model string
		stream      bool
		first       string // what is read before the client leaves; "" leaves while nothing is there
	}{
		{"waiting for the head", "hang", false, ""},
		{"waiting for the head of a stream", "hang", true, ""},
		{"waiting for a late answer", "latency:ms=60000", false, ""},
		{"waiting for the body", "slow_first_byte:ms=60000", false, ""},
		{"waiting for the first event", "slow_first_byte:ms=60000+chat", true, ""},
		{"between events", "chat+stream:chunks=10000,gap=10ms", true, `"content":"`},
		{"in a silence", "chat+stall:after=4", true, `"content":"`},
		{"while events pour", "chat+stream:chunks=1000000", true, `"content":"`},
	} {
		for _, provider := range []string{"openai", "anthropic", "google"} {
			t.Run(tc.name+"/"+provider, func(t *testing.T) {
				t.Parallel()
				model := fmt.Sprintf("%s+usage:in=%d%d", tc.model, i+1, map[string]int{"openai": 1, "anthropic": 2, "google": 3}[provider]) // no other's
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				session := t.Name()
				ended := make(chan error, 1)
				reading := make(chan struct{})
				go func() {
					s, err := open(ctx, client, g.URL, ask(provider+"/"+model, tc.stream), "X-Tidegate-Session", session)
					if err == nil && tc.first != "" {
						err = s.until(tc.first)
						close(reading)
					}
					if err == nil {
						_, err = s.rest()
					}
					ended <- err
				}()
				await(t, up, model)
				if tc.first != "" {
					<-reading
				}
				left := time.Now()
				leave()
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Fatalf("the client's end: %v", err)
				}
				var gone *time.Time
				rig.Until(t, "the upstream's seeing that the client is gone", func() bool {
					gone = await(t, up, model).GoneAt
					return gone != nil
				})
				if took := gone.Sub(left); took > 500*time.Millisecond {
					t.Errorf("the upstream saw it after %v", took)
				}
				row := only(t, g, session)
				if row.Outcome != "canceled" || row.Class != "canceled" || row.Status != 499 && row.Status != 200 || len(row.Attempts) != 1 {
					t.Errorf("log row: %+v", row)
				}
				if u := row.Attempts[0]; u.UsageSource == "reported" || row.InputTokens == 0 || !u.Sent || row.CostUSD == nil || *row.CostUSD == "0" {
					t.Errorf("what it may cost: %+v", u)
				}
			})
		}
	}
	t.Run("between attempts", func(t *testing.T) {
		t.Parallel()
		const model = "fail:status=429,retry_after=6+usage:in=79"
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		ended := make(chan error, 1)
		go func() {
			_, err := open(ctx, client, g.URL, ask("openai/"+model, false), "X-Tidegate-Session", "between")
			ended <- err
		}()
		await(t, up, model)
		left := time.Now()
		leave()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Fatalf("the client's end: %v", err)
		}
		row := only(t, g, "between")
		if took := time.Since(left); took > 3*time.Second {
			t.Errorf("the gateway waited on for %v", took)
		}
		if row.Outcome != "canceled" || len(row.Attempts) != 1 || *row.CostUSD != "0" {
			t.Errorf("log row: %+v", row)
		}
		n := 0
		for _, r := range up.Received(t) {
			if r.Model == model {
				n++
			}
		}
		if n != 1 {
			t.Errorf("the upstream was asked %d times", n)
		}
	})
}

// only is the only row of a session.
func only(t *testing.T, g *rig.Gateway, session string) rig.Row {
	t.Helper()
	var rows []rig.Row
	rig.Until(t, "the row of session "+session, func() bool {
		rows = g.Rows(t, "session="+escape(session))
		return len(rows) > 0
	})
	if len(rows) != 1 {
		t.Fatalf("%d rows", len(rows))
	}
	return rows[0]
}

// TestHeartbeat has upstreams that say nothing for long: the client's connection is kept open, and the answer still comes whole.
func TestHeartbeat(t *testing.T) {
	up := rig.Fake(t)
	g := rig.Serve(t, rig.Setup{Config: "server: { heartbeat: 30ms }\n" + rig.Providers(up.URL)})
	client := clients(t)
	for _, tc := range []struct {
		name, model string
		before      bool // a heartbeat comes before the first content
		end         string
	}{
		{"before the head", "chat+latency:ms=300", true, "data: [DONE]\n\n"},
		{"before the first event", "chat+slow_first_byte:ms=300", true, "data: [DONE]\n\n"},
		{"between events", "chat+stall:after=6,ms=300", false, "data: [DONE]\n\n"},
		{"before an error", "latency:ms=300+fail:status=400", true, ""},
	} {
		for _, provider := range []string{"openai", "anthropic", "google"} {
			t.Run(tc.name+"/"+provider, func(t *testing.T) {
				t.Parallel()
				s, err := open(t.Context(), client, g.URL, ask(provider+"/"+tc.model, true))
				if err != nil {
					t.Fatal(err)
				}
				if tc.before {
					if got := s.resp.Header; s.resp.StatusCode != 200 || got.Get("X-Tidegate-Provider") != "" || got.Get("X-Tidegate-Request-Id") == "" {
						t.Errorf("head sent before a target answered: %d %v", s.resp.StatusCode, got)
					}
				}
				text, err := s.rest()
				beat, content := strings.Index(text, ": ping\n\n"), strings.Index(text, `"content":"`)
				if n := strings.Count(text, ": ping\n\n"); n < 2 || n > 20 {
					t.Errorf("%d heartbeats in 300 ms of silence", n)
				}
				if tc.end == "" {
					if err == nil && !strings.Contains(text, `"error"`) || strings.Contains(text, "[DONE]") {
						t.Errorf("no error in the stream (%v): %s", err, text)
					}
					if row := g.Logged(t, s.id()); row.Outcome != "truncated" || row.Class != "bad_request" {
						t.Errorf("log row: %+v", row)
					}
					return
				}
				if err != nil || !strings.HasSuffix(text, tc.end) || tc.before != (beat < content) {
					t.Errorf("%v: %s", err, text)
				}
				if row := g.Logged(t, s.id()); row.Outcome != "ok" || row.Provider != provider {
					t.Errorf("log row: %+v", row)
				}
			})
		}
	}
}
