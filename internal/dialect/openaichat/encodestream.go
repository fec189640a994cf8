package openaichat

import (
	"bytes"

	"tidegate/internal/dialect/codec"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// NewStreamEncoder writes one streamed answer.
func (Codec) NewStreamEncoder(opt codec.StreamOptions) codec.StreamEncoder {
	return &streamEncoder{opt: opt, id: opt.ID, model: opt.Model, created: opt.Now}
}

type streamEncoder struct {
	opt       codec.StreamOptions
	id, model string
	created   int64
	head      []byte // how every chunk begins
	choices   []*outChoice
	usage     *llm.Usage // to be said before the end; nil when there is none, or the upstream's own frame has said it
	done      bool
	losses    []llm.Loss
}

// outChoice is what has been written of one choice.
type outChoice struct {
	index    int
	role     bool
	finished bool
	owed     bool // its finish reason was in a frame that was changed
	refused  bool
	thoughts int
	calls    int
	parts    []outPart // by index
}

// outPart is one part of a choice that is being written.
type outPart struct {
	kind     partKind
	refusal  bool
	redacted bool
	custom   bool
	call     int // its index among the calls
	text     []byte
	seal     *llm.Seal
}

type partKind uint8

const (
	kindNone partKind = iota
	kindText
	kindThought
	kindCall
)

func (e *streamEncoder) at(index int) *outChoice {
	for _, c := range e.choices {
		if c.index == index {
			return c
		}
	}
	c := &outChoice{index: index}
	e.choices = append(e.choices, c)
	return c
}

func (c *outChoice) part(index int) *outPart {
	for len(c.parts) <= index {
		c.parts = append(c.parts, outPart{})
	}
	return &c.parts[index]
}

// Append writes the frames of a step. A frame of this dialect is copied, and its events only keep the books.
func (e *streamEncoder) Append(dst []byte, step llm.Step, same bool) []byte {
	w := writer{rawjson.Writer{B: dst, Line: true}}
	if same && step.Raw != nil {
		e.copy(&w, step)
		return w.B
	}
	for i := range step.Events {
		e.event(&w, &step.Events[i])
	}
	return w.B
}

// copy passes a frame on. The terminator waits for what changed frames still owe: a finish reason, the usage.
func (e *streamEncoder) copy(w *writer, step llm.Step) {
	last := len(step.Events) > 0 && step.Events[len(step.Events)-1].Kind == llm.Done
	for i := range step.Events {
		if ev := &step.Events[i]; last && ev.Kind == llm.Finish && e.at(ev.Choice).owed {
			e.finish(w, ev)
		} else {
			e.note(ev)
		}
	}
	if last {
		e.sayUsage(w)
	}
	if e.opt.Usage || !onlyUsage(step) {
		w.B = append(w.B, step.Raw...)
	}
}

// onlyUsage tells whether a frame is the usage chunk: no choices, and nothing but usage.
func onlyUsage(step llm.Step) bool {
	metered := false
	for i := range step.Events {
		switch step.Events[i].Kind {
		case llm.Metered:
			metered = true
		case llm.Start, llm.Other:
		default:
			return false
		}
	}
	from := bytes.IndexByte(step.Raw, '{')
	return metered && from >= 0 && count(rawjson.Get(step.Raw[from:], "choices")) == 0
}

// note keeps what later frames depend on, of an event that went out in its own frame.
func (e *streamEncoder) note(ev *llm.Event) {
	switch ev.Kind {
	case llm.Start:
		e.start(ev)
	case llm.Begin:
		c := e.at(ev.Choice)
		c.role = true
		c.open(ev)
	case llm.Metered:
		e.usage = nil
	case llm.Finish:
		e.at(ev.Choice).finished = true
	case llm.Other: // see decoder.choice: the frame said the finish reason, the event comes later
		if ev.Stop.Raw != "" {
			e.at(ev.Choice).finished = true
		}
	case llm.Done:
		e.done = true
	}
}

func (e *streamEncoder) start(ev *llm.Event) {
	if e.head != nil {
		return
	}
	if ev.ID != "" {
		e.id = ev.ID
	}
	if ev.Model != "" {
		e.model = ev.Model
	}
	if ev.Created != 0 {
		e.created = ev.Created
	}
}

// open remembers what a part is.
func (c *outChoice) open(ev *llm.Event) *outPart {
	p := c.part(ev.Index)
	switch part := ev.Part.(type) {
	case llm.Text:
		p.kind, p.refusal = kindText, part.Refusal
		c.refused = c.refused || part.Refusal
	case llm.Thought:
		p.kind, p.seal, p.redacted = kindThought, part.Seal, part.Redacted
	case llm.Call:
		p.kind, p.call, p.custom = kindCall, c.calls, part.Custom
		c.calls++
	case llm.Media, llm.Result, llm.Opaque: // whole: nothing follows
	}
	return p
}

// event writes the chunks of one event.
func (e *streamEncoder) event(w *writer, ev *llm.Event) {
	switch ev.Kind {
	case llm.Start:
		e.start(ev)
	case llm.Begin:
		e.beginPart(w, ev)
	case llm.Delta:
		e.delta(w, ev)
	case llm.Cited:
		e.cited(w, ev)
	case llm.Sealed:
		e.sealed(w, ev)
	case llm.End:
		e.endPart(w, ev)
	case llm.Logprob:
		e.open(w, e.at(ev.Choice))
		w.Close('}')
		w.logprobs(ev.Value)
		e.shut(w, "")
	case llm.Metered:
		e.usage = ev.Usage
	case llm.Other:
		if ev.Stop.Raw != "" {
			e.at(ev.Choice).owed = true
		}
	case llm.Finish:
		e.finish(w, ev)
	case llm.Done:
		e.end(w)
	}
}

// open begins a chunk for a choice, up to and including the opening of its delta; the first one says the role.
func (e *streamEncoder) open(w *writer, c *outChoice) {
	e.chunk(w)
	w.Name("choices")
	w.Open('[')
	w.Open('{')
	w.Name("index").Int(int64(c.index))
	w.Name("delta")
	w.Open('{')
	if !c.role {
		c.role = true
		w.Member("role", "assistant")
	}
}

// shut ends a chunk behind the closed delta.
func (e *streamEncoder) shut(w *writer, finish string) {
	if finish == "" {
		w.Name("finish_reason").Raw([]byte("null"))
	} else {
		w.Member("finish_reason", finish)
	}
	w.B = append(w.B, "}]}\n\n"...)
}

// chunk begins a chunk: id, time and model are the same in all of them.
func (e *streamEncoder) chunk(w *writer) {
	if e.head == nil {
		h := writer{rawjson.Writer{B: []byte("data: ")}}
		h.Open('{')
		h.Member("id", replyID(e.id, e.model))
		h.Member("object", "chat.completion.chunk")
		h.Name("created").Int(e.created)
		h.Member("model", e.model)
		e.head = h.B
	}
	w.B = append(w.B, e.head...)
}

// say writes a chunk whose delta has one member.
func (e *streamEncoder) say(w *writer, c *outChoice, member string, write func()) {
	e.open(w, c)
	w.Name(member)
	write()
	w.Close('}')
	e.shut(w, "")
}

func (e *streamEncoder) beginPart(w *writer, ev *llm.Event) {
	c := e.at(ev.Choice)
	p := c.open(ev)
	switch part := ev.Part.(type) {
	case llm.Text:
		if part.Seal != nil {
			e.signature(w, c, part.Seal)
		}
	case llm.Call:
		e.say(w, c, "tool_calls", func() { w.callShell(p.call, &part) })
	case llm.Media:
		e.say(w, c, "images", func() {
			w.Open('[')
			w.picture(&part)
			w.Close(']')
		})
	case llm.Opaque:
		switch {
		case part.From != own:
			e.lose("a part that only " + string(part.From) + " knows: " + part.Kind)
		case part.Kind == "audio":
			e.say(w, c, "audio", func() { w.Raw(part.Raw) })
		default:
			e.say(w, c, "content", func() {
				w.Open('[')
				w.Raw(part.Raw)
				w.Close(']')
			})
		}
	case llm.Result:
		e.lose("the result of a tool that the provider ran")
	case llm.Thought: // a shell; its seal is said at the end
	}
}

// callShell writes the first delta of a call, the only one with id and name.
func (w *writer) callShell(index int, c *llm.Call) {
	kind, input := "function", "arguments"
	if c.Custom {
		kind, input = "custom", "input"
	}
	w.Open('[')
	w.Open('{')
	w.Name("index").Int(int64(index))
	w.Member("id", c.ID)
	w.Member("type", kind)
	w.Name(kind)
	w.Open('{')
	w.Member("name", c.Name)
	w.Member(input, c.Args)
	w.Close('}')
	if c.Seal != nil {
		w.google(carry(c.Seal))
	}
	w.Close('}')
	w.Close(']')
}

func (e *streamEncoder) delta(w *writer, ev *llm.Event) {
	c := e.at(ev.Choice)
	switch p := c.part(ev.Index); {
	case ev.Delta == "":
	case p.kind == kindCall:
		kind, input := "function", "arguments"
		if p.custom {
			kind, input = "custom", "input"
		}
		e.open(w, c)
		w.Name("tool_calls")
		w.Open('[')
		w.Open('{')
		w.Name("index").Int(int64(p.call))
		w.Name(kind)
		w.Open('{')
		w.Member(input, ev.Delta)
		w.B = append(w.B, "}}]}"...)
		e.shut(w, "")
	default:
		member := "content"
		if p.kind == kindThought {
			member = "reasoning_content"
			p.text = append(p.text, ev.Delta...) // the seal comes later, with all of the text
		} else if p.refusal {
			member = "refusal"
		}
		e.open(w, c)
		w.Member(member, ev.Delta)
		w.Close('}')
		e.shut(w, "")
	}
}

func (e *streamEncoder) cited(w *writer, ev *llm.Event) {
	var cites []citation
	for _, c := range ev.Cites {
		if c.From != own && c.URL == "" {
			e.lose("a citation without an address")
			continue
		}
		cites = append(cites, citation{Citation: c})
	}
	if len(cites) == 0 {
		return
	}
	e.open(w, e.at(ev.Choice))
	w.annotations(cites)
	w.Close('}')
	e.shut(w, "")
}

func (e *streamEncoder) sealed(w *writer, ev *llm.Event) {
	c := e.at(ev.Choice)
	switch p := c.part(ev.Index); p.kind {
	case kindThought:
		p.seal = ev.Seal
	case kindText:
		e.signature(w, c, ev.Seal)
	case kindCall:
		e.say(w, c, "tool_calls", func() {
			w.Open('[')
			w.Open('{')
			w.Name("index").Int(int64(p.call))
			w.google(carry(ev.Seal))
			w.Close('}')
			w.Close(']')
		})
	case kindNone: // what comes whole has no seal
	}
}

func (e *streamEncoder) signature(w *writer, c *outChoice, s *llm.Seal) {
	e.open(w, c)
	w.google(carry(s))
	w.Close('}')
	e.shut(w, "")
}

// endPart says a sealed thought once more, whole and in one element, so that a client that keeps the elements keeps it right.
func (e *streamEncoder) endPart(w *writer, ev *llm.Event) {
	c := e.at(ev.Choice)
	p := c.part(ev.Index)
	if p.kind == kindThought && p.seal != nil {
		e.say(w, c, "reasoning_details", func() {
			w.Open('[')
			w.detail(c.thoughts, &llm.Thought{Text: string(p.text), Redacted: p.redacted}, p.seal.Wrap(), formatOf(p.seal.Issuer))
			w.Close(']')
		})
		c.thoughts++
	}
	p.text = nil
}

func (e *streamEncoder) finish(w *writer, ev *llm.Event) {
	c := e.at(ev.Choice)
	if c.finished {
		return
	}
	c.finished = true
	e.open(w, c)
	w.Close('}')
	e.shut(w, finishWord(ev.Stop.Reason, c.calls > 0, c.refused))
}

// end writes the terminator, and what must be in front of it.
func (e *streamEncoder) end(w *writer) {
	if e.done {
		return
	}
	e.done = true
	e.sayUsage(w)
	w.B = append(w.B, "data: [DONE]\n\n"...)
}

// sayUsage writes the usage chunk, for those who asked.
func (e *streamEncoder) sayUsage(w *writer) {
	if !e.opt.Usage || e.usage == nil {
		return
	}
	e.chunk(w)
	w.Name("choices").Raw([]byte("[]"))
	w.usage(e.usage)
	w.Some("service_tier", tier(e.usage))
	w.B = append(w.B, "}\n\n"...)
	e.usage = nil
}

// Close writes the terminator for an upstream that has none.
func (e *streamEncoder) Close(dst []byte) []byte {
	w := writer{rawjson.Writer{B: dst, Line: true}}
	e.end(&w)
	return w.B
}

// Fail writes the error as data, and no terminator: openai's SDKs raise it, and a break never looks like an end.
func (e *streamEncoder) Fail(dst []byte, err *llm.Error) []byte {
	e.done = true
	w := writer{rawjson.Writer{B: append(dst, "data: "...), Line: true}}
	w.failure(err)
	return append(w.B, "\n\n"...)
}

// Ping writes a comment, which every reader of server-sent events skips.
func (e *streamEncoder) Ping(dst []byte) []byte { return append(dst, ": ping\n\n"...) }

func (e *streamEncoder) lose(why string) {
	for _, l := range e.losses {
		if l.Why == why {
			return
		}
	}
	e.losses = append(e.losses, llm.Loss{Path: "choices", Why: why})
}

// Losses are the things that could not be said, each once.
func (e *streamEncoder) Losses() []llm.Loss { return e.losses }
