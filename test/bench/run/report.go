package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"tidegate/test/bench/figures"
)

// report is what was found.
type report struct {
	*bench
	nginx               bool
	starts              []time.Duration
	idle                int64
	small, large, novel map[string]*result // by subject
	events              map[string]*result
	latencies           []latency
	crowd               []crowd
	books               books
	allocs              []allocs
}

type latency struct {
	rate int
	name string
	load *figures.Load
}

type crowd struct {
	name string
	rss  int64
	load *figures.Load
}

type allocs struct {
	name         string
	bytes, count int
}

// books are what the gateway says of its own log.
type books struct {
	sent, recorded                      uint64
	refused, pending, errors, shed, lag float64
}

// books reads the gateway's metrics.
func (s *subject) books(ctx context.Context, sent uint64) (k books, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+"/metrics", nil)
	if err != nil {
		return k, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return k, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return k, err
	}
	sum := func(name string) (n float64) {
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, name); ok && (rest[0] == ' ' || rest[0] == '{') {
				f := strings.Fields(line)
				v, _ := strconv.ParseFloat(f[len(f)-1], 64)
				n += v
			}
		}
		return n
	}
	return books{
		sent: sent, recorded: uint64(sum("tidegate_requests_total")), refused: sum("tidegate_spool_refused"), pending: sum("tidegate_spool_pending_bytes"),
		errors: sum("tidegate_log_store_errors"), shed: sum("tidegate_log_bodies_shed"), lag: sum("tidegate_log_lag_seconds"),
	}, nil
}

// table is printed as text and as Markdown.
type table struct {
	title string
	note  string
	head  []string
	rows  [][]string
}

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }

func verdict(ok bool) string {
	if ok {
		return "met"
	}
	return "**missed**"
}

// bars compares with what was promised.
func (r *report) bars() table {
	t := table{title: "Bars", head: []string{"figure", "measured", "min–max", "bar", ""}}
	ratio := func(name string, results map[string]*result, bar float64) {
		mid, low, high := results["tidegate"].span()
		t.rows = append(t.rows, []string{"CPU per " + name + ", ratio to rp", fmt.Sprintf("%.2f", mid), fmt.Sprintf("%.2f–%.2f", low, high), fmt.Sprintf("≤ %.2f", bar), verdict(mid <= bar)})
	}
	ratio("small chat request", r.small, .75)
	ratio("request with a 64 KB prompt (conversation; new text: see below)", r.large, .30)
	ratio("streamed event", r.events, 1.1)
	memory := func(name string, n int64, bar float64) {
		t.rows = append(t.rows, []string{name, fmt.Sprintf("%.0f MB", megabytes(n)), "", fmt.Sprintf("≤ %.0f MB", bar), verdict(megabytes(n) <= bar)})
	}
	for _, c := range r.crowd {
		if c.name == "tidegate" {
			memory("memory with 1,000 open streams", c.rss, 150)
		}
	}
	memory("memory during 64 KB prompts, bodies logged", max(r.large["tidegate"].rss(), r.novel["tidegate"].rss()), 150)
	memory("memory at rest", r.idle, 40)
	start := median(r.starts, time.Duration.Seconds)
	t.rows = append(t.rows, []string{
		"start to first answer", fmt.Sprintf("%.2f s", start), fmt.Sprintf("%.2f–%.2f", slices.Min(r.starts).Seconds(), slices.Max(r.starts).Seconds()), "≤ 0.5 s", verdict(start <= .5),
	})
	return t
}

// costs are the ratios of everybody.
func (r *report) costs() table {
	t := table{
		title: "CPU per unit",
		note: "In a conversation each prompt repeats the one before but for its end, as agents do, so the log has little to compress; always new text is the" +
			" worst case for it. µs of CPU time and ratio to rp; median of the rounds, in brackets least and greatest ratio. The row rp has each of its rounds against the one" +
			" before: that is how far this machine can be trusted. Rates are what the load reached, with the gateway on one core.",
		head: []string{"work", "gateway", "µs", "ratio to rp", "per second"},
	}
	for _, w := range []struct {
		name    string
		results map[string]*result
	}{{"small chat request, 64 connections", r.small}, {"64 KB prompt, 16 conversations", r.large}, {"64 KB prompt, always new text", r.novel}, {"streamed event, 50 streams × 500/s", r.events}} {
		for _, name := range []string{"rp", "tidegate", "tidegate, bodies off", "nginx"} {
			res := w.results[name]
			if res == nil {
				continue
			}
			mid, low, high := res.span()
			t.rows = append(t.rows, []string{w.name, name, fmt.Sprintf("%.1f", res.micros()), fmt.Sprintf("%.2f [%.2f–%.2f]", mid, low, high), fmt.Sprintf("%.0f", res.rate())})
		}
	}
	return t
}

func (r *report) delays() table {
	t := table{
		title: "Latency at constant rates",
		note: "Milliseconds from when a request was due to the end of its answer, less what the upstream took (50 ms). direct is without a gateway: subtract it." +
			" Look at the order of magnitude: on a shared machine p99 says little.",
		head: []string{"requests/s", "", "p50", "p99", "backlog"},
	}
	for _, l := range r.latencies {
		t.rows = append(t.rows, []string{
			strconv.Itoa(l.rate), l.name, fmt.Sprintf("%.2f", l.load.Added.P50/1000), fmt.Sprintf("%.1f", l.load.Added.P99/1000), strconv.Itoa(l.load.Backlog),
		})
	}
	return t
}

func (r *report) crowds() table {
	t := table{title: "1,000 streams at once", note: "10 events per second each, at gateways that were just started. Delay: from an event's being written upstream to its being read.", head: []string{"", "memory", "delay p50 ms", "p99 ms"}}
	for _, c := range r.crowd {
		t.rows = append(t.rows, []string{c.name, fmt.Sprintf("%.0f MB", megabytes(c.rss)), fmt.Sprintf("%.2f", c.load.Interval.P50/1000), fmt.Sprintf("%.1f", c.load.Interval.P99/1000)})
	}
	return t
}

func (r *report) ledger() table {
	k := r.books
	return table{
		title: "The log afterwards", note: "As the gateway's metrics have it, once it was at rest. A body is dropped, and counted, when the log falls behind by more than it may keep in memory; records never are.",
		head: []string{"answered", "recorded", "refused by the spool", "bytes not stored", "store errors", "bodies dropped"},
		rows: [][]string{{
			strconv.FormatUint(k.sent, 10), strconv.FormatUint(k.recorded, 10), fmt.Sprintf("%.0f", k.refused), fmt.Sprintf("%.0f", k.pending), fmt.Sprintf("%.0f", k.errors), fmt.Sprintf("%.0f", k.shed),
		}},
	}
}

func (r *report) counts() table {
	t := table{title: "Allocations", note: "In process, from the HTTP handler to the stubbed connection and back, logging included; pinned by TestAllocations in internal/app.", head: []string{"", "allocations", "bytes"}}
	for _, a := range r.allocs {
		t.rows = append(t.rows, []string{strings.ReplaceAll(a.name, "_", " "), strconv.Itoa(a.count), strconv.Itoa(a.bytes)})
	}
	return t
}

func (r *report) tables() (list []table) {
	for _, t := range []table{r.bars(), r.costs(), r.delays(), r.crowds(), r.ledger(), r.counts()} {
		if len(t.rows) > 0 {
			list = append(list, t)
		}
	}
	return list
}

// machine is what the figures depend on.
func (r *report) machine() string {
	first := func(path, after string) string {
		text, _ := os.ReadFile(path) // what cannot be read is left out
		_, rest, _ := strings.Cut(string(text), after)
		line, _, _ := strings.Cut(rest, "\n")
		return strings.Trim(line, " \t:\"")
	}
	said := func(dir, program string, args ...string) string {
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		out, _ := cmd.CombinedOutput() // likewise
		return strings.TrimSpace(string(out))
	}
	facts := map[string]string{
		"machine":  fmt.Sprintf("%d × %s; %s", cores(), first("/proc/cpuinfo", "model name"), first("/etc/os-release", "PRETTY_NAME=")),
		"kernel":   first("/proc/sys/kernel/osrelease", "") + ", " + first("/proc/sys/net/ipv4/tcp_congestion_control", ""),
		"go":       runtime.Version(),
		"tidegate": said(r.root, "git", "describe", "--tags", "--always", "--dirty"),
	}
	if r.nginx {
		facts["nginx"] = strings.TrimPrefix(said("/", "/usr/sbin/nginx", "-v"), "nginx version: nginx/")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d rounds, %.0f s", r.begin.UTC().Format(time.DateOnly), r.rounds, time.Since(r.begin).Seconds())
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		fmt.Fprintf(&b, "; %s %s", name, facts[name])
	}
	return b.String()
}

func (r *report) print(w io.Writer) {
	fmt.Fprintln(w, r.machine())
	for _, t := range r.tables() {
		fmt.Fprintf(w, "\n%s\n", strings.ToUpper(t.title))
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, row := range append([][]string{t.head}, t.rows...) {
			fmt.Fprintln(tw, strings.ReplaceAll(strings.Join(row, "\t"), "**", ""))
		}
		tw.Flush()
	}
}

func (r *report) markdown() string {
	var b strings.Builder
	b.WriteString(intro)
	fmt.Fprintf(&b, "\n%s.\n", r.machine())
	for _, t := range r.tables() {
		fmt.Fprintf(&b, "\n## %s\n\n", t.title)
		if t.note != "" {
			b.WriteString(t.note + "\n\n")
		}
		fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(t.head, " | "), strings.Repeat(" --- |", len(t.head)))
		for _, row := range t.rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		}
	}
	return b.String()
}

const intro = `# Benchmarks

<!-- Written by make bench. -->

What a request costs in Tidegate with everything on: authentication by one of a thousand keys, a price, metrics, and requests and
replies logged whole into SQLite. ` + "`make bench`" + ` repeats this on your machine in about five minutes (Linux, Go; nginx where it is
installed or can be), ` + "`scripts/bench quick`" + ` tries it out in less than one.

The yardstick **rp** is ` + "`net/http/httputil.ReverseProxy`" + ` which decodes the body with encoding/json for ` + "`model`" + ` and ` + "`stream`" + `: no keys, no
prices, no log. Upstream and load generator run on one core, the gateway under test on another, on the loopback interface and without
TLS. The figure that counts is CPU time per unit as a ratio to rp's in the rounds before and after. It holds on noisy and on
different machines, to some 10–15 %; microseconds and rates don't. The time that the log takes after the last answer is charged as well.
`
