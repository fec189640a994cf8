package gemini

import (
	"bytes"

	"tidegate/internal/dialect/codec"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// streamEncoder writes the frames of one answer: each a full response with what is new. The last one carries why it stopped and
// the usage, and there is no terminator.
type streamEncoder struct {
	opt    codec.StreamOptions
	crlf   bool // Google ends lines with CRLF; what we add to its stream does too
	id     string
	model  string
	usage  *llm.Usage
	blocks []byte // promptFeedback and the like, for the last frame
	cands  []*outCandidate
	losses []llm.Loss
	closed bool
}

// outCandidate is one alternative being written.
type outCandidate struct {
	parts    []outPart
	fresh    rawjson.Writer // parts of the frame being made
	extras   []byte         // members of the candidate, of Gemini's own
	found    grounding
	grounded bool // Gemini's own grounding went out
	text     int  // bytes of text so far
	stop     llm.Stop
	stopped  bool
	told     bool // a finishReason went out, in a frame that was passed on
	logprobs []byte
}

// outPart is one part being written. Calls are gathered, since Gemini sends them whole.
type outPart struct {
	part  llm.Part
	from  int // where in the text it begins
	args  []byte
	seal  *llm.Seal
	cites []llm.Citation
}

// NewStreamEncoder writes one streamed answer.
func (Codec) NewStreamEncoder(opt codec.StreamOptions) codec.StreamEncoder {
	return &streamEncoder{opt: opt, id: opt.ID, model: opt.Model}
}

// Append appends the frames for one step.
func (e *streamEncoder) Append(dst []byte, step llm.Step, same bool) []byte {
	raw := same && step.Raw != nil
	done := false
	for i := range step.Events {
		ev := &step.Events[i]
		e.take(ev, raw)
		done = done || ev.Kind == llm.Done
	}
	if raw {
		e.crlf = bytes.HasSuffix(step.Raw, []byte("\r\n"))
		return append(dst, step.Raw...)
	}
	if dst = e.frame(dst, false); done {
		dst = e.Close(dst)
	}
	return dst
}

// Close appends the last frame, unless it went out.
func (e *streamEncoder) Close(dst []byte) []byte {
	if e.closed {
		return dst
	}
	e.closed = true
	return e.frame(dst, true)
}

// Fail appends an error as Google sends it within a stream.
func (e *streamEncoder) Fail(dst []byte, err *llm.Error) []byte {
	w := rawjson.Writer{B: append(dst, "data: "...), Line: true}
	writeError(&w, err)
	return e.line(w.B)
}

// Ping appends an empty event. A comment would be the usual way, but Google's SDKs for Python and Go take every line that is not
// "data:" for a broken answer (read 2026-11-24: python-genai's _iter_response_stream, go-genai's iterateResponseStream); blank
// lines are skipped by all of them. The line ends must be those of the stream, since go-genai splits at the first pair it sees.
func (e *streamEncoder) Ping(dst []byte) []byte {
	return e.line(dst)
}

// Losses are the things that could not be said.
func (e *streamEncoder) Losses() []llm.Loss { return e.losses }

func (e *streamEncoder) lose(path, why string, _ bool) {
	e.losses = append(e.losses, llm.Loss{Path: path, Why: why})
}

func (e *streamEncoder) line(dst []byte) []byte {
	if e.crlf {
		return append(dst, "\r\n\r\n"...)
	}
	return append(dst, "\n\n"...)
}

func (e *streamEncoder) candidate(n int) *outCandidate {
	for len(e.cands) <= n {
		e.cands = append(e.cands, &outCandidate{fresh: rawjson.Writer{Line: true}})
	}
	return e.cands[n]
}

// take notes an event; raw tells that its frame is passed on as it came, so that nothing needs to be written.
func (e *streamEncoder) take(ev *llm.Event, raw bool) {
	switch ev.Kind {
	case llm.Start:
		if ev.ID != "" {
			e.id = ev.ID
		}
		if ev.Model != "" {
			e.model = ev.Model
		}
	case llm.Metered:
		e.usage = ev.Usage
	case llm.Begin:
		c := e.candidate(ev.Choice)
		for len(c.parts) <= ev.Index {
			c.parts = append(c.parts, outPart{})
		}
		c.parts[ev.Index] = outPart{part: ev.Part, from: c.text}
		if !raw {
			e.begin(c, ev.Part)
		}
	case llm.Delta, llm.Sealed, llm.Cited, llm.End:
		if c := e.candidate(ev.Choice); ev.Index < len(c.parts) {
			e.grow(c, &c.parts[ev.Index], ev, raw)
		}
	case llm.Logprob:
		if c := e.candidate(ev.Choice); !raw {
			c.logprobs = ev.Value
		}
	case llm.Finish:
		c := e.candidate(ev.Choice)
		c.stop, c.stopped = ev.Stop, true
	case llm.Other:
		e.other(ev, raw)
	}
}

// begin writes the parts that come whole.
func (e *streamEncoder) begin(c *outCandidate, p llm.Part) {
	switch p := p.(type) {
	case llm.Thought:
		if p.Seal != nil {
			e.write(c, p)
		}
	case llm.Media, llm.Opaque, llm.Result:
		e.write(c, p)
	case llm.Text, llm.Call: // shells, which say nothing yet
	}
}

func (e *streamEncoder) write(c *outCandidate, p llm.Part) {
	if why := unsayable(p); why != "" {
		e.lose("content", why, false)
		return
	}
	c.told = false // more came: the reason is to be told again
	replyParts(&c.fresh, e.lose).part(p, "content")
}

func (e *streamEncoder) grow(c *outCandidate, p *outPart, ev *llm.Event, raw bool) {
	switch shell := p.part.(type) {
	case llm.Text:
		c.text += len(ev.Delta)
		if raw {
			return
		}
		p.cites = append(p.cites, ev.Cites...)
		if ev.Kind == llm.End {
			c.found.add(p.from, c.text-p.from, p.cites)
		}
		if ev.Delta != "" || ev.Seal != nil {
			e.write(c, llm.Text{Text: ev.Delta, Seal: ev.Seal})
		}
	case llm.Thought:
		if !raw && (ev.Delta != "" || ev.Seal != nil) {
			e.write(c, llm.Thought{Text: ev.Delta, Seal: ev.Seal})
		}
	case llm.Call:
		p.args = append(p.args, ev.Delta...)
		if ev.Seal != nil {
			p.seal = ev.Seal
		}
		if ev.Kind == llm.End && !raw {
			shell.Args += string(p.args)
			if p.seal != nil {
				shell.Seal = p.seal
			}
			e.write(c, shell)
		}
	case llm.Media, llm.Opaque, llm.Result: // they came whole
	}
}

// other takes what our own decoder passes on beside the model.
func (e *streamEncoder) other(ev *llm.Event, raw bool) {
	o, ok := ev.Part.(llm.Opaque)
	if !ok || o.From != llm.Gemini {
		return
	}
	c := e.candidate(ev.Choice)
	switch o.Kind {
	case ofFinish:
		c.told = c.told || raw
	case ofResponse:
		if !raw {
			e.blocks = o.Raw
		} else if rawjson.Get(o.Raw, "promptFeedback", "blockReason") != nil {
			c.told = true // that the prompt is blocked is the end
		}
	case ofCandidate:
		if rawjson.Get(o.Raw, "groundingMetadata") != nil || rawjson.Get(o.Raw, "citationMetadata") != nil {
			c.grounded = true
		}
		if !raw {
			c.extras = o.Raw
		}
	}
}

// frame appends what is new as one response; nothing when nothing is.
func (e *streamEncoder) frame(dst []byte, last bool) []byte {
	due := last && e.usage != nil && !e.passed()
	for _, c := range e.cands {
		due = due || c.due(last)
	}
	if !due && !(last && e.blocks != nil) {
		return dst
	}
	w := rawjson.Writer{B: append(dst, "data: "...), Line: true}
	w.Open('{')
	opened := false
	for i, c := range e.cands {
		if !c.due(last) || rawjson.Get(e.blocks, "promptFeedback", "blockReason") != nil && len(c.parts) == 0 {
			continue
		}
		if !opened {
			opened = true
			w.Name("candidates")
			w.Open('[')
		}
		c.write(&w, i, last)
	}
	if opened {
		w.Close(']')
	}
	if last {
		w.Rest(e.blocks)
		e.blocks = nil
		if e.usage != nil {
			w.Name("usageMetadata")
			writeUsage(&w, e.usage)
		}
	}
	w.Some("modelVersion", e.model)
	w.Some("responseId", e.id)
	w.Close('}')
	return e.line(w.B)
}

// passed tells whether the end of the answer went out in frames that were passed on.
func (e *streamEncoder) passed() bool {
	for _, c := range e.cands {
		if !c.told {
			return false
		}
	}
	return len(e.cands) > 0
}

func (c *outCandidate) due(last bool) bool {
	return len(c.fresh.B) > 0 || c.extras != nil || c.logprobs != nil || last && c.stopped && !c.told
}

func (c *outCandidate) write(w *rawjson.Writer, index int, last bool) {
	w.Open('{')
	w.Name("content")
	w.Open('{')
	w.Name("parts")
	w.Open('[')
	if len(c.fresh.B) == 0 { // as Google's own last frames: clients look for the first part
		c.fresh.B = append(c.fresh.B, `{"text":""}`...)
	}
	w.B = append(w.B, c.fresh.B...)
	c.fresh.B = c.fresh.B[:0]
	w.Close(']')
	w.Some("role", "model")
	w.Close('}')
	w.Rest(c.extras)
	own := c.extras
	c.extras = nil
	if last && c.stopped && !c.told {
		c.told = true
		if c.stop.Reason == llm.StopNone {
			c.stop.Reason = llm.StopEnd // a stream without a reason counts as broken off
		}
		writeFinish(w, c.stop)
		if !c.grounded {
			c.found.write(w)
		}
	}
	if c.logprobs != nil && rawjson.Get(own, "logprobsResult") == nil {
		writeLogprobs(w, c.logprobs)
	}
	c.logprobs = nil
	w.Name("index")
	w.Int(int64(index))
	w.Close('}')
}
