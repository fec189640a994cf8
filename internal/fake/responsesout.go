package fake

import (
	"fmt"
	"iter"
	"strconv"
)

var responsesStatus = [...]string{stopped: "completed", called: "completed", length: "incomplete", filtered: "incomplete", refused: "completed"}

func (responses) whole(dst []byte, a *ask, p *reply) []byte {
	return response(dst, a, p, responsesStatus[p.finish], nil)
}

// response renders the response object in one of its states; its output is there once it has ended.
func response(dst []byte, a *ask, p *reply, status string, f *fault) []byte {
	dst = append(append(append(dst, `{"id":"resp_`...), p.id...), `","object":"response","created_at":`...)
	dst = strconv.AppendInt(dst, p.created, 10)
	dst = append(append(append(dst, `,"status":"`...), status...), `","completed_at":`...)
	if status == "completed" {
		dst = strconv.AppendInt(dst, p.created, 10)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"error":`...)
	if f != nil {
		dst = responsesError(dst, f)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"incomplete_details":`...)
	switch {
	case status != "incomplete":
		dst = append(dst, "null"...)
	case p.finish == filtered:
		dst = append(dst, `{"reason":"content_filter"}`...)
	default:
		dst = append(dst, `{"reason":"max_output_tokens"}`...)
	}
	dst = quote(append(dst, `,"model":`...), p.model)
	for _, m := range a.echo {
		dst = append(append(append(dst, `,"`...), m.name...), `":`...)
		dst = raw(dst, m.value, m.def)
	}
	dst = append(dst, `,"output":[`...)
	ended := status == "completed" || status == "incomplete"
	if ended {
		dst = responsesOutput(dst, a, p)
	}
	dst = append(dst, `],"usage":`...)
	if ended && !p.noUsage {
		u := p.usage
		dst = fmt.Appendf(dst, `{"input_tokens":%d,"input_tokens_details":{"cached_tokens":%d,"cache_write_tokens":%d},"output_tokens":%d,"output_tokens_details":{"reasoning_tokens":%d},"total_tokens":%d}`,
			u.in, u.cached, u.write+u.write1h, u.out, u.reasoning, u.in+u.out)
	} else {
		dst = append(dst, "null"...)
	}
	return append(dst, '}')
}

// responsesError is the error of a failed response; its codes are fewer than those of an error body.
func responsesError(dst []byte, f *fault) []byte {
	code := "server_error"
	if f.status == 429 {
		code = "rate_limit_exceeded"
	}
	dst = append(append(append(dst, `{"code":"`...), code...), `","message":`...)
	return append(quote(dst, f.msg), '}')
}

func responsesOutput(dst []byte, a *ask, p *reply) []byte {
	first := true
	item := func() {
		if !first {
			dst = append(dst, ',')
		}
		first = false
	}
	if p.thought != "" {
		item()
		dst = reasoningItem(dst, a, p, true)
	}
	if p.says() {
		item()
		dst = messageItem(dst, p, true)
	}
	for i := range p.calls {
		item()
		dst = callItem(dst, p.calls[i], true)
	}
	return dst
}

// says reports whether a message is part of the output.
func (p *reply) says() bool { return p.text != "" || len(p.calls) == 0 }

func reasoningItem(dst []byte, a *ask, p *reply, done bool) []byte {
	dst = append(append(append(dst, `{"id":"rs_`...), p.id...), `","type":"reasoning","summary":[`...)
	if done {
		dst = append(quote(append(dst, `{"type":"summary_text","text":`...), p.thought), '}')
	}
	dst = append(dst, ']')
	if a.sealed {
		dst = quote(append(dst, `,"encrypted_content":`...), p.seal)
	}
	return append(dst, '}')
}

func messageItem(dst []byte, p *reply, done bool) []byte {
	status := "in_progress"
	if done {
		status = responsesStatus[p.finish]
	}
	dst = append(append(append(dst, `{"id":"msg_`...), p.id...), `","type":"message","status":"`...)
	dst = append(append(dst, status...), `","role":"assistant","content":[`...)
	if done {
		dst = textPart(dst, p, p.text)
	}
	return append(dst, "]}"...)
}

func textPart(dst []byte, p *reply, text string) []byte {
	if p.finish == refused {
		return append(quote(append(dst, `{"type":"refusal","refusal":`...), text), '}')
	}
	return append(quote(append(dst, `{"type":"output_text","annotations":[],"logprobs":[],"text":`...), text), '}')
}

func callItem(dst []byte, c call, done bool) []byte {
	args, status := "", "in_progress"
	if done {
		args, status = c.args, "completed"
	}
	dst = append(append(append(dst, `{"id":"fc_`...), c.id...), `","type":"function_call","status":"`...)
	dst = append(append(append(append(dst, status...), `","call_id":"call_`...), c.id...), `","name":`...)
	dst = quote(append(quote(dst, c.name), `,"arguments":`...), args)
	return append(dst, '}')
}

// responsesEvents numbers and writes the events of one stream.
type responsesEvents struct {
	a     *ask
	p     *reply
	buf   []byte
	n     int
	stop  bool
	yield func([]byte) bool
}

func (responses) events(a *ask, p *reply) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		e := &responsesEvents{a: a, p: p, yield: yield, buf: make([]byte, 0, 1024)}
		e.send("response.created", func(b []byte) []byte { return response(append(b, `"response":`...), a, p, "in_progress", nil) })
		e.send("response.in_progress", func(b []byte) []byte { return response(append(b, `"response":`...), a, p, "in_progress", nil) })
		at := 0
		if p.thought != "" {
			e.reasoning(at)
			at++
		}
		if p.says() {
			e.message(at)
			at++
		}
		e.calls(at)
		status := responsesStatus[p.finish]
		e.send("response."+status, func(b []byte) []byte { return response(append(b, `"response":`...), a, p, status, nil) })
	}
}

// send writes an event whose members fill appends, behind the type and before the number.
func (e *responsesEvents) send(name string, fill func([]byte) []byte) {
	if e.stop {
		return
	}
	b := append(append(e.buf[:0], "event: "...), name...)
	b = append(append(append(b, "\ndata: {\"type\":\""...), name...), `",`...)
	b = fill(b)
	b = strconv.AppendInt(append(b, `,"sequence_number":`...), int64(e.n), 10)
	e.buf = append(b, "}\n\n"...)
	e.n++
	e.stop = !e.yield(e.buf)
}

// place appends where an event belongs.
func place(b []byte, item, id string, at int, part string) []byte {
	b = append(append(append(append(b, `"item_id":"`...), item...), id...), `","output_index":`...)
	b = strconv.AppendInt(b, int64(at), 10)
	return append(b, part...)
}

func (e *responsesEvents) item(name string, at int, render func([]byte) []byte) {
	e.send(name, func(b []byte) []byte {
		b = strconv.AppendInt(append(b, `"output_index":`...), int64(at), 10)
		return render(append(b, `,"item":`...))
	})
}

func (e *responsesEvents) reasoning(at int) {
	const part = `,"summary_index":0,`
	p := e.p
	in := func(b []byte) []byte { return place(b, "rs_", p.id, at, part) }
	e.item("response.output_item.added", at, func(b []byte) []byte { return reasoningItem(b, e.a, p, false) })
	e.send("response.reasoning_summary_part.added", func(b []byte) []byte {
		return append(in(b), `"part":{"type":"summary_text","text":""}`...)
	})
	for piece := range words(p.thought) {
		e.send("response.reasoning_summary_text.delta", func(b []byte) []byte { return quote(append(in(b), `"delta":`...), piece) })
	}
	e.send("response.reasoning_summary_text.done", func(b []byte) []byte { return quote(append(in(b), `"text":`...), p.thought) })
	e.send("response.reasoning_summary_part.done", func(b []byte) []byte {
		return append(quote(append(in(b), `"part":{"type":"summary_text","text":`...), p.thought), '}')
	})
	e.item("response.output_item.done", at, func(b []byte) []byte { return reasoningItem(b, e.a, p, true) })
}

func (e *responsesEvents) message(at int) {
	const part = `,"content_index":0,`
	p, what, field, logprobs := e.p, "response.output_text", `"text":`, `"logprobs":[],`
	if p.finish == refused {
		what, field, logprobs = "response.refusal", `"refusal":`, ""
	}
	in := func(b []byte) []byte { return place(b, "msg_", p.id, at, part) }
	e.item("response.output_item.added", at, func(b []byte) []byte { return messageItem(b, p, false) })
	e.send("response.content_part.added", func(b []byte) []byte { return textPart(append(in(b), `"part":`...), p, "") })
	for piece := range p.pieces() {
		e.send(what+".delta", func(b []byte) []byte { return quote(append(append(in(b), logprobs...), `"delta":`...), piece) })
	}
	e.send(what+".done", func(b []byte) []byte { return quote(append(append(in(b), logprobs...), field...), p.text) })
	e.send("response.content_part.done", func(b []byte) []byte { return textPart(append(in(b), `"part":`...), p, p.text) })
	e.item("response.output_item.done", at, func(b []byte) []byte { return messageItem(b, p, true) })
}

func (e *responsesEvents) calls(at int) {
	for st := range e.p.steps(true) {
		c, at := e.p.calls[st.call], at+st.call
		in := func(b []byte) []byte { return place(b, "fc_", c.id, at, `,`) }
		if st.open {
			e.item("response.output_item.added", at, func(b []byte) []byte { return callItem(b, c, false) })
		}
		if st.frag != "" {
			e.send("response.function_call_arguments.delta", func(b []byte) []byte { return quote(append(in(b), `"delta":`...), st.frag) })
		}
		if st.close {
			e.send("response.function_call_arguments.done", func(b []byte) []byte {
				return quote(append(quote(append(in(b), `"name":`...), c.name), `,"arguments":`...), c.args)
			})
			e.item("response.output_item.done", at, func(b []byte) []byte { return callItem(b, c, true) })
		}
		if e.stop {
			return
		}
	}
}

// faultEvent is an error event and the failed response after it, as the vendor sends them.
func (responses) faultEvent(dst []byte, a *ask, p *reply, f *fault, n int) []byte {
	_, code := openaiKind(f)
	dst = append(dst, "event: error\ndata: {\"type\":\"error\",\"code\":"...)
	dst = orNull(dst, code, false)
	dst = quote(append(dst, `,"message":`...), f.msg)
	dst = fmt.Appendf(dst, `,"param":null,"sequence_number":%d}`+"\n\n", n)
	dst = append(dst, "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":"...)
	dst = response(dst, a, p, "failed", f)
	return fmt.Appendf(dst, `,"sequence_number":%d}`+"\n\n", n+1)
}
