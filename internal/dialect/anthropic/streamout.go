package anthropic

import (
	"bytes"
	"strconv"

	"tidegate/internal/dialect/codec"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// streamEncoder writes one streamed message: message_start, then the blocks one after the other with rising indexes, then
// message_delta and message_stop. Parts that interleave are put in line: those behind the one that is on the wire wait.
//
// For a foreign upstream, starts and the end wait as well: a block until there is something in it, so that none is empty and
// a seal that follows its call can still go in front of it; message_delta for the usage that may follow the stop reason. For
// an upstream of this dialect nothing waits, since any frame may be followed by one that is copied.
type streamEncoder struct {
	lost  losses
	stage stage
	same  bool

	id, model string
	usage     *llm.Usage
	stop      llm.Stop
	finished  bool // the stop reason is known

	parts []outPart // begun and not yet whole on the wire; the first one may be on it
	next  int       // index of the next block
}

// stage is how far the message is on the wire.
type stage uint8

const (
	before  stage = iota
	begun         // message_start is out
	settled       // message_delta is out
	ended         // message_stop is out
)

// outPart is a part that is, or will be, a block.
type outPart struct {
	index int // ours
	wire  int // the block's, once it is open
	shell llm.Part
	open  bool // content_block_start is out
	done  bool // nothing more comes
	seal  *llm.Seal
	text  string // waits to be written; so do cites
	cites []llm.Citation
}

// NewStreamEncoder writes one streamed answer.
func (Codec) NewStreamEncoder(opt codec.StreamOptions) codec.StreamEncoder {
	return &streamEncoder{id: opt.ID, model: opt.Model}
}

func (s *streamEncoder) Losses() []llm.Loss { return s.lost.all }

// Append writes a step. A copied one is followed all the same, so that the next that is not goes on from there.
func (s *streamEncoder) Append(dst []byte, step llm.Step, same bool) []byte {
	s.same = same
	if same && step.Raw != nil {
		for i := range step.Events {
			s.follow(&step.Events[i])
		}
		return append(dst, step.Raw...)
	}
	started := false
	for i := range step.Events {
		started = started || step.Events[i].Kind == llm.Start
		dst = s.event(dst, &step.Events[i])
	}
	if started { // not earlier: the usage of the same step belongs into it
		dst = s.begin(dst)
	}
	return dst
}

// follow notes what a copied frame has put on the wire.
func (s *streamEncoder) follow(e *llm.Event) {
	switch e.Kind {
	case llm.Start:
		s.stage = max(s.stage, begun)
	case llm.Begin:
		s.parts = append(s.parts, outPart{index: e.Index, wire: s.next, shell: e.Part, open: true})
		s.next++
	case llm.End:
		for i := range s.parts {
			if s.parts[i].index == e.Index {
				s.parts = append(s.parts[:i], s.parts[i+1:]...)
				break
			}
		}
	case llm.Metered:
		s.usage = e.Usage
	case llm.Finish:
		s.stop, s.finished = e.Stop, true
		s.stage = max(s.stage, settled)
	case llm.Done:
		s.stage = ended
	}
}

func (s *streamEncoder) event(dst []byte, e *llm.Event) []byte {
	if s.stage == ended { // whatever a spliced stream says behind its end
		return dst
	}
	if e.Choice > 0 {
		s.lost.add("choices", "one answer at a time")
		return dst
	}
	switch e.Kind {
	case llm.Start:
		if e.ID != "" {
			s.id = e.ID
		}
		if e.Model != "" {
			s.model = e.Model
		}
	case llm.Begin:
		s.parts = append(s.parts, outPart{index: e.Index, shell: e.Part, seal: sealOf(e.Part)})
		dst = s.flush(dst)
	case llm.Delta, llm.Cited, llm.Sealed, llm.End:
		if p := s.part(e.Index); p != nil {
			s.take(p, e)
			dst = s.flush(dst)
		}
	case llm.Metered:
		s.usage = e.Usage
	case llm.Logprob:
		s.lost.add("logprobs", "log probabilities have no place here")
	case llm.Finish:
		s.stop, s.finished = e.Stop, true
		for i := range s.parts {
			s.parts[i].done = true
		}
		if dst = s.flush(dst); s.same {
			dst = s.settle(dst)
		}
	case llm.Done:
		dst = s.end(dst)
	}
	return dst
}

// part finds a part that is not whole yet.
func (s *streamEncoder) part(index int) *outPart {
	for i := range s.parts {
		if s.parts[i].index == index {
			return &s.parts[i]
		}
	}
	return nil
}

func (s *streamEncoder) take(p *outPart, e *llm.Event) {
	switch e.Kind {
	case llm.Delta:
		p.text += e.Delta
	case llm.Cited:
		p.cites = append(p.cites, e.Cites...)
	case llm.Sealed:
		if _, thought := p.shell.(llm.Thought); !thought && p.open {
			s.lost.add("content."+strconv.Itoa(p.index)+".signature", "came too late for its place")
			return
		}
		p.seal = e.Seal
	case llm.End:
		p.done = true
	}
}

func sealOf(p llm.Part) *llm.Seal {
	switch p := p.(type) {
	case llm.Text:
		return p.Seal
	case llm.Thought:
		return p.Seal
	case llm.Call:
		return p.Seal
	case llm.Media, llm.Result, llm.Opaque: // these have none
	}
	return nil
}

// flush writes what the first part has to say, and goes on to the next when it is whole.
func (s *streamEncoder) flush(dst []byte) []byte {
	for len(s.parts) > 0 {
		p := &s.parts[0]
		dst = s.say(dst, p)
		if !p.done {
			return dst
		}
		if p.open {
			dst = s.blockStop(dst, p.wire)
		}
		s.parts = s.parts[1:]
	}
	return dst
}

// say writes what waits in a part.
func (s *streamEncoder) say(dst []byte, p *outPart) []byte {
	switch shell := p.shell.(type) {
	case llm.Text:
		return s.sayText(dst, p, shell)
	case llm.Thought:
		return s.sayThought(dst, p, shell)
	case llm.Call:
		return s.sayCall(dst, p, shell)
	case llm.Opaque:
		return s.sayOpaque(dst, p, shell)
	case llm.Media:
		s.lost.add("content."+strconv.Itoa(p.index), "an answer holds no media here")
	case llm.Result:
		s.lost.add("content."+strconv.Itoa(p.index), "an answer holds no tool results here")
	}
	return dst
}

func (s *streamEncoder) sayText(dst []byte, p *outPart, shell llm.Text) []byte {
	if !p.open {
		if p.text == "" && !s.same {
			return dst
		}
		dst = s.blockStart(s.carry(dst, p), p, "text", func(w *writer) {
			w.Member("text", "")
			w.ext(shell.Ext, nil)
		})
	}
	dst = s.delta(dst, p, "text_delta", "text")
	for _, c := range replyCites(p.cites) {
		dst = emit(dst, "content_block_delta", func(w *writer) {
			w.Name("index").Int(int64(p.wire))
			w.Name("delta").Open('{')
			w.Member("type", "citations_delta")
			w.Name("citation").Raw(c)
			w.Close('}')
		})
	}
	p.cites = nil
	return dst
}

func (s *streamEncoder) sayThought(dst []byte, p *outPart, shell llm.Thought) []byte {
	if !p.open && p.text == "" {
		whole := shell
		whole.Seal = p.seal
		switch {
		case redacted(whole) && p.seal != nil && (s.same || p.done):
			data := sealText(p.seal)
			p.seal = nil
			return s.blockStart(dst, p, "redacted_thinking", func(w *writer) {
				w.Member("data", data)
				w.ext(shell.Ext, nil)
			})
		case shell.Redacted || !s.same && (!p.done || p.seal == nil):
			return dst
		}
	}
	if !p.open {
		dst = s.blockStart(dst, p, "thinking", func(w *writer) {
			w.Member("thinking", "")
			w.Member("signature", "")
			w.ext(shell.Ext, nil)
		})
	}
	if shell.Redacted {
		return dst
	}
	dst = s.delta(dst, p, "thinking_delta", "thinking")
	if p.seal != nil && (p.done || s.same) {
		p.text, p.seal = sealText(p.seal), nil
		dst = s.delta(dst, p, "signature_delta", "signature")
	}
	return dst
}

func (s *streamEncoder) sayCall(dst []byte, p *outPart, shell llm.Call) []byte {
	if !p.open {
		if p.text == "" && !p.done && !s.same {
			return dst
		}
		dst = s.blockStart(s.carry(dst, p), p, "tool_use", func(w *writer) {
			w.Member("id", shell.ID)
			w.Member("name", shell.Name)
			w.Name("input").Raw([]byte("{}"))
			w.ext(shell.Ext, nil)
		})
	}
	if shell.Custom { // free text becomes an object, for which all of it is needed
		if !p.done {
			return dst
		}
		shell.Args = p.text
		p.text = string(input(shell))
	}
	return s.delta(dst, p, "input_json_delta", "partial_json")
}

// sayOpaque writes a block that is whole. Clients build the input of a server tool from deltas, as it comes from the vendor.
func (s *streamEncoder) sayOpaque(dst []byte, p *outPart, shell llm.Opaque) []byte {
	switch {
	case p.open:
		return dst
	case shell.From != own:
		s.lost.add("content."+strconv.Itoa(p.index), shell.Kind+" is understood by "+string(shell.From)+" only")
		return dst
	}
	raw, input := splitInput(shell.Raw)
	dst = s.ready(dst, p)
	dst = emit(dst, "content_block_start", func(w *writer) {
		w.Name("index").Int(int64(p.wire))
		w.Name("content_block").Raw(raw)
	})
	p.text = input
	return s.delta(dst, p, "input_json_delta", "partial_json")
}

// carry writes the seal of a text or call in front of it, see sealCarrier.
func (s *streamEncoder) carry(dst []byte, p *outPart) []byte {
	if p.seal == nil || p.seal.Issuer == issuer {
		return dst
	}
	c := outPart{index: -1}
	dst = s.blockStart(dst, &c, "thinking", func(w *writer) {
		w.Member("thinking", "")
		w.Member("signature", "")
	})
	c.text = p.seal.Wrap()
	dst = s.delta(dst, &c, "signature_delta", "signature")
	return s.blockStop(dst, c.wire)
}

// ready gives a part its place on the wire.
func (s *streamEncoder) ready(dst []byte, p *outPart) []byte {
	dst = s.begin(dst)
	p.open, p.wire = true, s.next
	s.next++
	return dst
}

func (s *streamEncoder) blockStart(dst []byte, p *outPart, kind string, fill func(w *writer)) []byte {
	dst = s.ready(dst, p)
	return emit(dst, "content_block_start", func(w *writer) {
		w.Name("index").Int(int64(p.wire))
		w.Name("content_block").Open('{')
		w.Member("type", kind)
		fill(w)
		w.Close('}')
	})
}

// delta writes the text that waits, and nothing when there is none.
func (s *streamEncoder) delta(dst []byte, p *outPart, kind, member string) []byte {
	if p.text == "" {
		return dst
	}
	text := p.text
	p.text = ""
	return emit(dst, "content_block_delta", func(w *writer) {
		w.Name("index").Int(int64(p.wire))
		w.Name("delta").Open('{')
		w.Member("type", kind)
		w.Member(member, text)
		w.Close('}')
	})
}

func (s *streamEncoder) blockStop(dst []byte, wire int) []byte {
	return emit(dst, "content_block_stop", func(w *writer) { w.Name("index").Int(int64(wire)) })
}

func (s *streamEncoder) begin(dst []byte) []byte {
	if s.stage != before {
		return dst
	}
	s.stage = begun
	return emit(dst, "message_start", func(w *writer) {
		w.Name("message").Open('{')
		w.Member("id", s.id)
		w.Member("type", "message")
		w.Member("role", "assistant")
		w.Member("model", s.model)
		w.Name("content").Raw([]byte("[]"))
		w.Name("stop_reason").Raw([]byte("null"))
		w.Name("stop_sequence").Raw([]byte("null"))
		writeUsage(w, s.usage)
		w.Close('}')
	})
}

// settle writes the stop reason and the final usage.
func (s *streamEncoder) settle(dst []byte) []byte {
	dst = s.begin(dst)
	if s.stage >= settled {
		return dst
	}
	s.stage = settled
	return emit(dst, "message_delta", func(w *writer) {
		w.Name("delta").Open('{')
		writeStop(w, s.stop)
		w.Close('}')
		writeUsage(w, s.usage)
	})
}

func (s *streamEncoder) end(dst []byte) []byte {
	if s.stage == ended {
		return dst
	}
	dst = s.settle(dst)
	s.stage = ended
	return emit(dst, "message_stop", nil)
}

// Close ends a message whose stop reason is known. One without was cut, and must not look whole.
func (s *streamEncoder) Close(dst []byte) []byte {
	if !s.finished {
		return dst
	}
	return s.end(dst)
}

// Fail writes the error event. Nothing may follow it.
func (s *streamEncoder) Fail(dst []byte, err *llm.Error) []byte {
	s.stage, s.finished = ended, false
	dst = append(dst, "event: error\ndata: "...)
	dst = append(dst, Codec{}.EncodeError(err)...)
	return append(dst, "\n\n"...)
}

// Ping writes the vendor's own keep-alive.
func (s *streamEncoder) Ping(dst []byte) []byte { return emit(dst, "ping", nil) }

// emit appends one event whose data has the event's name as its type.
func emit(dst []byte, event string, fill func(w *writer)) []byte {
	dst = append(dst, "event: "...)
	dst = append(dst, event...)
	dst = append(dst, "\ndata: {\"type\":\""...)
	at := len(dst)
	dst = append(append(dst, event...), '"')
	w := writer{rawjson.Writer{B: dst}}
	if fill != nil {
		fill(&w)
	}
	w.Close('}')
	oneLine(w.B[at:])
	return append(w.B, "\n\n"...)
}

// oneLine takes the line ends out of JSON, in place: they can only be white space, and would end an event's data.
func oneLine(doc []byte) {
	for from := 0; ; {
		i := bytes.IndexAny(doc[from:], "\r\n")
		if i < 0 {
			return
		}
		from += i
		doc[from] = ' '
	}
}
