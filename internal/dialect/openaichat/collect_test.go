package openaichat

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"tidegate/internal/frame/sse"
	"tidegate/internal/llm"
)

// collect plays events into the reply that they tell of. It refuses what the grammar of events forbids.
func collect(t testing.TB, events []llm.Event) *llm.Reply {
	t.Helper()
	r := &llm.Reply{}
	type key struct{ choice, part int }
	open, finished := map[key]bool{}, map[int]bool{}
	at := func(n int) *llm.Choice {
		for len(r.Choices) <= n {
			r.Choices = append(r.Choices, llm.Choice{})
		}
		return &r.Choices[n]
	}
	for i, e := range events {
		k := key{e.Choice, e.Index}
		switch e.Kind {
		case llm.Start:
			if i != 0 {
				t.Errorf("event %d: start", i)
			}
			r.ID, r.Model, r.Created = e.ID, e.Model, e.Created
		case llm.Begin:
			c := at(e.Choice)
			if e.Index != len(c.Parts) {
				t.Errorf("event %d: part %d begins after %d parts", i, e.Index, len(c.Parts))
			}
			c.Parts, open[k] = append(c.Parts, e.Part), true
		case llm.Delta, llm.Cited, llm.Sealed:
			if !open[k] {
				t.Errorf("event %d: kind %d for part %d, which is not open", i, e.Kind, e.Index)
				continue
			}
			amend(&at(e.Choice).Parts[e.Index], &e)
		case llm.End:
			if !open[k] {
				t.Errorf("event %d: end of part %d, which is not open", i, e.Index)
			}
			delete(open, k)
		case llm.Logprob:
			at(e.Choice).Logprobs = slices.Clone(e.Value)
		case llm.Metered:
			r.Usage = new(*e.Usage)
			r.Usage.Raw = bytes.Clone(e.Usage.Raw)
		case llm.Finish:
			if finished[e.Choice] {
				t.Errorf("event %d: choice %d finishes twice", i, e.Choice)
			}
			at(e.Choice).Stop, finished[e.Choice] = e.Stop, true
		case llm.Done:
			if len(open) > 0 || len(finished) != len(r.Choices) {
				t.Errorf("done with %d parts open and %d of %d choices finished", len(open), len(finished), len(r.Choices))
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
	}
}

// decodeStream reads a whole stream. Events that point into a frame are copied.
func decodeStream(t testing.TB, src io.Reader, from llm.Target) (steps []llm.Step, err error) {
	t.Helper()
	d := Codec{}.NewStreamDecoder(from)
	frames := sse.NewReader(src, 0)
	for {
		f, ferr := frames.Next()
		if errors.Is(ferr, io.EOF) {
			break
		}
		if ferr != nil {
			t.Fatal(ferr)
		}
		events, derr := d.Decode(nil, f)
		for i := range events {
			events[i].Value = slices.Clone(events[i].Value)
			if events[i].Usage != nil {
				events[i].Usage = new(*events[i].Usage)
				events[i].Usage.Raw = bytes.Clone(events[i].Usage.Raw)
			}
			for j := range events[i].Cites {
				events[i].Cites[j].Raw = slices.Clone(events[i].Cites[j].Raw)
			}
		}
		steps = append(steps, llm.Step{Raw: bytes.Clone(f.Raw), Events: events})
		if derr != nil {
			return steps, derr
		}
	}
	last, err := d.Close(nil)
	return append(steps, llm.Step{Events: last}), err
}

func allEvents(steps []llm.Step) (all []llm.Event) {
	for _, s := range steps {
		all = append(all, s.Events...)
	}
	return all
}

// chunkings are ways in which a network may cut a stream.
func chunkings(body []byte) map[string]io.Reader {
	return map[string]io.Reader{
		"whole": bytes.NewReader(body),
		"byte":  iotest.OneByteReader(bytes.NewReader(body)),
	}
}
