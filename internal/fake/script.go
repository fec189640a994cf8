package fake

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Scenario is one of the things a model name can ask for.
type Scenario struct {
	Name    string
	What    string
	Options []Option
}

// Option is written name=value after the scenario's colon; several are joined by commas.
type Option struct {
	Name    string
	Default string // "" is off, or not said
	What    string
}

// Scenarios is the catalogue: what a model name may be made of, in the order in which to read it.
func Scenarios() []Scenario {
	all := make([]Scenario, len(catalogue))
	for i, e := range catalogue {
		all[i] = e.Scenario
	}
	return all
}

func names() []string {
	all := make([]string, len(catalogue))
	for i, e := range catalogue {
		all[i] = e.Name
	}
	return all
}

// script is what a model name asks for, all scenarios together.
type script struct {
	answer string // "echo", "chat", or "" when only other things were said
	finish finish // how the answer ends
	think  bool
	tools  toolScript
	dims   int

	usage   forced
	noUsage bool

	latency   time.Duration
	firstByte time.Duration
	gap       time.Duration
	chunks    int
	stamp     bool
	hugeBytes int

	fail     *failure
	hang     bool
	empty    string // "body" or "text"
	html     bool
	redirect bool

	cutAfter   int // -1: never, as for the following
	cutHow     string
	errorAfter int
	errorFault fault
	stallAfter int
	stallFor   time.Duration // 0: for ever
	badAfter   int
	truncate   bool

	split    int // bytes of a write
	crlf     bool
	comments bool
	gzip     bool
}

type toolScript struct {
	n      int
	rounds int
	layout string
}

// forced are the numbers that the script dictates; -1 is not said.
type forced struct {
	in, out, cached, write, write1h, reasoning int64
	at                                         string
}

type failure struct {
	fault
	times, every int
}

// entry is a scenario with what it does.
type entry struct {
	Scenario
	apply func(*script, *args)
}

var errUnknown = errors.New("unknown scenario")

// parse reads a model name such as chat+latency:ms=50+usage:in=10,out=5.
func parse(model string) (*script, error) {
	sc := &script{cutAfter: -1, errorAfter: -1, stallAfter: -1, badAfter: -1, dims: 1536,
		usage: forced{in: -1, out: -1, cached: -1, write: -1, write1h: -1, reasoning: -1}}
	for part := range strings.SplitSeq(model, "+") {
		name, rest, _ := strings.Cut(part, ":")
		e := find(name)
		if e == nil {
			return nil, fmt.Errorf("%w %q", errUnknown, name)
		}
		a := &args{entry: e}
		a.read(rest)
		if e.apply(sc, a); a.err != nil {
			return nil, a.err
		}
	}
	return sc, nil
}

func find(name string) *entry {
	for i := range catalogue {
		if catalogue[i].Name == name {
			return &catalogue[i]
		}
	}
	return nil
}

// args are the options given to one scenario. The first mistake stays in err.
type args struct {
	entry *entry
	given []string // name, value, name, value
	err   error
}

func (a *args) read(text string) {
	if text == "" {
		return
	}
	for pair := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(pair, "=")
		if a.option(name) == nil {
			a.fail(name, "is not an option of it")
			return
		}
		a.given = append(a.given, name, value)
	}
}

func (a *args) option(name string) *Option {
	for i := range a.entry.Options {
		if a.entry.Options[i].Name == name {
			return &a.entry.Options[i]
		}
	}
	return nil
}

func (a *args) fail(name, why string) {
	if a.err == nil {
		a.err = fmt.Errorf("scenario %s: %s %s", a.entry.Name, name, why)
	}
}

func (a *args) has(name string) bool {
	for i := 0; i < len(a.given); i += 2 {
		if a.given[i] == name {
			return true
		}
	}
	return false
}

func (a *args) text(name string) string {
	for i := 0; i < len(a.given); i += 2 {
		if a.given[i] == name {
			return a.given[i+1]
		}
	}
	return a.option(name).Default
}

// int reads a number from low to high; -1 when it has neither value nor default.
func (a *args) int(name string, low, high int) int {
	t := a.text(name)
	if t == "" && !a.has(name) {
		return -1
	}
	n, err := strconv.Atoi(t)
	if err != nil || n < low || n > high {
		a.fail(name, fmt.Sprintf("is a number from %d to %d", low, high))
	}
	return n
}

// tokens reads a count; -1 when not said.
func (a *args) tokens(name string) int64 { return int64(a.int(name, 0, 1_000_000_000)) }

// events reads a number of events to let pass.
func (a *args) events() int { return a.int("after", 0, 1_000_000) }

// ms reads milliseconds up to a day; 0 when not said.
func (a *args) ms(name string) time.Duration {
	return time.Duration(max(0, a.int(name, 0, 86_400_000))) * time.Millisecond
}

// span reads a duration with its unit.
func (a *args) span(name string) time.Duration {
	t := a.text(name)
	if t == "" && !a.has(name) {
		return 0
	}
	d, err := time.ParseDuration(t)
	if err != nil || d < 0 || d > 24*time.Hour {
		a.fail(name, "is a duration such as 20ms")
	}
	return d
}

// word reads one of a few words.
func (a *args) word(name string, allowed ...string) string {
	t := a.text(name)
	if t == "" && !a.has(name) {
		return ""
	}
	if slices.Contains(allowed, t) {
		return t
	}
	a.fail(name, "is one of "+strings.Join(allowed, ", "))
	return ""
}
