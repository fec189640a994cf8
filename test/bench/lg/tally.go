package main

import (
	"math/bits"
	"strconv"
	"time"

	"tidegate/test/bench/figures"
)

// tally counts what one connection saw.
type tally struct {
	ok, failed, events, dials       uint64
	status                          map[int]uint64
	sample, err                     string
	latency, added, first, interval hist
}

func newTally() *tally { return &tally{status: map[int]uint64{}} }

func (t *tally) refuse(status int, body []byte) {
	t.status[status]++
	if t.sample == "" {
		t.sample = string(body[:min(len(body), 300)])
	}
}

func (t *tally) fail(err error) {
	t.failed++
	t.err = err.Error()
}

func (t *tally) merge(o *tally) {
	t.ok += o.ok
	t.failed += o.failed
	t.events += o.events
	t.dials += o.dials
	for code, n := range o.status {
		t.status[code] += n
	}
	if t.sample == "" {
		t.sample = o.sample
	}
	if o.err != "" {
		t.err = o.err
	}
	t.latency.merge(&o.latency)
	t.added.merge(&o.added)
	t.first.merge(&o.first)
	t.interval.merge(&o.interval)
}

func (t *tally) load() *figures.Load {
	l := &figures.Load{
		OK: t.ok, Failed: t.failed, Events: t.events, Dials: t.dials, Sample: t.sample, Error: t.err, Status: map[string]uint64{},
		Latency: t.latency.quantiles(), Added: t.added.quantiles(), First: t.first.quantiles(), Interval: t.interval.quantiles(),
	}
	for code, n := range t.status {
		l.Status[strconv.Itoa(code)] = n
		l.Refused += n
	}
	return l
}

// steps is how finely a power of two is divided: to 1.6 %.
const steps = 64

// hist counts durations in logarithmic buckets.
type hist struct {
	count [(64 - 6) * steps]uint32
	n     uint64
	sum   int64
	max   int64
}

func (h *hist) add(d time.Duration) {
	v := max(int64(d), 0)
	h.n++
	h.sum += v
	h.max = max(h.max, v)
	h.count[bucket(uint64(v))]++
}

func bucket(v uint64) int {
	if v < steps {
		return int(v)
	}
	shift := bits.Len64(v) - bits.Len64(steps)
	return shift*steps + int(v>>shift)
}

// middle is about the inverse of bucket.
func middle(i int) float64 {
	if i < 2*steps {
		return float64(i)
	}
	shift := i/steps - 1
	return (float64(i%steps+steps) + .5) * float64(uint64(1)<<shift)
}

func (h *hist) merge(o *hist) {
	for i, n := range o.count {
		h.count[i] += n
	}
	h.n += o.n
	h.sum += o.sum
	h.max = max(h.max, o.max)
}

// quantile is in nanoseconds.
func (h *hist) quantile(p float64) float64 {
	want, seen := uint64(p*float64(h.n)), uint64(0)
	for i, n := range h.count {
		if seen += uint64(n); seen > want {
			return middle(i)
		}
	}
	return float64(h.max)
}

func (h *hist) quantiles() figures.Quantiles {
	if h.n == 0 {
		return figures.Quantiles{}
	}
	const micro = 1e3
	return figures.Quantiles{
		N: h.n, Mean: float64(h.sum) / float64(h.n) / micro, Max: float64(h.max) / micro,
		P50: h.quantile(.5) / micro, P90: h.quantile(.9) / micro, P99: h.quantile(.99) / micro,
	}
}
