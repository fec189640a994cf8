package openaichat

import (
	"bytes"

	"tidegate/internal/dialect/codec"
	"tidegate/internal/frame/sse"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// NewStreamDecoder reads one streamed answer.
func (Codec) NewStreamDecoder(from llm.Target) codec.StreamDecoder {
	return &decoder{q: quirks(from), seals: sealer{from.Issuer}}
}

// decoder is the state of one streamed answer.
type decoder struct {
	q       *llm.Quirks
	seals   sealer
	id      string
	started bool
	cited   bool
	done    bool
	counts  counts
	usage   llm.Usage
	choices []*choice
}

// chunk is one frame's members, raw.
type chunk struct {
	id, model, created, choices, usage, failure, sources, tier []byte
	odd                                                        bool // an error's shape
}

func (c *chunk) member(name, value []byte) bool {
	switch string(name) {
	case "id":
		c.id = value
	case "model":
		c.model = value
	case "created":
		c.created = value
	case "choices":
		c.choices = value
	case "usage":
		if !rawjson.IsNull(value) {
			c.usage = value
		}
	case "x_groq":
		if usage := rawjson.Get(value, "usage"); usage != nil {
			c.usage = usage
		}
	case "error":
		if !rawjson.IsNull(value) {
			c.failure = value
		}
	case "service_tier":
		c.tier = value
	case "search_results":
		c.sources = value
	case "citations":
		if c.sources == nil {
			c.sources = value
		}
	case "detail":
		c.odd = true
	case "object":
		c.odd = c.odd || string(value) == `"error"`
	}
	return true
}

// Decode appends what a frame says.
func (d *decoder) Decode(dst []llm.Event, frame sse.Frame) ([]llm.Event, error) {
	data := bytes.TrimSpace(frame.Data)
	switch {
	case d.done:
		return dst, nil
	case len(data) == 0:
		if rest, ok := bytes.CutPrefix(frame.Raw, []byte("error:")); ok { // llama.cpp: a field of its own
			return dst, inBand(bytes.Clone(rest), bytes.Clone(frame.Raw))
		}
		return dst, nil
	case string(data) == "[DONE]":
		return d.finish(dst)
	case data[0] != '{' && string(frame.Event) != "error":
		return dst, brokenFrame()
	}
	var c chunk
	if err := rawjson.Object(data, c.member); err != nil && string(frame.Event) != "error" {
		return dst, brokenFrame()
	}
	if !d.started && (len(c.choices) > 2 || c.usage != nil) {
		dst = d.start(dst, &c)
	}
	var err error
	if len(c.choices) > 2 && c.choices[0] == '[' {
		err = rawjson.Array(c.choices, func(_ int, value []byte) bool {
			dst = d.choice(dst, value)
			return true
		})
	}
	if c.sources != nil && !d.cited {
		dst = d.cite(dst, c.sources)
	}
	if c.tier != nil && d.counts.tier == "" {
		d.counts.tier, _ = rawjson.String(c.tier)
	}
	if c.usage != nil {
		d.counts.read(c.usage)
		d.counts.into(&d.usage, d.q)
		dst = append(dst, llm.Event{Kind: llm.Metered, Usage: &d.usage})
	}
	switch {
	case c.failure != nil, string(frame.Event) == "error", c.odd && c.choices == nil:
		return dst, inBand(bytes.Clone(data), bytes.Clone(frame.Raw))
	case err != nil:
		return dst, brokenFrame()
	}
	return dst, nil
}

func brokenFrame() *llm.Error {
	return &llm.Error{Class: llm.Network, Code: "upstream_invalid_frame", Message: "the provider sent an event that cannot be read", Sent: true}
}

func (d *decoder) start(dst []llm.Event, c *chunk) []llm.Event {
	d.started = true
	e := llm.Event{Kind: llm.Start, Created: unixSeconds(c.created)}
	e.ID, _ = rawjson.String(c.id)
	e.Model, _ = rawjson.String(c.model)
	d.id = e.ID
	return append(dst, e)
}

// cite gives Perplexity's sources to the first text, as soon as there is one.
func (d *decoder) cite(dst []llm.Event, value []byte) []llm.Event {
	if len(d.choices) == 0 || d.choices[0].open != openText {
		return dst
	}
	d.cited = true
	if all := sources(value); len(all) > 0 {
		c := d.choices[0]
		dst = append(dst, llm.Event{Kind: llm.Cited, Choice: c.index, Index: c.part, Cites: all})
	}
	return dst
}

// at finds the state of a choice. There are few, and nearly always one.
func (d *decoder) at(index int) *choice {
	for _, c := range d.choices {
		if c.index == index {
			return c
		}
	}
	c := &choice{index: index}
	d.choices = append(d.choices, c)
	return c
}

func (d *decoder) choice(dst []llm.Event, value []byte) []llm.Event {
	var (
		s                speech
		index            int64
		delta, whole     []byte
		logprobs, finish []byte
	)
	_ = rawjson.Object(value, func(name, v []byte) bool {
		switch string(name) {
		case "index":
			index, _ = rawjson.Int(v)
		case "delta":
			delta = v
		case "message":
			whole = v
		case "logprobs":
			logprobs = v
		case "finish_reason":
			finish = v
		}
		return true
	})
	c := d.at(int(index))
	if delta == nil && c.next == 0 {
		delta = whole // a provider that answers at once
	}
	if len(delta) > 0 && delta[0] == '{' {
		_ = rawjson.Object(delta, func(name, v []byte) bool { s.take(name, v); return true })
		dst = d.say(dst, c, &s)
	}
	if len(logprobs) > 0 && logprobs[0] == '{' {
		dst = append(dst, llm.Event{Kind: llm.Logprob, Choice: c.index, Value: logprobs})
	}
	if len(finish) > 2 && finish[0] == '"' {
		c.word, _ = rawjson.String(finish)
		if len(c.calls) == 0 {
			return c.finish(dst, d.id)
		}
		// Some providers say a finish reason with every tool call and go on (OpenRouter in front of Gemini), so one beside calls
		// only counts when the stream is over. The event tells the encoder of the same dialect that the frame has said it.
		dst = append(dst, llm.Event{Kind: llm.Other, Choice: c.index, Stop: llm.Stop{Raw: c.word}})
	}
	return dst
}

// say appends what a delta says, in the order in which a whole message is read.
func (d *decoder) say(dst []llm.Event, c *choice, s *speech) []llm.Event {
	if s.reasoning != nil || s.details != nil {
		dst = c.think(dst, s.reasoning, s.details, d.seals)
	}
	if len(s.content) > 2 {
		switch s.content[0] {
		case '"':
			text, _ := rawjson.String(s.content)
			dst = c.text(dst, openText, text)
		case '[':
			dst = c.parts(dst, s.content)
		}
	}
	if len(s.refusal) > 2 && s.refusal[0] == '"' {
		text, _ := rawjson.String(s.refusal)
		dst = c.text(dst, openRefusal, text)
	}
	if len(s.images) > 2 {
		dst = c.parts(dst, s.images)
	}
	if s.audio != nil {
		c.audio.add(s.audio)
	}
	if len(s.annotations) > 2 && c.open == openText {
		dst = append(dst, llm.Event{Kind: llm.Cited, Choice: c.index, Index: c.part, Cites: citations(s.annotations, "")})
	}
	if text, ok := rawjson.String(s.google); ok && c.open == openText {
		dst = append(dst, llm.Event{Kind: llm.Sealed, Choice: c.index, Index: c.part, Seal: llm.Unwrap(text, "google")})
	}
	if len(s.calls) > 2 && s.calls[0] == '[' {
		_ = rawjson.Array(s.calls, func(_ int, v []byte) bool {
			dst = c.callDelta(dst, v, d.id)
			return true
		})
	}
	if len(s.legacy) > 2 && s.legacy[0] == '{' {
		dst = c.legacyDelta(dst, s.legacy, d.id)
	}
	return dst
}

// finish ends every choice, and with them the stream.
func (d *decoder) finish(dst []llm.Event) ([]llm.Event, error) {
	d.done = true
	if len(d.choices) == 0 { // a choice that says nothing is for routing to judge
		return dst, unreadable("upstream_empty")
	}
	for _, c := range d.choices {
		dst = c.finish(dst, d.id)
	}
	return append(dst, llm.Event{Kind: llm.Done}), nil
}

// Close ends a stream that lacked its [DONE] but had all its finish reasons.
func (d *decoder) Close(dst []llm.Event) ([]llm.Event, error) {
	if d.done {
		return dst, nil
	}
	whole := len(d.choices) > 0
	for _, c := range d.choices {
		whole = whole && c.word != ""
	}
	if !whole {
		d.done = true
		e := unreadable("upstream_truncated")
		return dst, e
	}
	return d.finish(dst)
}
