// Package gate is the pipeline: one exchange from admission to the last byte. Read Do first.
//
// It knows principals, routes, prices and the journal, and puts them in order. It does not know HTTP beyond headers: surfaces
// (package front) read requests and write answers.
package gate

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tidegate/internal/llm"
	"tidegate/internal/logs"
	"tidegate/internal/price"
	"tidegate/internal/route"
	"tidegate/internal/tenant"
)

// State is one compiled configuration. It is immutable: a reload swaps it whole, and exchanges under way keep theirs.
type State struct {
	Keys      *tenant.Index
	Routes    *route.Table
	Prices    *price.Book
	Bodies    bool // kept unless key or request say otherwise
	BodyLimit int  // of the kept part of a reply, in bytes
	Version   string
}

// Journal keeps records. Add returns once the record is on disk.
type Journal interface {
	Add(*logs.Record, *logs.Bodies) error
	Healthy() error
}

// Meter hears of exchanges.
type Meter interface {
	Opened()
	Closed()
	Settled(*logs.Record)
	Lost(from, to llm.Dialect, path string)
}

// Gate carries exchanges.
type Gate struct {
	state   atomic.Pointer[State]
	caller  *route.Caller
	journal Journal
	meter   Meter
	log     *slog.Logger
	now     func() time.Time
	open    sync.WaitGroup
}

// New makes a gate that serves by state.
func New(state *State, caller *route.Caller, journal Journal, meter Meter, log *slog.Logger) *Gate {
	g := &Gate{caller: caller, journal: journal, meter: meter, log: log, now: time.Now}
	g.state.Store(state)
	return g
}

// State is the snapshot that new exchanges get.
func (g *Gate) State() *State { return g.state.Load() }

// Swap has new exchanges served by state.
func (g *Gate) Swap(state *State) { g.state.Store(state) }

// Drain waits until every exchange is closed, or ctx ends.
func (g *Gate) Drain(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		g.open.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Do carries one exchange from admission to its answer. The caller writes the answer out through Serve, and closes it. The
// error is an *llm.Error.
func (g *Gate) Do(ctx context.Context, x *Exchange) (*route.Answer, error) {
	head := &x.request.Head
	plan, err := x.state.Routes.Plan(head.Model, func(target string, own bool) bool {
		return x.Key.Allows(head.Model, target, own)
	})
	if err != nil {
		return nil, err
	}
	x.plan = plan
	answer, err := g.caller.Call(ctx, plan, &x.request, x.note)
	if err != nil {
		x.explain(plan)
		return nil, err
	}
	x.explain(plan)
	x.translated(answer.Attempt)
	return answer, nil
}

// explain says why the target is the one it is.
func (x *Exchange) explain(plan *route.Plan) {
	why := []string{plan.Why}
	if len(x.attempts) > 0 {
		last := x.attempts[len(x.attempts)-1]
		if !last.Target.Own {
			why[0] = "fallback"
		}
		for _, a := range x.attempts[:len(x.attempts)-1] {
			if a.Err != nil {
				why = append(why, a.Target.String()+" "+a.Err.Class.String())
			}
		}
	}
	if len(plan.Skipped) > 0 {
		why = append(why, "skipped "+strings.Join(plan.Skipped, ", "))
	}
	x.record.Route = strings.Join(why, "; ")
	busy := time.Duration(0)
	now := x.gate.now()
	for _, a := range x.attempts {
		busy += cmp.Or(a.Total, now.Sub(a.At)) // a stream that was committed just now is not over
	}
	x.record.Overhead = max(1, now.Sub(x.record.At)-busy)
}

// translated takes down what the translation lost.
func (x *Exchange) translated(a *route.Attempt) {
	x.lose(a.Target.Codec.Dialect(), a.Losses)
	if x.bodies != nil {
		x.bodies.Upstream = a.Upstream
	}
}

// Lose notes what a reply could not say in the client's dialect.
func (x *Exchange) Lose(losses []llm.Loss) { x.lose(x.in.Codec.Dialect(), losses) }

func (x *Exchange) lose(to llm.Dialect, losses []llm.Loss) {
	if x.closed {
		return
	}
	for _, l := range losses {
		x.gate.meter.Lost(x.in.Codec.Dialect(), to, l.Path)
		if !slices.Contains(x.record.Dropped, l.Path) && len(x.record.Dropped) < 64 {
			x.record.Dropped = append(x.record.Dropped, l.Path)
		}
	}
}

// Header sets the headers that say what the gateway did. Without an answer, what only a target can say is left out.
func (x *Exchange) Header(h http.Header, answer *route.Answer) {
	values := make([]string, 0, 10) // one for each below
	set := func(name, value string) {
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	set("X-Tidegate-Request-Id", x.ID)
	set("X-Tidegate-Attempts", strconv.Itoa(len(x.attempts)))
	set("X-Tidegate-Cache", x.record.Cache)
	if x.record.Route != "" {
		set("X-Tidegate-Route", printable(x.record.Route))
	}
	if x.record.Overhead > 0 {
		set("X-Tidegate-Overhead-Us", strconv.FormatInt(x.record.Overhead.Microseconds(), 10))
	}
	if len(x.record.Dropped) > 0 {
		set("X-Tidegate-Dropped", printable(strings.Join(x.record.Dropped, ",")))
	}
	if answer == nil {
		return
	}
	set("X-Tidegate-Provider", answer.Attempt.Target.Upstream.Name)
	set("X-Tidegate-Model", printable(answer.Attempt.Target.Model))
	if answer.Stream == nil {
		cost := x.Cost()
		if cost.State == price.Unpriced {
			set("X-Tidegate-Cost-Usd", "unknown")
		} else {
			set("X-Tidegate-Cost-Usd", cost.Nano.String())
		}
	}
}

// printable makes a text fit for a header: it may hold names that clients or configurations chose.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, s[:min(len(s), 1024)])
}

// secretive are the words by which a header's name says that its value is a credential.
var secretive = []string{"auth", "key", "token", "secret", "cookie", "credential", "password", "signature"}

// visible is what the log keeps of headers.
func visible(h http.Header) map[string]string {
	kept := make(map[string]string, len(h))
	low := make([]byte, 0, 64)
	for name, v := range h {
		low = appendLower(low[:0], name)
		if len(v) > 0 && !slices.ContainsFunc(secretive, func(word string) bool { return bytes.Contains(low, []byte(word)) }) {
			kept[name] = v[0]
		}
	}
	return kept
}

func appendLower(b []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}
