package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"tidegate/test/bench/figures"
)

// load runs the load generator against an address.
func (b *bench) load(ctx context.Context, s *subject, args ...string) (*figures.Load, error) {
	args = append([]string{"-url", s.url()}, args...)
	for _, h := range s.headers {
		args = append(args, "-H", h)
	}
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	cmd := pinned(ctx, loadCore, b.bin("lg"), args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("load generator: %w: %s", err, said.String())
	}
	l := new(figures.Load)
	if err := json.Unmarshal(out.Bytes(), l); err != nil {
		return nil, err
	}
	if l.Refused+l.Failed > 0 {
		return l, fmt.Errorf("%s: %d requests were refused %v and %d not answered (%s) of %d: %s", s.name, l.Refused, l.Status, l.Failed, l.Error, l.OK, l.Sample)
	}
	b.sent[s.process] += l.OK
	return l, nil
}

// work is one kind of load for which the CPU time per unit is measured.
type work struct {
	name   string // what a unit is
	args   []string
	events bool // units are events, not requests
	warm   string
	length string
}

// round is one measurement of one subject.
type round struct {
	micros float64 // CPU time per unit
	rate   float64 // units per second
	rss    int64   // the most that was seen while it ran
}

// measure does one round. The CPU time is that of everything that the load caused, also of what is done after the last answer.
func (b *bench) measure(ctx context.Context, s *subject, w work) (r round, err error) {
	before := s.cpu()
	watch, stop := context.WithCancel(ctx)
	peak := make(chan int64)
	go func() { peak <- s.peak(watch) }()
	l, err := b.load(ctx, s, append([]string{"-d", w.length}, w.args...)...)
	if err == nil {
		s.quiet(ctx, 10*time.Second)
	}
	stop()
	r.rss = <-peak
	if err != nil {
		return r, err
	}
	units := l.OK
	if w.events {
		units = l.Events
	}
	r.micros = float64((s.cpu() - before).Microseconds()) / float64(units)
	r.rate = float64(units) / l.Seconds
	return r, nil
}

// peak looks at the memory until ctx ends.
func (p *process) peak(ctx context.Context) (most int64) {
	for ctx.Err() == nil {
		most = max(most, p.rss())
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	return most
}

// result is what one subject showed in all rounds of a kind of work.
type result struct {
	rounds []round
	ratios []float64 // of each round to the mean of the yardstick's before and after it
}

func (r *result) micros() float64 {
	return median(r.rounds, func(r round) float64 { return r.micros })
}

func (r *result) rate() float64 { return median(r.rounds, func(r round) float64 { return r.rate }) }

func (r *result) rss() (most int64) {
	for _, x := range r.rounds {
		most = max(most, x.rss)
	}
	return most
}

// span is the median of the ratios, and their bounds.
func (r *result) span() (mid, low, high float64) {
	same := func(v float64) float64 { return v }
	return median(r.ratios, same), slices.Min(r.ratios), slices.Max(r.ratios)
}

func median[T any](list []T, value func(T) float64) float64 {
	v := make([]float64, len(list))
	for i := range list {
		v[i] = value(list[i])
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// compare measures the subjects in turn, between two rounds of the yardstick each time, so that what else the machine does
// strikes both. The first subject is the yardstick.
func (b *bench) compare(ctx context.Context, w work, subjects []*subject) (map[string]*result, error) {
	results := map[string]*result{}
	for _, s := range subjects {
		results[s.name] = new(result)
		if _, err := b.load(ctx, s, append([]string{"-d", w.warm}, w.args...)...); err != nil {
			return nil, err
		}
		s.quiet(ctx, 10*time.Second)
	}
	yardstick := results[subjects[0].name]
	for i := range b.rounds + 1 {
		for n, s := range subjects {
			if n > 0 && i == b.rounds {
				break
			}
			r, err := b.measure(ctx, s, w)
			if err != nil {
				return nil, err
			}
			b.progress("%s, %s: %.1f µs", w.name, s.name, r.micros)
			results[s.name].rounds = append(results[s.name].rounds, r)
		}
	}
	for _, s := range subjects[1:] {
		for i, r := range results[s.name].rounds {
			results[s.name].ratios = append(results[s.name].ratios, 2*r.micros/(yardstick.rounds[i].micros+yardstick.rounds[i+1].micros))
		}
	}
	for i, r := range yardstick.rounds[1:] { // against itself: the noise of this machine
		yardstick.ratios = append(yardstick.ratios, r.micros/yardstick.rounds[i].micros)
	}
	return results, nil
}

// open is the added latency at constant rates.
func (b *bench) open(ctx context.Context, s *subject, rate int, seconds string) (*figures.Load, error) {
	return b.load(ctx, s, "-rate", strconv.Itoa(rate), "-d", seconds, "-c", "256")
}

// streams opens n streams at once and tells how much memory that took.
func (b *bench) streams(ctx context.Context, s *subject, n int) (*figures.Load, int64, error) {
	s.quiet(ctx, 3*time.Second)
	watch, stop := context.WithCancel(ctx)
	peak := make(chan int64)
	go func() { peak <- s.peak(watch) }()
	l, err := b.load(ctx, s, "-stream", "-c", strconv.Itoa(n), "-n", strconv.Itoa(n), "-d", "60s")
	stop()
	return l, <-peak, err
}

// cores is how many there are.
func cores() int {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return 1
	}
	return strings.Count(string(text), "processor\t:")
}

var errNoLinux = errors.New("the figures come from /proc: this needs Linux")
