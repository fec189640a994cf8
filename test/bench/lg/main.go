// Command lg is the load generator of the benchmark. It runs a closed loop (each connection sends its next request when it has
// its answer) or, with -rate, an open loop, and prints one JSON document: figures.Load.
//
// In the open loop every request has a time at which it is due, start + i/rate, and its latency counts from then, not from the
// moment at which a connection was free. So a gateway that stalls is charged for all requests that should have been sent
// meanwhile (no coordinated omission).
//
// A run ends by itself after -d or -n, whichever comes first; what is under way is finished, for at most -timeout.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tidegate/test/bench/figures"
)

// options are the command line.
type options struct {
	url     string
	conns   int
	seconds time.Duration
	count   int64
	rate    float64
	stream  bool
	pad     int
	talk    bool
	model   string
	headers []string
	timeout time.Duration
}

func parse() (o options) {
	flag.StringVar(&o.url, "url", "http://127.0.0.1:9001/v1/chat/completions", "target; loopback only")
	flag.IntVar(&o.conns, "c", 64, "connections, and so requests at the same time")
	flag.DurationVar(&o.seconds, "d", 3*time.Second, "how long to send")
	flag.Int64Var(&o.count, "n", 1_000_000, "how many requests to send at most")
	flag.Float64Var(&o.rate, "rate", 0, "requests per second, in an open loop; 0: closed loop")
	flag.BoolVar(&o.stream, "stream", false, "ask for streams")
	flag.IntVar(&o.pad, "pad", 0, "bytes of prose to add to the prompt")
	flag.BoolVar(&o.talk, "talk", false, "each connection is a conversation: it sends its own prompt again and again, and only the end of it changes")
	flag.StringVar(&o.model, "model", "gpt-4o-mini", "what to call")
	flag.DurationVar(&o.timeout, "timeout", 30*time.Second, "of one request")
	flag.Func("H", "header, as 'Name: value'; repeatable", func(s string) error {
		o.headers = append(o.headers, s)
		return nil
	})
	flag.Parse()
	return o
}

func main() {
	o := parse()
	result, err := run(o)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// load is one run.
type load struct {
	options
	host     string
	requests [][]byte // the texts that are sent: in turn or, in conversations, one by each connection
	sent     atomic.Int64
	due      chan time.Time // of open loops; nil in closed ones
	until    time.Time
}

func run(o options) (*figures.Load, error) {
	target, err := url.Parse(o.url)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(target.Hostname()); ip == nil || !ip.IsLoopback() {
		return nil, errors.New("only loopback addresses")
	}
	l := &load{options: o, host: target.Host, requests: requests(o, target)}
	begin := time.Now()
	l.until = begin.Add(o.seconds)
	if o.rate > 0 {
		l.due = make(chan time.Time, 1<<18)
	}
	clients := make([]*client, o.conns)
	var wg sync.WaitGroup
	for i := range clients {
		clients[i] = newClient(l, i)
		wg.Go(clients[i].run)
	}
	backlog := 0
	if o.rate > 0 {
		backlog = l.schedule(begin)
	}
	wg.Wait()
	sum := newTally()
	for _, c := range clients {
		sum.merge(c.tally)
	}
	result := sum.load()
	result.Backlog, result.Seconds = backlog, time.Since(begin).Seconds()
	return result, nil
}

// next says when the next request is due and which number it has. ok is false when the run is over.
func (l *load) next() (due time.Time, n int64, ok bool) {
	if l.due != nil {
		due, ok = <-l.due
	} else {
		due = time.Now()
		ok = due.Before(l.until)
	}
	n = l.sent.Add(1)
	return due, n, ok && n <= l.count
}

// schedule makes requests due at a constant rate, and tells how far the connections fell behind at most.
func (l *load) schedule(begin time.Time) (backlog int) {
	const timerSlack = 29 // PR_SET_TIMERSLACK: sleep as exactly as the kernel can
	_, _, _ = syscall.RawSyscall6(syscall.SYS_PRCTL, timerSlack, 1, 0, 0, 0, 0)
	defer close(l.due)
	gap := float64(time.Second) / l.rate
	for i := range l.count {
		due := begin.Add(time.Duration(float64(i) * gap))
		if due.After(l.until) {
			return backlog
		}
		if d := time.Until(due); d > 0 {
			pause := syscall.NsecToTimespec(d.Nanoseconds())
			_ = syscall.Nanosleep(&pause, nil) // a signal may shorten it: the request then goes out a little early
		}
		select {
		case l.due <- due:
		default:
			return len(l.due) // the gateway is beyond hope
		}
		backlog = max(backlog, len(l.due))
	}
	return backlog
}
