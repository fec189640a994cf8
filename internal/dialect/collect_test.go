package dialect_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"tidegate/internal/dialect"
	"tidegate/internal/frame/sse"
	"tidegate/internal/llm"
)

// readStream decodes a recorded stream into steps that outlive it. The error is how it ended, nil when it was whole.
func readStream(t testing.TB, c dialect.Codec, from llm.Target, body []byte) (steps []llm.Step, err error) {
	t.Helper()
	dec, frames := c.NewStreamDecoder(from), sse.NewReader(bytes.NewReader(body), 0)
	for {
		frame, ferr := frames.Next()
		if errors.Is(ferr, io.EOF) {
			break
		}
		if ferr != nil {
			t.Fatal(ferr)
		}
		events, derr := dec.Decode(nil, frame)
		steps = append(steps, keep(events))
		if derr != nil {
			return steps, derr
		}
	}
	events, err := dec.Close(nil)
	return append(steps, keep(events)), err
}

// keep copies what points into the frame.
func keep(events []llm.Event) llm.Step {
	for i := range events {
		e := &events[i]
		e.Value = slices.Clone(e.Value)
		if e.Usage != nil {
			e.Usage = new(*e.Usage)
			e.Usage.Raw = slices.Clone(e.Usage.Raw)
		}
		for k := range e.Cites {
			e.Cites[k].Raw = slices.Clone(e.Cites[k].Raw)
		}
	}
	return llm.Step{Events: events}
}

// collect is the reply that the events tell of.
func collect(t testing.TB, steps []llm.Step) *llm.Reply {
	t.Helper()
	r := &llm.Reply{}
	choice := func(n int) *llm.Choice {
		for len(r.Choices) <= n {
			r.Choices = append(r.Choices, llm.Choice{})
		}
		return &r.Choices[n]
	}
	for _, s := range steps {
		for _, e := range s.Events {
			switch e.Kind {
			case llm.Start:
				r.ID, r.Model, r.Created = e.ID, e.Model, e.Created
			case llm.Begin:
				c := choice(e.Choice)
				if e.Index != len(c.Parts) {
					t.Fatalf("part %d begins after %d parts", e.Index, len(c.Parts))
				}
				c.Parts = append(c.Parts, e.Part)
			case llm.Delta, llm.Cited, llm.Sealed:
				amend(&choice(e.Choice).Parts[e.Index], &e)
			case llm.Logprob:
				choice(e.Choice).Logprobs = e.Value
			case llm.Metered:
				r.Usage = e.Usage
			case llm.Finish:
				choice(e.Choice).Stop = e.Stop
			case llm.End, llm.Done, llm.Other:
			}
		}
	}
	return r
}

func amend(p *llm.Part, e *llm.Event) {
	switch part := (*p).(type) {
	case llm.Text:
		part.Text += e.Delta
		part.Cites = append(part.Cites, e.Cites...)
		if e.Seal != nil {
			part.Seal = e.Seal
		}
		*p = part
	case llm.Thought:
		part.Text += e.Delta
		if e.Seal != nil {
			part.Seal = e.Seal
		}
		*p = part
	case llm.Call:
		part.Args += e.Delta
		if e.Seal != nil {
			part.Seal = e.Seal
		}
		*p = part
	case llm.Media, llm.Result, llm.Opaque:
	}
}
