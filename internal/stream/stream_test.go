package stream

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidegate/internal/llm"
)

func usage(in, out int64) *llm.Usage {
	var u llm.Usage
	u.N[llm.InputText], u.N[llm.OutputText] = in, out
	return &u
}

func TestTally(t *testing.T) {
	text := llm.Event{Kind: llm.Delta, Delta: "twelve bytes"}
	finish := llm.Event{Kind: llm.Finish, Stop: llm.Stop{Reason: llm.StopEnd}}
	metered := func(in, out int64) llm.Event { return llm.Event{Kind: llm.Metered, Usage: usage(in, out)} }
	for _, tt := range []struct {
		name   string
		events []llm.Event
		in     int64
		out    int64
		source llm.Source
	}{
		{"usage last", []llm.Event{text, finish, metered(10, 3), {Kind: llm.Done}}, 10, 3, llm.Reported},
		{"usage first", []llm.Event{metered(10, 3), text, finish}, 10, 3, llm.Reported},
		{"usage twice", []llm.Event{metered(10, 1), text, metered(10, 3), finish}, 10, 3, llm.Reported},
		{"no usage", []llm.Event{text, finish}, 100, 3, llm.Estimated},
		{"cut after the start event", []llm.Event{metered(10, 1), text, text}, 10, 6, llm.Partial},
		{"failed, but reported at its end", []llm.Event{metered(10, 1), text, text, metered(10, 2)}, 10, 2, llm.Partial},
		{"cut, reported more than seen", []llm.Event{metered(10, 50), text}, 10, 50, llm.Partial},
		{"cut, nothing reported", []llm.Event{text}, 100, 3, llm.Estimated},
		{"nothing came", nil, 100, 0, llm.Estimated},
	} {
		var tally Tally
		for i := range tt.events {
			tally.Add(&tt.events[i])
		}
		u := tally.Usage(func() int64 { return 100 })
		if u.Input() != tt.in || u.Output() != tt.out || u.Source != tt.source {
			t.Errorf("%s: %d in, %d out, %v", tt.name, u.Input(), u.Output(), u.Source)
		}
	}
}

// A reply that came whole is counted as its stream would be (pitfall B1).
func TestEventsOfReply(t *testing.T) {
	r := &llm.Reply{
		ID: "r1", Model: "m",
		Choices: []llm.Choice{{
			Parts: []llm.Part{
				llm.Thought{Text: "hm", Seal: &llm.Seal{Issuer: "anthropic", Data: "s"}},
				llm.Thought{Redacted: true, Seal: &llm.Seal{Issuer: "anthropic", Data: "r"}},
				llm.Text{Text: "hello"},
				llm.Call{ID: "c", Name: "f", Args: `{"a":1}`},
			},
			Stop: llm.Stop{Reason: llm.StopTools, Raw: "tool_use"},
		}},
		Usage: usage(7, 9),
	}
	var kinds []llm.EventKind
	var tally Tally
	for step, err := range FromReply(r) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range step.Events {
			kinds = append(kinds, step.Events[i].Kind)
			tally.Add(&step.Events[i])
		}
	}
	want := []llm.EventKind{
		llm.Start, llm.Begin, llm.Delta, llm.Sealed, llm.End, llm.Begin, llm.End, llm.Begin, llm.Delta, llm.End,
		llm.Begin, llm.Delta, llm.End, llm.Finish, llm.Metered, llm.Done,
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
	if u := tally.Usage(nil); u.Input() != 7 || u.Output() != 9 || u.Source != llm.Reported || tally.Stop.Reason != llm.StopTools {
		t.Errorf("%+v %+v", u, tally)
	}
}
