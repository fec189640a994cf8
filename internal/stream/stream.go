// Package stream has what happens to replies between decoding and encoding: counting, and turning a whole reply into steps.
//
// It works on the neutral model alone; it knows no dialect, no bytes and no clients.
package stream

import (
	"iter"

	"tidegate/internal/llm"
)

// FromReply is the reply as one step, for the callers who want a stream of what came whole.
func FromReply(r *llm.Reply) llm.Stream {
	return func(yield func(llm.Step, error) bool) {
		yield(llm.Step{Events: Events(nil, r)}, nil)
	}
}

// Events appends what a stream of the reply would have said.
func Events(dst []llm.Event, r *llm.Reply) []llm.Event {
	for ev := range Each(r) {
		dst = append(dst, *ev)
	}
	return dst
}

// Each is Events one by one, for those who only look. An event is valid until the next.
func Each(r *llm.Reply) iter.Seq[*llm.Event] {
	return func(yield func(*llm.Event) bool) {
		s := &sayer{yield: yield}
		s.say(llm.Event{Kind: llm.Start, ID: r.ID, Model: r.Model, Created: r.Created})
		for n, choice := range r.Choices {
			for i, part := range choice.Parts {
				s.part(n, i, part)
			}
			if len(choice.Logprobs) > 0 {
				s.say(llm.Event{Kind: llm.Logprob, Choice: n, Value: choice.Logprobs})
			}
			s.say(llm.Event{Kind: llm.Finish, Choice: n, Stop: choice.Stop})
		}
		if r.Usage != nil {
			s.say(llm.Event{Kind: llm.Metered, Usage: r.Usage})
		}
		s.say(llm.Event{Kind: llm.Done})
	}
}

// sayer hands out events until nobody listens any more.
type sayer struct {
	yield func(*llm.Event) bool
	event llm.Event
	left  bool
}

func (s *sayer) say(ev llm.Event) {
	if s.left {
		return
	}
	s.event = ev
	s.left = !s.yield(&s.event)
}

func (s *sayer) part(choice, index int, part llm.Part) {
	var (
		text  string
		seal  *llm.Seal
		cites []llm.Citation
	)
	switch p := part.(type) {
	case llm.Text:
		text, seal, cites = p.Text, p.Seal, p.Cites
		p.Text, p.Seal, p.Cites = "", nil, nil
		part = p
	case llm.Thought:
		text, seal = p.Text, p.Seal
		if !p.Redacted { // a redacted thought is nothing but its seal
			p.Text, p.Seal = "", nil
		} else {
			seal = nil
		}
		part = p
	case llm.Call:
		text, seal = p.Args, p.Seal
		p.Args, p.Seal = "", nil
		part = p
	case llm.Media, llm.Result, llm.Opaque:
	}
	s.say(llm.Event{Kind: llm.Begin, Choice: choice, Index: index, Part: part})
	if text != "" {
		s.say(llm.Event{Kind: llm.Delta, Choice: choice, Index: index, Delta: text})
	}
	if len(cites) > 0 {
		s.say(llm.Event{Kind: llm.Cited, Choice: choice, Index: index, Cites: cites})
	}
	if seal != nil {
		s.say(llm.Event{Kind: llm.Sealed, Choice: choice, Index: index, Seal: seal})
	}
	s.say(llm.Event{Kind: llm.End, Choice: choice, Index: index})
}
