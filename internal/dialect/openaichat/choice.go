package openaichat

import (
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// open says which part of a choice is being written. Texts and thoughts come one after the other; calls may interleave and stay
// open until the end.
type open uint8

const (
	openNone open = iota
	openText
	openRefusal
	openThought
)

// choice is one alternative of a streamed answer.
type choice struct {
	index    int
	next     int // index of the next part
	part     int // the open one
	open     open
	word     string // finish reason
	refused  bool
	finished bool
	plain    bool // thoughts came without details
	prev     detail
	calls    []*call
	audio    audio
}

func (c *choice) event(kind llm.EventKind, part int) llm.Event {
	return llm.Event{Kind: kind, Choice: c.index, Index: part}
}

// close ends the open text or thought.
func (c *choice) close(dst []llm.Event) []llm.Event {
	if c.open == openNone {
		return dst
	}
	c.open = openNone
	return append(dst, c.event(llm.End, c.part))
}

func (c *choice) begin(dst []llm.Event, part llm.Part) ([]llm.Event, int) {
	e := c.event(llm.Begin, c.next)
	e.Part = part
	c.next++
	return append(dst, e), e.Index
}

// text appends to the open part, after beginning one if another kind is open.
func (c *choice) text(dst []llm.Event, kind open, text string) []llm.Event {
	if text == "" {
		return dst
	}
	if c.open != kind {
		var shell llm.Part = llm.Text{}
		switch kind {
		case openRefusal:
			shell, c.refused = llm.Text{Refusal: true}, true
		case openThought:
			shell = llm.Thought{}
		case openNone, openText:
		}
		dst, c.part = c.begin(c.close(dst), shell)
		c.open = kind
	}
	e := c.event(llm.Delta, c.part)
	e.Delta = text
	return append(dst, e)
}

// whole appends a part that comes in one piece.
func (c *choice) whole(dst []llm.Event, p llm.Part) []llm.Event {
	dst, n := c.begin(c.close(dst), p)
	return append(dst, c.event(llm.End, n))
}

// parts reads a content that is an array (Mistral), or images.
func (c *choice) parts(dst []llm.Event, value []byte) []llm.Event {
	_ = rawjson.Array(value, func(_ int, v []byte) bool {
		var r reader
		switch p := r.part("", v).(type) {
		case llm.Text:
			dst = c.text(dst, openText, p.Text)
		case llm.Thought:
			dst = c.text(dst, openThought, p.Text)
		case llm.Opaque:
			p.Raw = p.Raw.Clone() // the frame goes, the part stays
			dst = c.whole(dst, p)
		case llm.Media:
			p.Ext = nil // likewise
			dst = c.whole(dst, p)
		case llm.Call, llm.Result: // neither stands in a content
		}
		return true
	})
	return dst
}

// think appends reasoning. Where details come along they say the same text, and where one thought ends and the next begins; a
// provider that sent the text alone so far sends it again in closing details, of which only the seals are new.
func (c *choice) think(dst []llm.Event, reasoning, details []byte, seals sealer) []llm.Event {
	texts := false
	if len(details) > 2 && details[0] == '[' {
		_ = rawjson.Array(details, func(_ int, v []byte) bool {
			d := readDetail(v)
			texts = texts || d.text != ""
			if c.plain {
				d.text = ""
			}
			dst = c.detail(dst, &d, seals)
			return true
		})
	}
	if len(reasoning) > 2 && reasoning[0] == '"' && !texts {
		text, _ := rawjson.String(reasoning)
		c.plain = true
		dst = c.text(dst, openThought, text)
	}
	return dst
}

func (c *choice) detail(dst []llm.Event, d *detail, seals sealer) []llm.Event {
	if c.open == openThought && !c.plain && !d.continues(&c.prev) {
		dst = c.close(dst)
	}
	c.prev = *d
	c.prev.raw = nil
	dst = c.text(dst, openThought, d.text)
	seal := seals.seal(d)
	switch {
	case seal == nil:
	case c.open == openThought && d.kind != "reasoning.encrypted":
		e := c.event(llm.Sealed, c.part)
		e.Seal = seal
		dst = append(dst, e)
	default:
		dst = c.whole(dst, llm.Thought{Seal: seal, Redacted: d.kind == "reasoning.encrypted"})
	}
	return dst
}

// finish ends the parts that are open and, the first time, the choice.
func (c *choice) finish(dst []llm.Event, reply string) []llm.Event {
	dst = c.close(dst)
	if c.audio.said() {
		dst = c.whole(dst, llm.Opaque{From: own, Kind: "audio", Raw: c.audio.raw()})
		c.audio = audio{}
	}
	for i, call := range c.calls {
		if call.ended {
			continue
		}
		if !call.begun {
			dst = c.beginCall(dst, call, i, reply)
		}
		call.ended = true
		dst = append(dst, c.event(llm.End, call.part))
	}
	if c.finished {
		return dst
	}
	c.finished = true
	e := c.event(llm.Finish, 0)
	e.Stop = readStop(c.word, len(c.calls) > 0, c.refused)
	return append(dst, e)
}

// audio gathers a spoken answer, whose pieces mean nothing to other dialects: it becomes one part at the end.
type audio struct {
	id, transcript, expires []byte
	data                    []byte
}

func (a *audio) add(value []byte) {
	_ = rawjson.Object(value, func(name, v []byte) bool {
		s, _ := rawjson.String(v)
		switch string(name) {
		case "id":
			a.id = append(a.id[:0], s...)
		case "data":
			a.data = append(a.data, s...)
		case "transcript":
			a.transcript = append(a.transcript, s...)
		case "expires_at":
			a.expires = append(a.expires[:0], v...)
		}
		return true
	})
}

func (a *audio) said() bool { return len(a.id)+len(a.data) > 0 }

func (a *audio) raw() []byte {
	var w writer
	w.Open('{')
	w.Member("id", string(a.id))
	w.Member("data", string(a.data))
	if len(a.expires) > 0 {
		w.Name("expires_at").Raw(a.expires)
	}
	w.Member("transcript", string(a.transcript))
	w.Close('}')
	return w.B
}
