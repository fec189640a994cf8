package program

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"tidegate/test/rig"
)

// exported is what tidegate export says of a data folder, by request id.
func exported(t *testing.T, dir string) map[string][]rig.Row {
	t.Helper()
	r := rig.Run(t, dir, nil, "export")
	if r.Code != 0 || r.Err != "" {
		t.Fatalf("export: code %d, %s", r.Code, r.Err)
	}
	rows := map[string][]rig.Row{}
	for dec := json.NewDecoder(strings.NewReader(r.Out)); ; {
		var row rig.Row
		switch err := dec.Decode(&row); err {
		case nil:
			rows[row.ID] = append(rows[row.ID], row)
			continue
		case io.EOF:
			return rows
		default:
			t.Fatal(err)
		}
	}
}

// TestKill ends the gateway with SIGKILL while many clients are at work, ten times. Every request whose last byte a client has
// seen must be in the ledger, and nothing may be there twice.
func TestKill(t *testing.T) {
	const (
		rounds  = 10
		callers = 40
		enough  = 250 // answers before the kill
	)
	up := rig.Fake(t)
	setup := rig.Setup{Dir: t.TempDir(), Config: rig.Providers(up.URL)}
	seen := map[string]bool{} // whether it was a stream
	for range rounds {
		up.Reset(t)
		g := rig.Serve(t, setup)
		ids := killed(t, g, callers, enough)
		maps.Copy(seen, ids)
		asked := map[string]int{} // of the upstream, by trace
		for _, r := range up.Received(t) {
			if trace := strings.Split(r.Headers.Get("Traceparent"), "-"); len(trace) == 4 {
				asked[trace[1]]++
			}
		}
		for id := range ids {
			if n := asked[strings.ReplaceAll(id, "-", "")]; n != 1 {
				t.Errorf("%s was asked of the upstream %d times", id, n)
			}
		}
	}
	last := rig.Serve(t, setup)
	last.Stop(t) // takes what the spool holds into the store
	rows := exported(t, setup.Dir)
	lost, streams := 0, 0
	for id, streaming := range seen {
		switch r := rows[id]; {
		case len(r) == 0:
			lost++
		case r[0].Outcome != "ok" || len(r[0].Attempts) != 1 || r[0].InputTokens == 0 || r[0].CostUSD == nil || r[0].Stream != streaming:
			t.Errorf("%s is in the ledger as %+v", id, r[0])
		}
		if streaming {
			streams++
		}
	}
	for id, r := range rows {
		if len(r) > 1 {
			t.Errorf("%s is in the ledger %d times", id, len(r))
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d requests are lost", lost, len(seen))
	}
	if len(seen) < rounds*enough || streams < len(seen)/4 || streams > len(seen)*3/4 {
		t.Errorf("clients saw %d answers, %d of them streams: not the load that this test wants", len(seen), streams)
	}
	t.Logf("%d answers were seen in %d rounds, %d of them streams; the ledger has %d", len(seen), rounds, streams, len(rows))
}

// killed puts load on a gateway, kills it in the middle, and returns the requests whose end was seen.
func killed(t *testing.T, g *rig.Gateway, callers int, enough int64) map[string]bool {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	client := clients(t)
	var (
		mu    sync.Mutex
		ids   = map[string]bool{}
		count atomic.Int64
		load  sync.WaitGroup
		full  = make(chan struct{})
	)
	for i := range callers {
		load.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				streaming := n%2 == 0
				s, err := open(ctx, client, g.URL, ask("openai/chat+stream:chunks=4", streaming))
				if err != nil {
					return // it is dead
				}
				text, err := s.rest()
				if streaming && strings.Contains(text, "data: [DONE]\n\n") || !streaming && err == nil && strings.HasSuffix(text, "}") {
					mu.Lock()
					ids[s.id()] = streaming
					mu.Unlock()
					if count.Add(1) == enough {
						close(full)
					}
				}
				if err != nil {
					return
				}
			}
		})
	}
	select {
	case <-full:
	case <-g.Done():
		t.Error("the gateway ended by itself")
	}
	g.Signal(t, syscall.SIGKILL)
	g.Wait(t)
	stop()
	load.Wait()
	return ids
}
