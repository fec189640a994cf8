package llm

import (
	"bytes"
	"iter"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Reply is a whole answer.
type Reply struct {
	ID      string
	Model   string // the upstream's word for the model that answered
	Created int64  // Unix seconds; 0 when the dialect has no such thing
	Choices []Choice
	Usage   *Usage // nil: the upstream did not say
	Ext     Ext
}

// Choice is one alternative answer; nearly always there is one.
type Choice struct {
	Parts    []Part
	Stop     Stop
	Logprobs jsontext.Value // OpenAI's shape, verbatim
	Ext      Ext
}

// StopReason says why the model stopped, in one vocabulary.
type StopReason string

// Every dialect maps every one of its words here, and every one of these to a word of its own.
const (
	StopNone      StopReason = ""               // not said
	StopEnd       StopReason = "end"            // finished its turn
	StopLength    StopReason = "length"         // max tokens
	StopSequence  StopReason = "sequence"       // a stop sequence; Stop.Sequence says which
	StopTools     StopReason = "tools"          // wants tools run
	StopFiltered  StopReason = "filtered"       // the provider's filter cut in
	StopRefusal   StopReason = "refusal"        // the model declined
	StopPause     StopReason = "pause"          // a long turn, to be continued
	StopWindow    StopReason = "window"         // context window full
	StopMalformed StopReason = "malformed_call" // an unusable tool call
	StopOther     StopReason = "other"          // a word we have none for; Stop.Raw keeps it
)

// Stop is the reason in our word and the provider's own.
type Stop struct {
	Reason   StopReason
	Raw      string
	Sequence string         // which stop sequence matched
	Detail   jsontext.Value // refusal or safety details, as the provider wrote them
}

// EventKind tells what an event says.
type EventKind uint8

// A stream is Start? (Begin (Delta|Cite|Seal)* End)* Finish per choice, with Metered anywhere and Done last. Parts of one
// choice may interleave; Index tells them apart.
const (
	Start   EventKind = iota // ID, Model, Created
	Begin                    // Part is the shell: Text{}, Thought{}, Call{ID, Name}, or a whole Media, Opaque or Result
	Delta                    // Delta is more text, thought or arguments of part Index
	Cited                    // Cites belongs to part Index
	Sealed                   // Seal belongs to part Index
	End                      // part Index is whole
	Logprob                  // Raw-carried log probabilities: Value, in OpenAI's shape
	Metered                  // Usage so far, cumulative: later replaces earlier, field by field (see Usage.Merge)
	Finish                   // Stop of this choice
	Done                     // the dialect's own terminator, or the last word of a dialect without one
	Other                    // nothing the model has a word for (pings, vendor events)
)

// Event is one thing that a frame said. A flat struct, not an interface: thousands are made per second.
type Event struct {
	Kind    EventKind
	Choice  int
	Index   int // part within the choice, dense from 0 in order of Begin
	Part    Part
	Delta   string
	Cites   []Citation
	Seal    *Seal
	Value   jsontext.Value
	Usage   *Usage
	Stop    Stop
	ID      string
	Model   string
	Created int64
}

// Content tells whether the event carries something that the caller would miss: after the first such event a reply cannot
// be taken back any more (the commit point of pitfall C2).
func (e *Event) Content() bool {
	switch e.Kind {
	case Delta:
		return e.Delta != ""
	case Cited, Sealed, Logprob:
		return true
	case Finish: // an end with a reason is an answer, even an empty one; a bare terminator is none
		return e.Stop.Reason != StopNone || e.Stop.Raw != ""
	case Begin:
		switch e.Part.(type) {
		case Call, Media, Opaque, Result:
			return true
		case Text, Thought: // a shell: what it holds comes in deltas
		}
	}
	return false
}

// Step is what one upstream frame said. Raw is the frame as it came, terminator included; whoever changes, adds or removes
// an event sets Raw to nil, and the frame is then encoded anew. Raw and Events are valid until the next step: keep a Clone.
//
// More tells that the next step is already here, so that a writer may put off its flush.
type Step struct {
	Raw    []byte
	Events []Event
	More   bool
}

// Clone returns a step that outlives the iteration.
func (s Step) Clone() Step {
	return Step{Raw: bytes.Clone(s.Raw), Events: slices.Clone(s.Events), More: s.More}
}

// Stream is a reply as it arrives. It is read once; the last pair may carry the error, which is then an [*Error]; breaking
// out closes the upstream.
type Stream = iter.Seq2[Step, error]
