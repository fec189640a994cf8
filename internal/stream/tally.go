package stream

import "tidegate/internal/llm"

// bytesPerToken is the usual ratio for English text and JSON over the vendors' tokenizers. It only ever serves estimates, which
// are marked as such.
const bytesPerToken = 4

// Tally is the one accumulator of usage, for streams and whole replies alike.
type Tally struct {
	ID       string
	Model    string // the upstream's word
	Stop     llm.Stop
	Finished bool // a choice finished, or the terminator came
	Done     bool // the terminator came
	Began    bool // something came that a caller would miss
	usage    llm.Usage
	reported bool
	latest   bool  // nothing was said since it was reported
	bytes    int64 // of output text, thoughts and arguments
}

// Add counts one event.
func (t *Tally) Add(ev *llm.Event) {
	t.Began = t.Began || ev.Content()
	switch ev.Kind {
	case llm.Start:
		t.ID, t.Model = ev.ID, ev.Model
	case llm.Delta:
		t.bytes += int64(len(ev.Delta))
		t.latest = false
	case llm.Metered:
		if ev.Usage != nil {
			t.usage, t.reported, t.latest = *ev.Usage, true, true
		}
	case llm.Finish:
		t.Finished = true
		if ev.Choice == 0 {
			t.Stop = ev.Stop
		}
	case llm.Done:
		t.Finished, t.Done = true, true
	}
}

// Usage is what the attempt consumed, as far as can be known. Input estimates the input tokens, and is only asked when the
// provider did not say. A reply that was not finished has the output that came, if that is more than was reported (B4).
func (t *Tally) Usage(input func() int64) llm.Usage {
	u := t.usage
	if t.Finished && t.reported {
		u.Source = llm.Reported
		return u
	}
	u.Source = llm.Partial
	if !t.reported || u.Input() == 0 {
		u.Source = llm.Estimated
		u.N[llm.InputText] = input()
	}
	if seen := Tokens(t.bytes); seen > u.Output() && !(t.latest && u.Output() > 0) {
		u.N[llm.OutputText] += seen - u.Output()
	}
	return u
}

// Tokens estimates how many tokens so many bytes of text are.
func Tokens(bytes int64) int64 { return (bytes + bytesPerToken - 1) / bytesPerToken }
