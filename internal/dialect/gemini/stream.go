package gemini

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/dialect/codec"
	"tidegate/internal/frame/sse"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// maxCandidates bounds a candidate's index; Google allows 8.
const maxCandidates = 128

// Events of kind Other carry, as an Opaque of ours, what the model has no word for: members of a candidate, members of the
// response, and the mark that a frame held a finishReason. Our encoder knows them; the others pass over them.
const (
	ofCandidate = "candidate"
	ofResponse  = "response"
	ofFinish    = "finishReason"
)

// streamDecoder reads the frames of one answer. Every frame is a full GenerateContentResponse, so a whole answer is a stream of
// one frame.
//
// A finishReason ends nothing: streams with code execution say STOP, go on, and say it again (recorded with gemini-2.5-flash).
// So the last one counts, and Finish is said when the stream ends.
type streamDecoder struct {
	issuer  string
	major   int  // generation of the model
	entire  bool // a whole answer: it need not say why it stopped
	out     []llm.Event
	err     error
	started bool
	id      string
	cands   []*candidate
	blocked *llm.Stop // the prompt was refused
	counts  counts
	usage   llm.Usage
	queries int64
}

// candidate is one alternative being read.
type candidate struct {
	index    int
	next     int  // parts begun
	open     byte // what part next-1 is: 0 closed, 't' text, 'h' thought, 'c' a call that comes in pieces
	sealed   bool // the open part has its signature: nothing can follow in it
	calls    int  //
	pieces   *pieceTree
	bytes    int // of text so far, in all parts
	textFrom int // where in them the open text begins
	cited    map[citeKey]bool
	queries  int64
	stop     llm.Stop
	stopped  bool
}

// NewStreamDecoder reads one streamed answer.
func (Codec) NewStreamDecoder(from llm.Target) codec.StreamDecoder { return newDecoder(from) }

func newDecoder(from llm.Target) *streamDecoder {
	d := &streamDecoder{issuer: from.Issuer}
	if d.issuer == "" {
		d.issuer = issuer
	}
	d.major, _ = version(from.Model)
	return d
}

// Decode appends the events of one frame.
func (d *streamDecoder) Decode(dst []llm.Event, frame sse.Frame) ([]llm.Event, error) {
	doc := bytes.TrimSpace(frame.Data)
	if len(doc) == 0 {
		return dst, nil
	}
	events, err := d.response(dst, doc)
	if e, ok := errors.AsType[*llm.Error](err); ok {
		if e.Raw = bytes.Clone(frame.Raw); e.Class == llm.Network {
			e.Raw = nil // nothing that a client could read
		}
	}
	return events, err
}

// Close says what was held back: why each alternative stopped.
func (d *streamDecoder) Close(dst []llm.Event) ([]llm.Event, error) {
	d.out = dst
	if d.blocked != nil && len(d.cands) == 0 {
		return append(d.out, llm.Event{Kind: llm.Finish, Stop: *d.blocked}, llm.Event{Kind: llm.Done}), nil
	}
	whole := len(d.cands) > 0
	for _, c := range d.cands {
		whole = whole && (c == nil || c.stopped)
	}
	if !whole && !(d.entire && len(d.cands) > 0) {
		return dst, &llm.Error{Class: llm.Network, Code: "upstream_truncated", Message: "the provider's answer broke off", Sent: true}
	}
	for _, c := range d.cands {
		if c == nil {
			continue
		}
		d.end(c)
		if c.calls > 0 && c.stop.Reason == llm.StopEnd {
			c.stop.Reason = llm.StopTools // Gemini says STOP
		}
		d.out = append(d.out, llm.Event{Kind: llm.Finish, Choice: c.index, Stop: c.stop})
	}
	return append(d.out, llm.Event{Kind: llm.Done}), nil
}

// response reads one GenerateContentResponse.
func (d *streamDecoder) response(dst []llm.Event, doc []byte) ([]llm.Event, error) {
	if doc[0] == '[' { // an error may come as a list of one
		first := doc
		_ = rawjson.Array(doc, func(_ int, item []byte) bool { first = item; return false })
		if rawjson.Get(first, "error") != nil {
			return dst, readError(0, nil, doc)
		}
	}
	d.out, d.err = dst, nil
	var candidates, feedback, usage, failure, id, model, created []byte
	var rest extra
	err := members(doc, func(name, value []byte) {
		switch string(name) {
		case "candidates":
			candidates = value
		case "usageMetadata":
			usage = value
		case "modelVersion":
			model = value
		case "responseId":
			id = value
		case "promptFeedback":
			feedback = value
			rest.add(name, value)
		case "createTime":
			created = value
		case "error":
			failure = value
		default:
			rest.add(name, value)
		}
	})
	if err != nil {
		return dst, unreadable(err)
	}
	if failure != nil {
		return dst, readError(0, nil, doc)
	}
	if !d.started && (candidates != nil || usage != nil || feedback != nil) {
		d.start(id, model, created)
	}
	if candidates != nil {
		err := rawjson.Array(candidates, func(i int, c []byte) bool { d.candidate(i, c); return d.err == nil })
		if err != nil || d.err != nil {
			return dst, unreadable(fmt.Errorf("candidates: %w", firstError(d.err, err)))
		}
	}
	if feedback != nil {
		d.feedback(feedback)
	}
	if raw := rest.raw(); raw != nil {
		d.other(0, ofResponse, raw)
	}
	d.meter(usage)
	return d.out, nil
}

// feedback reads a promptFeedback: a prompt that was refused has no candidates.
func (d *streamDecoder) feedback(raw []byte) {
	if reason := rawjson.Get(raw, "blockReason"); reason != nil {
		stop := readStop(reason)
		stop.Reason, stop.Detail = llm.StopFiltered, bytes.Clone(raw)
		d.blocked = &stop
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func unreadable(err error) *llm.Error {
	return &llm.Error{
		Class: llm.Network, Code: "upstream_invalid_response", Message: "the provider's answer is not readable", Sent: true, Err: err,
	}
}

func (d *streamDecoder) start(id, model, created []byte) {
	d.started = true
	d.id = text(id)
	e := llm.Event{Kind: llm.Start, ID: d.id, Model: text(model)}
	if t, err := time.Parse(time.RFC3339Nano, text(created)); err == nil {
		e.Created = t.Unix()
	}
	d.out = append(d.out, e)
}

// meter takes over a usageMetadata: it is cumulative, and stands in nearly every frame.
func (d *streamDecoder) meter(raw []byte) {
	var queries int64
	for _, c := range d.cands {
		if c != nil {
			queries += c.queries
		}
	}
	if (raw == nil || bytes.Equal(raw, d.usage.Raw)) && queries == d.queries {
		return
	}
	d.queries = queries
	if raw != nil {
		d.counts.read(raw)
		d.usage.Raw = bytes.Clone(raw)
	}
	if !d.counts.known {
		return // only the kind of traffic
	}
	d.usage = d.counts.usage(d.usage.Raw)
	// Gemini 3 bills every query, earlier models the grounded request (ai.google.dev/gemini-api/docs/google-search#pricing,
	// seen 2026-11-24).
	if d.usage.N[llm.Searches] = queries; d.major < 3 {
		d.usage.N[llm.Searches] = min(queries, 1)
	}
	d.out = append(d.out, llm.Event{Kind: llm.Metered, Usage: &d.usage})
}

func (d *streamDecoder) other(choice int, kind string, raw jsontext.Value) {
	d.out = append(d.out, llm.Event{Kind: llm.Other, Choice: choice, Part: llm.Opaque{From: llm.Gemini, Kind: kind, Raw: raw}})
}

// candidate reads one alternative of a frame. The index comes last in it, so everything is found first and read then.
func (d *streamDecoder) candidate(i int, raw []byte) {
	var content, finish, grounding, citations, logprobs []byte
	var rest extra
	index := int64(i)
	err := members(raw, func(name, value []byte) {
		switch string(name) {
		case "content":
			content = value
		case "finishReason":
			finish = value
		case "index":
			index, _ = whole(value)
		case "logprobsResult":
			logprobs = value
			rest.add(name, value)
		case "groundingMetadata":
			grounding = value
			rest.add(name, value)
		case "citationMetadata":
			citations = value
			rest.add(name, value)
		default:
			rest.add(name, value)
		}
	})
	if err != nil || index < 0 || index >= maxCandidates {
		d.err = firstError(err, fmt.Errorf("index %d", index))
		return
	}
	c := d.alternative(int(index))
	if parts := rawjson.Get(content, "parts"); parts != nil {
		if err := list(parts, func(_ int, p []byte) { d.part(c, p) }); err != nil {
			d.err = firstError(d.err, err)
		}
	}
	d.ground(c, grounding)
	d.recite(c, citations)
	if logprobs != nil {
		d.out = append(d.out, llm.Event{Kind: llm.Logprob, Choice: c.index, Value: readLogprobs(logprobs)})
	}
	extras := rest.raw()
	if extras != nil {
		d.other(c.index, ofCandidate, extras)
	}
	if finish == nil {
		return
	}
	if stop := readStop(finish); stop.Reason != llm.StopNone {
		if stop.Reason == llm.StopFiltered {
			stop.Detail = extras
		}
		c.stop, c.stopped = stop, true
		d.other(c.index, ofFinish, nil)
	}
}

func (d *streamDecoder) alternative(index int) *candidate {
	for len(d.cands) <= index {
		d.cands = append(d.cands, nil)
	}
	if d.cands[index] == nil {
		d.cands[index] = &candidate{index: index}
	}
	return d.cands[index]
}

// part reads one part of a frame.
func (d *streamDecoder) part(c *candidate, raw []byte) {
	var f partFields
	if err := f.read(raw); err != nil {
		d.err = firstError(d.err, err)
		return
	}
	switch {
	case f.kind == "" && f.thought:
		d.say(c, 'h', &f)
	case f.kind == "":
		d.say(c, 't', &f)
	case f.kind == "functionCall":
		d.call(c, &f)
	default:
		p, err := f.part(raw, d.issuer)
		if err != nil || p == nil {
			p = llm.Opaque{From: llm.Gemini, Kind: f.kind, Raw: bytes.Clone(raw)}
		}
		if _, ok := p.(llm.Result); ok { // no reply has those
			p = llm.Opaque{From: llm.Gemini, Kind: f.kind, Raw: bytes.Clone(raw)}
		}
		d.begin(c, 0, p)
		d.out = append(d.out, llm.Event{Kind: llm.End, Choice: c.index, Index: c.next - 1})
	}
}

// say continues the open text or thought, or begins one. A signature belongs to what it stands with, or, with no text of its
// own, to what was just said.
func (d *streamDecoder) say(c *candidate, kind byte, f *partFields) {
	said, seal := text(f.text), unseal(f.seal, d.issuer)
	if said == "" && seal == nil {
		return
	}
	if c.open != kind || c.sealed {
		switch kind {
		case 't':
			d.begin(c, kind, llm.Text{Ext: f.rest.ext()})
		case 'h':
			shell := llm.Thought{Redacted: f.text == nil, Ext: f.rest.ext()}
			if shell.Redacted {
				shell.Seal, seal = seal, nil // nothing but its seal
			}
			d.begin(c, kind, shell)
			c.sealed = shell.Redacted
		}
	}
	if said != "" {
		if kind == 't' {
			c.bytes += len(said)
		}
		d.out = append(d.out, llm.Event{Kind: llm.Delta, Choice: c.index, Index: c.next - 1, Delta: said})
	}
	if seal != nil {
		c.sealed = true
		d.out = append(d.out, llm.Event{Kind: llm.Sealed, Choice: c.index, Index: c.next - 1, Seal: seal})
	}
}

// begin closes the open part and begins the next.
func (d *streamDecoder) begin(c *candidate, kind byte, p llm.Part) {
	d.end(c)
	c.open, c.textFrom = kind, c.bytes
	d.out = append(d.out, llm.Event{Kind: llm.Begin, Choice: c.index, Index: c.next, Part: p})
	c.next++
}

// end closes the open part, if there is one.
func (d *streamDecoder) end(c *candidate) {
	if c.open == 0 {
		return
	}
	if c.pieces != nil {
		d.out = append(d.out, llm.Event{Kind: llm.Delta, Choice: c.index, Index: c.next - 1, Delta: c.pieces.json()})
		c.pieces = nil
	}
	d.out = append(d.out, llm.Event{Kind: llm.End, Choice: c.index, Index: c.next - 1})
	c.open, c.sealed = 0, false
}

// call reads a function call: whole in one part or, when the caller asked for it (streamFunctionCallArguments, Vertex), a name
// with willContinue, then pieces, then an empty call.
func (d *streamDecoder) call(c *candidate, f *partFields) {
	var pieces, more []byte
	_ = members(f.data, func(name, value []byte) {
		switch string(name) {
		case "partialArgs":
			pieces = value
		case "willContinue":
			more = value
		}
	})
	p, err := f.part(nil, d.issuer)
	call, ok := p.(llm.Call)
	if err != nil || !ok {
		d.err = firstError(d.err, err)
		return
	}
	if call.Name == "" && c.open != 'c' {
		return
	}
	if call.Name != "" {
		seal := call.Seal
		shell := llm.Call{ID: call.ID, Name: call.Name}
		if more == nil && pieces == nil {
			shell.Ext = call.Ext
		}
		if shell.ID == "" {
			shell.ID = d.callID(c)
		}
		c.calls++
		d.begin(c, 'c', shell)
		if seal != nil {
			d.out = append(d.out, llm.Event{Kind: llm.Sealed, Choice: c.index, Index: c.next - 1, Seal: seal})
		}
		if call.Args != "" {
			d.out = append(d.out, llm.Event{Kind: llm.Delta, Choice: c.index, Index: c.next - 1, Delta: call.Args})
		}
	}
	if pieces != nil {
		if c.pieces == nil {
			c.pieces = new(pieceTree)
		}
		c.pieces.add(pieces)
	}
	if !isTrue(more) {
		d.end(c)
	}
}

// callID makes the id that Gemini leaves out. It holds the answer's own id, so that it is unique within a conversation, and
// fits OpenAI's 40 characters and Anthropic's alphabet.
func (d *streamDecoder) callID(c *candidate) string {
	id := make([]byte, 0, 40)
	id = append(id, "call_"...)
	for i := 0; i < len(d.id) && len(id) < 29; i++ {
		if b := d.id[i]; b == '-' || b == '_' || '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'z' {
			id = append(id, b)
		}
	}
	if len(id) > len("call_") {
		id = append(id, '_')
	}
	if c.index > 0 {
		id = fmt.Appendf(id, "%d_", c.index)
	}
	return string(fmt.Appendf(id, "%d", c.calls))
}
