package fake

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// ask is what a request says, as far as an answer depends on it.
type ask struct {
	model  string
	stream bool
	usage  bool  // a usage chunk is wanted in the stream
	array  bool  // the stream is a JSON array
	max    int64 // tokens of the answer; 0 is not said
	n      int   // alternatives

	user   string // the last text of the user
	bytes  int    // of all text
	tools  []tool
	choice choice
	rounds int // rounds of tool results since the user spoke

	json   bool           // the answer shall be JSON
	schema jsontext.Value // of that JSON
	sealed bool           // encrypted reasoning is wanted
	echo   []member       // what a response repeats of its request

	// What the scenario think has against the history: reasoning that is not what was sent, or that is missing before a tool
	// result of the current turn.
	altered, missing *fault
}

// member is a field of a JSON object.
type member struct {
	name  string
	value jsontext.Value
	def   string
}

type tool struct {
	name   string
	schema jsontext.Value
}

// choice is what the caller says about tools.
type choice struct {
	mode string // "auto", "none" or "any"
	name string // the one tool to call
}

// finish is how an answer ends.
type finish int

const (
	stopped finish = iota
	called
	length
	filtered
	refused
)

// reply is an answer before a dialect renders it.
type reply struct {
	id      string // 24 letters and digits; the dialects put their prefixes before it
	model   string
	created int64 // Unix seconds

	thought string
	seal    string
	text    string
	stamp   bool // the pieces carry the times at which they are written
	chunks  int  // pieces of text in a stream; 0 is by words
	calls   []call
	layout  string
	finish  finish

	usage   usage
	usageAt string
	noUsage bool
}

type call struct {
	id   string // 24 letters and digits
	name string
	args string // JSON, or "" in the layout empty_args
}

// usage counts all input and all output; cached, write and write1h are parts of in, reasoning is a part of out.
type usage struct{ in, out, cached, write, write1h, reasoning int64 }

// compose writes the answer that the script wants for a request.
func (s *Server) compose(a *ask, sc *script, id string, received time.Time) *reply {
	p := &reply{id: id, model: a.model, created: time.Now().Unix(), finish: sc.finish, chunks: sc.chunks,
		layout: sc.tools.layout, usageAt: sc.usage.at, noUsage: sc.noUsage, stamp: sc.stamp}
	if sc.think {
		p.thought = s.ponder(a.user, a.rounds)
		p.seal = s.seal(p.thought)
	}
	p.calls = s.callTools(a, sc)
	if len(p.calls) == 0 || sc.answer != "" {
		p.text = s.say(a, sc)
	}
	if p.finish == stopped && len(p.calls) > 0 {
		p.finish = called
	}
	if sc.empty != "" {
		p.text, p.calls = "", nil
	}
	if sc.hugeBytes == 0 {
		p.limit(a)
	}
	p.stretch(sc)
	p.count(a, sc)
	if sc.stamp && !a.stream {
		p.text = fmt.Sprintf("%s,%d %s", stampOf(received), time.Now().UnixNano(), p.text)
	}
	return p
}

// stretch makes the text last for the chunks that the script wants and for the event at which it wants a fault.
func (p *reply) stretch(sc *script) {
	if p.text == "" {
		return
	}
	need := 1 + max(sc.cutAfter, sc.stallAfter, sc.errorAfter, sc.badAfter)
	if p.chunks == 0 && strings.Count(p.text, " ")+1 < need {
		p.chunks = need
	}
	if have := utf8.RuneCountInString(p.text); have < p.chunks {
		p.text = strings.Repeat(p.text+" ", p.chunks/(have+1)+1)
	}
}

// say is the text of the answer.
func (s *Server) say(a *ask, sc *script) string {
	var text string
	switch {
	case sc.finish == refused:
		return "I'm sorry, but I can't help with that."
	case sc.answer == "echo":
		text = a.user
	case a.json && len(a.schema) > 0:
		text = sample(a.schema, seed(a.user), false)
	case a.json:
		text = `{"answer":` + string(quote(nil, prose(seed(a.user), topic(a.user), 1))) + `}`
	default:
		text = answer(a.user)
	}
	if sc.hugeBytes > 0 {
		return strings.Repeat(padding, sc.hugeBytes/len(padding)+1)[:sc.hugeBytes]
	}
	return text
}

const padding = "All work and no play makes a long event that a reader must still take in one piece. "

// limit cuts the text where the caller or the script wants it to end.
func (p *reply) limit(a *ask) {
	keep := len(p.text)
	if p.finish == length || p.finish == filtered {
		keep = len(p.text) / 2
	}
	if a.max > 0 && tokens(len(p.text)) > a.max && len(p.calls) == 0 && p.finish != refused && p.finish != filtered {
		keep, p.finish = min(keep, int(a.max)*4), length
	}
	for keep > 0 && keep < len(p.text) && !utf8.RuneStart(p.text[keep]) {
		keep--
	}
	p.text = p.text[:keep]
}

// count sets the usage: what the script dictates, else a token for 4 bytes.
func (p *reply) count(a *ask, sc *script) {
	f := sc.usage
	said := func(forced, counted int64) int64 {
		if forced >= 0 {
			return forced
		}
		return counted
	}
	out := len(p.text)
	for i := range p.calls {
		out += len(p.calls[i].name) + len(p.calls[i].args)
	}
	u := &p.usage
	u.reasoning = said(f.reasoning, tokens(len(p.thought)))
	u.in = said(f.in, max(1, tokens(a.bytes)))
	u.out = said(f.out, max(1, tokens(out)*int64(max(a.n, 1)))+u.reasoning)
	u.cached, u.write, u.write1h = said(f.cached, 0), said(f.write, 0), said(f.write1h, 0)
}

func tokens(bytes int) int64 { return int64(bytes+3) / 4 }

// pieces cuts the text for a stream: into p.chunks pieces of about the same length, or by words.
func (p *reply) pieces() iter.Seq[string] {
	seq := words(p.text)
	if p.chunks > 0 {
		seq = even(p.text, p.chunks)
	}
	if p.stamp {
		return p.stamped(seq)
	}
	return seq
}

// stamped puts the time before each piece. What was said is the text from then on, for dialects that repeat it at the end.
func (p *reply) stamped(seq iter.Seq[string]) iter.Seq[string] {
	return func(yield func(string) bool) {
		var said strings.Builder
		for piece := range seq {
			piece = stampOf(time.Now()) + " " + piece
			said.WriteString(piece)
			if !yield(piece) {
				return
			}
		}
		p.text = said.String()
	}
}

func stampOf(t time.Time) string { return "@" + strconv.FormatInt(t.UnixNano(), 10) }

func words(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for len(text) > 0 {
			n := strings.IndexByte(text[1:], ' ') + 1
			if n == 0 {
				n = len(text)
			}
			if !yield(text[:n]) {
				return
			}
			text = text[n:]
		}
	}
}

// even cuts at characters; a text with fewer than n of them gives fewer pieces.
func even(text string, n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for ; n > 0 && len(text) > 0; n-- {
			k := max(1, len(text)/n)
			for k < len(text) && !utf8.RuneStart(text[k]) {
				k++
			}
			if n == 1 {
				k = len(text)
			}
			if !yield(text[:k]) {
				return
			}
			text = text[k:]
		}
	}
}

// step is a piece of a call in a stream.
type step struct {
	call        int
	open, close bool
	frag        string
}

// steps lays the calls out in a stream. Cuts never split a character but do split escape sequences.
func (p *reply) steps(interleave bool) iter.Seq[step] {
	if interleave && p.layout == "interleaved" {
		return p.interleaved
	}
	return func(yield func(step) bool) {
		for i, c := range p.calls {
			if p.layout == "whole" {
				if !yield(step{i, true, true, c.args}) {
					return
				}
				continue
			}
			if !yield(step{call: i, open: true}) {
				return
			}
			for frag := range fragments(c.args, p.layout) {
				if !yield(step{call: i, frag: frag}) {
					return
				}
			}
			if !yield(step{call: i, close: true}) {
				return
			}
		}
	}
}

func (p *reply) interleaved(yield func(step) bool) {
	rest := make([][]string, len(p.calls))
	for i, c := range p.calls {
		for frag := range fragments(c.args, p.layout) {
			rest[i] = append(rest[i], frag)
		}
		if !yield(step{call: i, open: true}) {
			return
		}
	}
	for round, more := 0, true; more; round++ {
		more = false
		for i := range rest {
			if round >= len(rest[i]) {
				continue
			}
			more = true
			if !yield(step{call: i, frag: rest[i][round]}) {
				return
			}
		}
	}
	for i := range rest {
		if !yield(step{call: i, close: true}) {
			return
		}
	}
}

func fragments(args, layout string) iter.Seq[string] {
	if layout == "escapes" {
		return even(args, utf8.RuneCountInString(args))
	}
	return even(args, len(args)/6+1)
}

// callTools makes the calls of an answer: none when there is nothing to call, or nothing left to ask.
func (s *Server) callTools(a *ask, sc *script) []call {
	forced := a.choice.mode == "any" && sc.answer != "echo" && a.rounds == 0
	wanted := sc.tools.n > 0 && a.rounds < sc.tools.rounds || forced
	if !wanted || len(a.tools) == 0 || a.choice.mode == "none" || sc.finish == refused {
		return nil
	}
	offered := a.tools
	for i, t := range a.tools {
		if t.name == a.choice.name {
			offered = a.tools[i : i+1]
		}
	}
	calls := make([]call, max(1, sc.tools.n))
	for i := range calls {
		t := offered[i%len(offered)]
		c := call{id: s.newID(), name: t.name}
		if sc.tools.layout != "empty_args" {
			c.args = sample(t.schema, seed(a.user)+uint64(i+a.rounds*len(calls)), sc.tools.layout == "escapes")
		}
		calls[i] = c
	}
	return calls
}
