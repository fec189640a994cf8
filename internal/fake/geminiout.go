package fake

import (
	"fmt"
	"iter"
)

var geminiFinish = [...]string{stopped: "STOP", called: "STOP", length: "MAX_TOKENS", filtered: "SAFETY", refused: ""}

func (gemini) whole(dst []byte, _ *ask, p *reply) []byte {
	if p.finish == refused {
		return geminiBlocked(dst, p)
	}
	var parts []byte
	add := func(render func([]byte) []byte) {
		if len(parts) > 0 {
			parts = append(parts, ',')
		}
		parts = render(parts)
	}
	if p.thought != "" {
		add(func(b []byte) []byte { return thoughtPart(b, p.thought) })
	}
	if p.text != "" || len(p.calls) == 0 {
		add(func(b []byte) []byte { return speechPart(b, p, p.text, len(p.calls) == 0) })
	}
	for i, c := range p.calls {
		add(func(b []byte) []byte { return callPart(b, p, c, i == 0) })
	}
	return candidate(dst, p, parts, p.usage, true)
}

func thoughtPart(b []byte, text string) []byte {
	return append(quote(append(b, `{"text":`...), text), `,"thought":true}`...)
}

// speechPart carries the signature when no call will, as the vendor does on the last text.
func speechPart(b []byte, p *reply, text string, last bool) []byte {
	b = quote(append(b, `{"text":`...), text)
	if last && p.seal != "" {
		b = quote(append(b, `,"thoughtSignature":`...), p.seal)
	}
	return append(b, '}')
}

func callPart(b []byte, p *reply, c call, first bool) []byte {
	b = quote(append(b, `{"functionCall":{"name":`...), c.name)
	if c.args != "" {
		b = append(append(b, `,"args":`...), c.args...)
	}
	b = append(b, '}')
	if first && p.seal != "" {
		b = quote(append(b, `,"thoughtSignature":`...), p.seal)
	}
	return append(b, '}')
}

// candidate renders a response with these parts; last adds how the answer ended.
func candidate(dst []byte, p *reply, parts []byte, u usage, last bool) []byte {
	dst = append(append(append(dst, `{"candidates":[{"content":{"parts":[`...), parts...), `],"role":"model"}`...)
	if last {
		dst = append(append(append(dst, `,"finishReason":"`...), geminiFinish[p.finish]...), '"')
	}
	if last && p.finish == called {
		dst = append(dst, `,"finishMessage":"Model generated function call(s)."`...)
	}
	if last && p.finish == filtered {
		dst = append(dst, `,"safetyRatings":[{"category":"HARM_CATEGORY_DANGEROUS_CONTENT","probability":"HIGH","blocked":true}]`...)
	}
	return geminiEnd(append(dst, `,"index":0}]`...), p, u)
}

// geminiBlocked is how a prompt is refused: no candidate at all.
func geminiBlocked(dst []byte, p *reply) []byte {
	u := p.usage
	u.out, u.reasoning = 0, 0
	return geminiEnd(append(dst, `{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}`...), p, u)
}

// geminiEnd renders the usage, in which reasoning stands beside the candidates' tokens and not in them.
func geminiEnd(dst []byte, p *reply, u usage) []byte {
	if !p.noUsage {
		said := max(0, u.out-u.reasoning)
		dst = fmt.Appendf(dst, `,"usageMetadata":{"promptTokenCount":%d`, u.in)
		if u.cached > 0 {
			dst = fmt.Appendf(dst, `,"cachedContentTokenCount":%d`, u.cached)
		}
		if said > 0 {
			dst = fmt.Appendf(dst, `,"candidatesTokenCount":%d`, said)
		}
		if u.reasoning > 0 {
			dst = fmt.Appendf(dst, `,"thoughtsTokenCount":%d`, u.reasoning)
		}
		dst = fmt.Appendf(dst, `,"totalTokenCount":%d,"promptTokensDetails":[{"modality":"TEXT","tokenCount":%d}]}`, u.in+said+u.reasoning, u.in)
	}
	dst = quote(append(dst, `,"modelVersion":`...), p.model)
	return append(append(append(dst, `,"responseId":"`...), p.id...), `"}`...)
}

// geminiEvents writes the chunks of one stream. Each is held back until the next is known, since the last one says how the
// answer ended.
type geminiEvents struct {
	a     *ask
	p     *reply
	parts []byte // held back
	buf   []byte
	n     int
	sent  int // bytes of text and arguments
	mused int // bytes of reasoning
	stop  bool
	yield func([]byte) bool
}

func (gemini) events(a *ask, p *reply) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		e := &geminiEvents{a: a, p: p, yield: yield, buf: make([]byte, 0, 512)}
		if p.finish == refused {
			e.write(func(b []byte) []byte { return geminiBlocked(b, p) }, true)
			return
		}
		for piece := range words(p.thought) {
			e.part(func(b []byte) []byte { return thoughtPart(b, piece) })
			e.mused += len(piece)
		}
		for piece := range p.pieces() {
			e.part(func(b []byte) []byte { return speechPart(b, p, piece, false) })
			e.sent += len(piece)
		}
		for i, c := range p.calls {
			e.part(func(b []byte) []byte { return callPart(b, p, c, i == 0) })
		}
		if len(p.calls) == 0 && (p.seal != "" || len(e.parts) == 0) {
			e.part(func(b []byte) []byte { return speechPart(b, p, "", true) })
		}
		e.write(func(b []byte) []byte { return candidate(b, p, e.parts, p.usage, true) }, true)
	}
}

// part sends what was held back and holds the next part.
func (e *geminiEvents) part(render func([]byte) []byte) {
	if len(e.parts) > 0 {
		e.write(func(b []byte) []byte { return candidate(b, e.p, e.parts, e.far(), false) }, false)
	}
	e.parts = render(e.parts[:0])
}

// far is the usage so far.
func (e *geminiEvents) far() usage {
	u := e.p.usage
	u.reasoning = min(u.reasoning, tokens(e.mused))
	u.out = min(u.out, u.reasoning+tokens(e.sent))
	return u
}

func (e *geminiEvents) write(render func([]byte) []byte, last bool) {
	if e.stop {
		return
	}
	e.buf = geminiFrame(e.buf[:0], e.a, e.n, render, last)
	e.n++
	e.stop = !e.yield(e.buf)
}

// geminiFrame puts the n-th chunk into the stream's form: an event, or an element of the array.
func geminiFrame(dst []byte, a *ask, n int, render func([]byte) []byte, last bool) []byte {
	if !a.array {
		return append(render(append(dst, "data: "...)), "\r\n\r\n"...)
	}
	if n == 0 {
		dst = append(dst, '[')
	} else {
		dst = append(dst, ",\n"...)
	}
	dst = render(dst)
	if last {
		dst = append(dst, "]\n"...)
	}
	return dst
}
