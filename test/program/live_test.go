package program

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tidegate/test/rig"
)

// TestReload changes the configuration again and again, by file and by SIGHUP, while clients are at work: none of them may
// notice, and what changed must be in force.
func TestReload(t *testing.T) {
	up := rig.Fake(t)
	config := func(round int) string {
		return fmt.Sprintf("auth: required\nkeys:\n  - { name: steady, key: tg-the-key-that-stays }\n  - { name: round%d, key: tg-the-key-of-round-%d }\n", round, round) +
			rig.Providers(up.URL)
	}
	g := rig.Serve(t, rig.Setup{Config: config(0)})
	client := clients(t)
	ctx, stop := context.WithCancel(t.Context())
	var (
		load   sync.WaitGroup
		done   atomic.Int64
		failed atomic.Pointer[string]
	)
	for i := range 8 {
		load.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				s, err := open(t.Context(), client, g.URL, ask("openai/echo+stream:chunks=5", n%2 == 0), "Authorization", "Bearer tg-the-key-that-stays")
				text := ""
				if err == nil {
					text, err = s.rest()
				}
				if err != nil || s.resp.StatusCode != 200 || n%2 == 0 && !strings.HasSuffix(text, "data: [DONE]\n\n") {
					said := fmt.Sprintf("%v: %s", err, text)
					failed.CompareAndSwap(nil, &said)
				}
				done.Add(1)
			}
		})
	}
	status := func(key string) int {
		return g.Post(t, chat, ask("openai/echo", false), "Authorization", "Bearer "+key).Status
	}
	for round := 1; round <= 6; round++ {
		rig.WriteFile(t, g.Config()+".new", config(round))
		if round%2 == 0 { // as editors do it, or in place
			if err := os.Rename(g.Config()+".new", g.Config()); err != nil {
				t.Fatal(err)
			}
		} else {
			rig.WriteFile(t, g.Config(), config(round))
		}
		if round%3 == 0 {
			g.Signal(t, syscall.SIGHUP)
		}
		rig.Until(t, fmt.Sprintf("the key of round %d", round), func() bool { return status(fmt.Sprintf("tg-the-key-of-round-%d", round)) == 200 })
		if got := status(fmt.Sprintf("tg-the-key-of-round-%d", round-1)); got != 401 {
			t.Errorf("round %d: the key of the round before is answered %d", round, got)
		}
	}
	rig.WriteFile(t, g.Config(), "keys: [ { nme: x } ]\n")
	g.Err.Find(t, `the changed configuration is not used; .*tidegate.yaml:1:11: `)
	if got := status("tg-the-key-of-round-6"); got != 200 {
		t.Errorf("after a broken file: %d", got)
	}
	before := done.Load()
	rig.Until(t, "more load", func() bool { return done.Load() > before+50 })
	stop()
	load.Wait()
	if said := failed.Load(); said != nil {
		t.Errorf("a client was disturbed: %s", *said)
	}
	metrics := g.Get(t, "/metrics").Body
	for _, want := range []string{`tidegate_config_reloads_total\{result="taken"\} ([6-9]|\d\d)\n`, `tidegate_config_reloads_total\{result="refused"\} 1\n`} {
		if !regexp.MustCompile(want).MatchString(metrics) {
			t.Errorf("metrics lack %s:\n%s", want, metrics)
		}
	}
	g.Stop(t)
}

// streams opens n streams of a model and waits until each has content.
func streams(t *testing.T, client *http.Client, g *rig.Gateway, n int, model string) []*stream {
	t.Helper()
	all := make([]*stream, n)
	var wait sync.WaitGroup
	for i := range all {
		wait.Go(func() {
			s, err := open(t.Context(), client, g.URL, ask(model, true))
			if err == nil {
				err = s.until(`"content":"`)
			}
			if err != nil {
				t.Errorf("stream %d: %v", i, err)
			}
			all[i] = s
		})
	}
	wait.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return all
}

// TestDrain stops the gateway during long streams: the load balancer is told first, new requests are still served for a while,
// and every stream comes to its own end.
func TestDrain(t *testing.T) {
	up := rig.Fake(t)
	g := rig.Serve(t, rig.Setup{Config: "server: { drain_delay: 400ms, drain_timeout: 30s }\n" + rig.Providers(up.URL)})
	client := clients(t)
	open := streams(t, client, g, 20, "openai/chat+stream:chunks=60,gap=20ms")
	whole := make(chan *rig.Answer, 1)
	go func() {
		a, err := g.Try(t, http.MethodPost, chat, ask("openai/chat+latency:ms=1000", false))
		if err != nil {
			t.Errorf("a request under way: %v", err)
		}
		whole <- a
	}()
	await(t, up, "chat+latency:ms=1000")
	g.Signal(t, syscall.SIGTERM)
	rig.Until(t, "readyz saying 503", func() bool { return g.Get(t, "/readyz").Status == 503 })
	if a := g.Get(t, "/healthz"); a.Status != 200 {
		t.Errorf("healthz: %d", a.Status)
	}
	if a := g.Post(t, chat, ask("openai/echo", false)); a.Status != 200 {
		t.Errorf("a request while the balancer learns: %d", a.Status)
	}
	ids := map[string]int{}
	for i, s := range open {
		if text, err := s.rest(); err != nil || !strings.HasSuffix(text, "data: [DONE]\n\n") || strings.Contains(text, `"error"`) {
			t.Errorf("stream %d ends with %v: %s", i, err, tail(text))
		}
		ids[s.id()]++
	}
	if a := <-whole; a == nil || a.Status != 200 {
		t.Errorf("a request under way: %+v", a)
	}
	if code := g.Wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	rows := exported(t, g.Dir)
	for id := range ids {
		if len(rows[id]) != 1 || rows[id][0].Outcome != "ok" {
			t.Errorf("%s is in the ledger as %+v", id, rows[id])
		}
	}
	if len(rows) != 22 {
		t.Errorf("%d rows", len(rows))
	}
}

// TestDrainTimeout has streams that do not end: each is told so in its own dialect, and the process ends in time.
func TestDrainTimeout(t *testing.T) {
	up := rig.Fake(t)
	g := rig.Serve(t, rig.Setup{Config: "server: { drain_timeout: 300ms }\n" + rig.Providers(up.URL)})
	client := clients(t)
	var open []*stream
	for _, provider := range []string{"openai", "anthropic", "google"} {
		open = append(open, streams(t, client, g, 5, provider+"/chat+stall:after=5")...)
	}
	whole := make(chan *rig.Answer, 1)
	go func() {
		a, err := g.Try(t, http.MethodPost, chat, ask("openai/hang", false))
		if err != nil {
			t.Errorf("a request under way: %v", err)
		}
		whole <- a
	}()
	await(t, up, "hang")
	began := time.Now()
	g.Signal(t, syscall.SIGTERM)
	for i, s := range open {
		text, err := s.rest()
		if err == nil || strings.Contains(text, "[DONE]") || !strings.Contains(text, "gateway_stopping") {
			t.Errorf("stream %d ends with %v: %s", i, err, tail(text))
		}
	}
	if a := <-whole; a == nil || a.Status != 503 || !strings.Contains(a.Body, "gateway_stopping") {
		t.Errorf("a request under way: %+v", a)
	}
	if code := g.Wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	rows := exported(t, g.Dir)
	if len(rows) != len(open)+1 {
		t.Errorf("%d rows", len(rows))
	}
	for _, s := range open {
		if r := rows[s.id()]; len(r) != 1 || r[0].Outcome != "truncated" || r[0].Code != "gateway_stopping" || r[0].OutputTokens == 0 {
			t.Errorf("%s is in the ledger as %+v", s.id(), r)
		}
	}
}

func tail(s string) string { return s[max(0, len(s)-500):] }
