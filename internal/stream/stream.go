// Package stream has what happens to replies between decoding and encoding: counting, and turning a whole reply into steps.
//
// It works on the neutral model alone; it knows no dialect, no bytes and no clients.
package stream

import "tidegate/internal/llm"

// FromReply is the reply as one step, for the callers who want a stream of what came whole.
func FromReply(r *llm.Reply) llm.Stream {
	return func(yield func(llm.Step, error) bool) {
		yield(llm.Step{Events: Events(nil, r)}, nil)
	}
}

// Events appends what a stream of the reply would have said.
func Events(dst []llm.Event, r *llm.Reply) []llm.Event {
	dst = append(dst, llm.Event{Kind: llm.Start, ID: r.ID, Model: r.Model, Created: r.Created})
	for n, choice := range r.Choices {
		for i, part := range choice.Parts {
			dst = appendPart(dst, n, i, part)
		}
		if len(choice.Logprobs) > 0 {
			dst = append(dst, llm.Event{Kind: llm.Logprob, Choice: n, Value: choice.Logprobs})
		}
		dst = append(dst, llm.Event{Kind: llm.Finish, Choice: n, Stop: choice.Stop})
	}
	if r.Usage != nil {
		dst = append(dst, llm.Event{Kind: llm.Metered, Usage: r.Usage})
	}
	return append(dst, llm.Event{Kind: llm.Done})
}

func appendPart(dst []llm.Event, choice, index int, part llm.Part) []llm.Event {
	at := llm.Event{Choice: choice, Index: index}
	say := func(kind llm.EventKind, set func(*llm.Event)) {
		ev := at
		ev.Kind = kind
		if set != nil {
			set(&ev)
		}
		dst = append(dst, ev)
	}
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
	say(llm.Begin, func(ev *llm.Event) { ev.Part = part })
	if text != "" {
		say(llm.Delta, func(ev *llm.Event) { ev.Delta = text })
	}
	if len(cites) > 0 {
		say(llm.Cited, func(ev *llm.Event) { ev.Cites = cites })
	}
	if seal != nil {
		say(llm.Sealed, func(ev *llm.Event) { ev.Seal = seal })
	}
	say(llm.End, nil)
	return dst
}
