// Command run measures what the gateway costs, with everything on, beside the yardstick (command rp) and Debian's nginx, and
// writes what it found to docs/benchmarks.md.
//
// The unit is CPU time per request or event, read from /proc, as a ratio to the yardstick's on the same work in the same
// minute. Absolute times and rates depend on the machine and on what else it does; these ratios hardly do.
//
// Every load has a bound in number and in time, everything stays on the loopback interface, and every process that is started
// is stopped again.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
)

func main() {
	runtime.LockOSThread() // see start
	root := flag.String("root", ".", "the repository")
	quick := flag.Bool("quick", false, "a smoke test: short, one round, writes no file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *root, *quick); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run of everything.
type bench struct {
	root     string
	dir      string // temporary
	upstream string // address of the mock
	started  []*process
	rounds   int
	length   string // of one round
	warm     string // before the first
	quick    bool
	begin    time.Time
	sent     map[*process]uint64 // requests that were answered
}

func (b *bench) bin(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%4.0fs  %s\n", time.Since(b.begin).Seconds(), fmt.Sprintf(format, args...))
}

func run(ctx context.Context, root string, quick bool) error {
	if runtime.GOOS != "linux" {
		return errNoLinux
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tidegate-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{root: root, dir: dir, rounds: 3, length: "3s", warm: "1s", quick: quick, begin: time.Now(), sent: map[*process]uint64{}}
	if quick {
		b.rounds, b.length, b.warm = 1, "700ms", "300ms"
	}
	defer func() {
		for _, p := range b.started {
			p.stop()
		}
	}()
	if err := b.build(ctx); err != nil {
		return err
	}
	r, err := b.all(ctx)
	if err != nil {
		return err
	}
	r.print(os.Stdout)
	if quick {
		return nil
	}
	return os.WriteFile(filepath.Join(root, "docs", "benchmarks.md"), []byte(r.markdown()), 0o644)
}

func (b *bench) build(ctx context.Context) error {
	b.progress("building")
	for _, name := range []string{"mock", "lg", "rp"} {
		if err := build(ctx, filepath.Join(b.root, "test"), b.bin(name), "./bench/"+name); err != nil {
			return err
		}
	}
	return build(ctx, b.root, b.bin("tidegate"), "./cmd/tidegate")
}

// all makes every measurement.
func (b *bench) all(ctx context.Context) (*report, error) {
	r := &report{bench: b}
	if err := b.startMock(); err != nil {
		return nil, err
	}
	rp, err := b.startRP()
	if err != nil {
		return nil, err
	}
	gateway, err := b.starts(r)
	if err != nil {
		return nil, err
	}
	nginx, err := b.startNginx()
	if err != nil {
		return nil, err
	}
	r.idle = gateway.rss()
	off := gateway.with("tidegate, bodies off", "X-Tidegate-Log: off")
	subjects := present(rp, gateway, off, nginx)
	for _, w := range []struct {
		into     *map[string]*result
		work     work
		subjects []*subject
	}{
		{&r.small, work{name: "small chat", args: []string{"-c", "64"}}, subjects},
		{&r.large, work{name: "64 KB conversation", args: []string{"-c", "16", "-pad", "65536", "-talk"}}, subjects},
		{&r.novel, work{name: "64 KB of new text", args: []string{"-c", "16", "-pad", "65536"}}, subjects},
		{&r.events, work{name: "streamed event", args: []string{"-c", "50", "-stream"}, events: true}, present(rp, gateway, nginx)},
	} {
		w.work.length, w.work.warm = b.length, b.warm
		if *w.into, err = b.compare(ctx, w.work, w.subjects); err != nil {
			return nil, err
		}
	}
	if err := b.latencies(ctx, r, present(b.direct(), rp, gateway, nginx)); err != nil {
		return nil, err
	}
	gateway.quiet(ctx, 20*time.Second)
	if r.books, err = gateway.books(ctx, b.sent[gateway.process]); err != nil {
		return nil, err
	}
	r.nginx = nginx != nil
	for _, s := range present(rp, gateway, nginx) {
		b.stop(s)
	}
	if err := b.crowd(ctx, r); err != nil {
		return nil, err
	}
	return r, b.allocations(ctx, r)
}

// stop ends a subject before everything else does.
func (b *bench) stop(s *subject) {
	s.process.stop()
	b.started = slices.DeleteFunc(b.started, func(p *process) bool { return p == s.process })
}

// present leaves out what is not installed.
func present(subjects ...*subject) (list []*subject) {
	for _, s := range subjects {
		if s != nil {
			list = append(list, s)
		}
	}
	return list
}

// direct is the upstream without anything before it.
func (b *bench) direct() *subject {
	return &subject{name: "direct", process: b.started[0], addr: b.upstream}
}

// starts times several starts, each with an empty data folder; the last one stays.
func (b *bench) starts(r *report) (s *subject, err error) {
	for i := range b.rounds {
		if i > 0 {
			b.stop(s)
		}
		var took time.Duration
		if s, took, err = b.startTidegate(); err != nil {
			return nil, err
		}
		b.progress("start to first answer: %d ms", took.Milliseconds())
		r.starts = append(r.starts, took)
	}
	b.sent[s.process]++ // the one that showed that it answers
	time.Sleep(time.Second)
	return s, nil
}

// latencies asks at constant rates, with an upstream that takes 50 ms.
func (b *bench) latencies(ctx context.Context, r *report, subjects []*subject) error {
	if err := b.set(ctx, "latency=50ms"); err != nil {
		return err
	}
	rates, seconds := []int{200, 500, 1000}, "3s"
	if b.quick {
		rates, seconds = []int{200}, "1s"
	}
	for _, rate := range rates {
		for _, s := range subjects {
			l, err := b.open(ctx, s, rate, seconds)
			if err != nil {
				return err
			}
			b.progress("%d requests/s, %s: p50 %.2f ms", rate, s.name, l.Added.P50/1000)
			r.latencies = append(r.latencies, latency{rate: rate, name: s.name, load: l})
		}
	}
	return b.set(ctx, "latency=0s")
}

// crowd opens a thousand streams, at gateways that have served nothing before.
func (b *bench) crowd(ctx context.Context, r *report) error {
	query := "events=60&interval=100ms"
	if b.quick {
		query = "events=20&interval=100ms"
	}
	if err := b.set(ctx, query); err != nil {
		return err
	}
	for _, start := range []func() (*subject, error){
		b.startRP,
		func() (*subject, error) { s, _, err := b.startTidegate(); return s, err },
		b.startNginx,
	} {
		s, err := start()
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		l, rss, err := b.streams(ctx, s, 1000)
		if err != nil {
			return err
		}
		b.stop(s)
		b.progress("1000 streams, %s: %.0f MB", s.name, megabytes(rss))
		r.crowd = append(r.crowd, crowd{name: s.name, rss: rss, load: l})
	}
	return nil
}

// allocations asks the Go benchmark of the whole gateway.
func (b *bench) allocations(ctx context.Context, r *report) error {
	if b.quick {
		return nil
	}
	b.progress("counting allocations")
	cmd := exec.CommandContext(ctx, "go", "test", "./internal/app", "-run", "^$", "-bench", "^BenchmarkExchange$", "-benchmem", "-benchtime", "2000x")
	cmd.Dir = b.root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("allocations: %w\n%s", err, out)
	}
	line := regexp.MustCompile(`(?m)^BenchmarkExchange/(\S+?)(?:-\d+)?\s.*?(\d+) B/op\s+(\d+) allocs/op`)
	for _, m := range line.FindAllStringSubmatch(string(out), -1) {
		bytes, _ := strconv.Atoi(m[2])
		count, _ := strconv.Atoi(m[3])
		r.allocs = append(r.allocs, allocs{name: m[1], bytes: bytes, count: count})
	}
	return nil
}
