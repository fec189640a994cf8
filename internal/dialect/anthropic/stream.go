package anthropic

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/dialect/codec"
	"tidegate/internal/frame/sse"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// streamDecoder reads the events of one streamed message. Blocks are known by the index that the provider gives them; parts are
// counted anew in the order in which they begin, since a spliced stream counts its blocks from zero again.
type streamDecoder struct {
	d       decoder
	open    []block // not yet stopped; nearly always one
	next    int     // index of the next part
	calls   bool    // a client tool was called
	use     tally
	started bool
	stopped bool // a stop reason came
	done    bool
}

// block is an open content block.
type block struct {
	wire  int64 // the provider's index
	part  int   // ours; -1 for an opaque block, whose part begins when it is whole
	input []byte
	whole []byte // opaque: the block so far; a call: the input that came with its start
	call  bool
}

// NewStreamDecoder reads one streamed answer.
func (Codec) NewStreamDecoder(from llm.Target) codec.StreamDecoder {
	return &streamDecoder{d: decoder{reply: true, issuer: from.Issuer}}
}

// Decode reads one event. Frames without data, pings and unknown events say nothing.
func (s *streamDecoder) Decode(dst []llm.Event, frame sse.Frame) ([]llm.Event, error) {
	data := bytes.TrimSpace(frame.Data)
	if len(data) == 0 || string(data) == "[DONE]" { // some compatible servers end like OpenAI
		return dst, nil
	}
	var kind, delta, inner []byte
	index := int64(0)
	err := rawjson.Object(data, func(name, v []byte) bool {
		switch string(name) {
		case "type":
			kind = v
		case "index":
			index, _ = rawjson.Int(v)
		case "delta":
			delta = v
		case "content_block", "message":
			inner = v
		}
		return true
	})
	if err != nil {
		return dst, unreadable(frame.Raw, err)
	}
	switch string(kind) {
	case `"content_block_delta"`:
		return s.delta(dst, index, delta), nil
	case `"content_block_start"`:
		return s.start(dst, index, inner)
	case `"content_block_stop"`:
		return s.stop(dst, index), nil
	case `"message_start"`:
		return s.message(dst, inner), nil
	case `"message_delta"`:
		return s.finish(dst, data, delta), nil
	case `"message_stop"`:
		return s.end(dst), nil
	}
	if e := errorIn(data); e != nil {
		e.Raw = keep(frame.Raw)
		return dst, e
	}
	return append(dst, llm.Event{Kind: llm.Other}), nil
}

// message begins the reply. A second one, of a stream that was pieced together, only adds its usage.
func (s *streamDecoder) message(dst []llm.Event, v []byte) []llm.Event {
	if !s.started {
		s.started = true
		e := llm.Event{Kind: llm.Start}
		e.ID, _ = rawjson.String(rawjson.Get(v, "id"))
		e.Model, _ = rawjson.String(rawjson.Get(v, "model"))
		dst = append(dst, e)
	}
	dst = s.closeAll(dst)
	return s.meter(dst, rawjson.Get(v, "usage"))
}

func (s *streamDecoder) meter(dst []llm.Event, usage []byte) []llm.Event {
	if rawjson.IsNull(usage) {
		return dst
	}
	s.use.add(usage)
	if u := s.use.usage(); u != nil {
		dst = append(dst, llm.Event{Kind: llm.Metered, Usage: u})
	}
	return dst
}

func (s *streamDecoder) start(dst []llm.Event, index int64, v []byte) ([]llm.Event, error) {
	dst = s.stop(dst, index) // a block that was never stopped
	b := block{wire: index, part: s.next}
	kind, _ := rawjson.String(rawjson.Get(v, "type"))
	shell := llm.Event{Kind: llm.Begin, Index: s.next}
	var more []llm.Event // what the start already holds
	switch kind {
	case "text":
		shell.Part, more = s.startText(v)
	case "thinking":
		shell.Part, more = s.startThought(v)
	case "redacted_thinking":
		p, err := s.d.redacted(v)
		if err != nil {
			return dst, unreadable(v, err)
		}
		shell.Part = p
	case "tool_use":
		p, err := s.d.call(v)
		if err != nil {
			return dst, unreadable(v, err)
		}
		c, _ := p.(llm.Call)
		b.call, s.calls = true, true
		b.whole = []byte(c.Args)
		c.Args = ""
		shell.Part = c
	default:
		b.part, b.whole = -1, keep(v)
		s.open = append(s.open, b)
		return append(dst, llm.Event{Kind: llm.Other}), nil
	}
	s.open = append(s.open, b)
	s.next++
	dst = append(dst, shell)
	for _, e := range more {
		e.Index = b.part
		dst = append(dst, e)
	}
	return dst, nil
}

func (s *streamDecoder) startText(v []byte) (llm.Part, []llm.Event) {
	var more []llm.Event
	var x extras
	_ = rawjson.Object(v, func(name, v []byte) bool {
		switch string(name) {
		case "type":
		case "text":
			if t, _ := rawjson.String(v); t != "" {
				more = append(more, llm.Event{Kind: llm.Delta, Delta: t})
			}
		case "citations":
			if cites, _ := citations(v); len(cites) > 0 {
				more = append(more, llm.Event{Kind: llm.Cited, Cites: cites})
			}
		default:
			x.add(name, v)
		}
		return true
	})
	return llm.Text{Ext: x.ext()}, more
}

func (s *streamDecoder) startThought(v []byte) (llm.Part, []llm.Event) {
	var more []llm.Event
	if t, _ := rawjson.String(rawjson.Get(v, "thinking")); t != "" {
		more = append(more, llm.Event{Kind: llm.Delta, Delta: t})
	}
	if t, _ := rawjson.String(rawjson.Get(v, "signature")); t != "" {
		more = append(more, llm.Event{Kind: llm.Sealed, Seal: s.d.seal(t)})
	}
	return llm.Thought{}, more
}

// delta is the hot path: nearly every frame of a stream is one.
func (s *streamDecoder) delta(dst []llm.Event, index int64, v []byte) []llm.Event {
	b := s.block(index)
	if b == nil {
		return append(dst, llm.Event{Kind: llm.Other})
	}
	if b.part < 0 {
		b.grow(v)
		return append(dst, llm.Event{Kind: llm.Other})
	}
	var kind, value []byte
	_ = rawjson.Object(v, func(name, v []byte) bool {
		if string(name) == "type" {
			kind = v
		} else if value == nil {
			value = v
		}
		return true
	})
	e := llm.Event{Index: b.part}
	switch string(kind) {
	case `"text_delta"`, `"thinking_delta"`:
		e.Kind = llm.Delta
		e.Delta, _ = rawjson.String(value)
	case `"input_json_delta"`:
		e.Kind = llm.Delta
		e.Delta, _ = rawjson.String(value)
		if e.Delta != "" {
			b.whole = nil // it comes in pieces
			b.call = false
		}
	case `"signature_delta"`:
		e.Kind = llm.Sealed
		t, _ := rawjson.String(value)
		if e.Seal = s.d.seal(t); e.Seal == nil {
			e.Kind = llm.Other
		}
	case `"citations_delta"`:
		e.Kind = llm.Cited
		e.Cites = []llm.Citation{citation(value)}
	default:
		e.Kind = llm.Other
	}
	return append(dst, e)
}

// grow puts a delta into an opaque block: pieces of JSON are its input, any other member is its member of the same name.
func (b *block) grow(v []byte) {
	_ = rawjson.Object(v, func(name, v []byte) bool {
		switch string(name) {
		case "type":
		case "partial_json":
			piece, _ := rawjson.String(v)
			b.input = append(b.input, piece...)
		default:
			before, ok := rawjson.String(rawjson.Get(b.whole, string(name)))
			if piece, isText := rawjson.String(v); ok && isText {
				v = rawjson.AppendQuote(nil, before+piece)
			}
			b.set(string(name), v)
		}
		return true
	})
}

func (b *block) set(name string, v []byte) {
	if out, err := rawjson.Patch(b.whole, rawjson.Edit{Name: name, Value: keep(v)}); err == nil {
		b.whole = out
	}
}

func (s *streamDecoder) block(index int64) *block {
	for i := range s.open {
		if s.open[i].wire == index {
			return &s.open[i]
		}
	}
	return nil
}

// stop ends the block of an index; nothing when there is none.
func (s *streamDecoder) stop(dst []llm.Event, index int64) []llm.Event {
	for i := range s.open {
		if s.open[i].wire != index {
			continue
		}
		dst = s.whole(dst, &s.open[i])
		s.open = append(s.open[:i], s.open[i+1:]...)
		break
	}
	return dst
}

func (s *streamDecoder) closeAll(dst []llm.Event) []llm.Event {
	for i := range s.open {
		dst = s.whole(dst, &s.open[i])
	}
	s.open = s.open[:0]
	return dst
}

// whole says what is left to say of a block.
func (s *streamDecoder) whole(dst []llm.Event, b *block) []llm.Event {
	if b.part < 0 {
		if len(b.input) > 0 {
			input := b.input
			if rawjson.Check(input) != nil { // cut off
				input = rawjson.AppendQuote(nil, string(input))
			}
			b.set("input", input)
		}
		kind, _ := rawjson.String(rawjson.Get(b.whole, "type"))
		dst = append(dst, llm.Event{
			Kind: llm.Begin, Index: s.next,
			Part: llm.Opaque{From: own, Kind: kind, Raw: jsontext.Value(b.whole)},
		})
		b.part = s.next
		s.next++
	} else if b.call && len(b.whole) > 0 { // no pieces came: the start had it all, or there are no arguments
		dst = append(dst, llm.Event{Kind: llm.Delta, Index: b.part, Delta: string(b.whole)})
	}
	return append(dst, llm.Event{Kind: llm.End, Index: b.part})
}

func (s *streamDecoder) finish(dst []llm.Event, data, delta []byte) []llm.Event {
	dst = s.meter(dst, rawjson.Get(data, "usage"))
	stop, said := readStop(delta, s.calls)
	if !said {
		return dst
	}
	s.stopped = true
	return append(s.closeAll(dst), llm.Event{Kind: llm.Finish, Stop: stop})
}

func (s *streamDecoder) end(dst []llm.Event) []llm.Event {
	dst = s.closeAll(dst)
	if s.done || !s.stopped { // a terminator without a stop reason: Close will say that something is missing
		return dst
	}
	s.done = true
	return append(dst, llm.Event{Kind: llm.Done})
}

// Close tells a whole stream from one that was cut: only a stop reason makes it whole, the terminator may be missing.
func (s *streamDecoder) Close(dst []llm.Event) ([]llm.Event, error) {
	if !s.stopped {
		return s.closeAll(dst), &llm.Error{
			Class: llm.Network, Code: "upstream_truncated", Message: "the provider's answer broke off", Sent: true, Dialect: own,
			Err: errors.New("the stream ended without a stop reason"),
		}
	}
	return s.end(dst), nil
}
