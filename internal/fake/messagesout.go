package fake

import (
	"fmt"
	"iter"
	"strconv"
)

var anthropicFinish = [...]string{stopped: "end_turn", called: "tool_use", length: "max_tokens", filtered: "refusal", refused: "refusal"}

func (messages) whole(dst []byte, _ *ask, p *reply) []byte {
	dst = messageHead(dst, p)
	n := 0
	next := func(start string) {
		if n++; n > 1 {
			dst = append(dst, ',')
		}
		dst = append(dst, start...)
	}
	if p.thought != "" {
		next(`{"type":"thinking","thinking":`)
		dst = quote(append(quote(dst, p.thought), `,"signature":`...), p.seal)
		dst = append(dst, '}')
	}
	if p.text != "" {
		next(`{"type":"text","text":`)
		dst = append(quote(dst, p.text), '}')
	}
	for _, c := range p.calls {
		next("")
		dst = toolUse(dst, c, c.args)
	}
	dst = stopReason(append(dst, "],"...), p)
	if !p.noUsage {
		dst = anthropicUsage(append(dst, `,"usage":`...), p.usage)
	}
	return append(dst, '}')
}

// messageHead opens a message up to its content.
func messageHead(dst []byte, p *reply) []byte {
	dst = append(append(append(dst, `{"id":"msg_`...), p.id...), `","type":"message","role":"assistant","model":`...)
	return append(quote(dst, p.model), `,"content":[`...)
}

func toolUse(dst []byte, c call, input string) []byte {
	if input == "" {
		input = "{}"
	}
	dst = append(append(append(dst, `{"type":"tool_use","id":"toolu_`...), c.id...), `","name":`...)
	return append(append(append(quote(dst, c.name), `,"input":`...), input...), '}')
}

func stopReason(dst []byte, p *reply) []byte {
	dst = append(append(append(dst, `"stop_reason":"`...), anthropicFinish[p.finish]...), `","stop_sequence":null,"stop_details":`...)
	if p.finish == refused || p.finish == filtered {
		return append(dst, `{"type":"refusal","category":null,"explanation":null,"fallback_credit_token":null,"fallback_has_prefill_claim":null,"recommended_model":null}`...)
	}
	return append(dst, "null"...)
}

// anthropicUsage counts cache reads and writes beside the input, not in it.
func anthropicUsage(dst []byte, u usage) []byte {
	dst = anthropicCounts(dst, u)
	dst = fmt.Appendf(dst, `,"cache_creation":{"ephemeral_5m_input_tokens":%d,"ephemeral_1h_input_tokens":%d}`, u.write, u.write1h)
	return append(dst, `,"service_tier":"standard","inference_geo":"global"}`...)
}

func anthropicCounts(dst []byte, u usage) []byte {
	dst = fmt.Appendf(dst, `{"input_tokens":%d,"cache_creation_input_tokens":%d,"cache_read_input_tokens":%d,"output_tokens":%d`,
		max(0, u.in-u.cached-u.write-u.write1h), u.write+u.write1h, u.cached, u.out)
	if u.reasoning > 0 {
		dst = fmt.Appendf(dst, `,"output_tokens_details":{"thinking_tokens":%d}`, u.reasoning)
	}
	return dst
}

// messagesEvents writes the events of one stream.
type messagesEvents struct {
	p     *reply
	buf   []byte
	index int
	stop  bool
	yield func([]byte) bool
}

func (messages) events(_ *ask, p *reply) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		e := &messagesEvents{p: p, yield: yield, buf: make([]byte, 0, 512)}
		e.start()
		if p.thought != "" {
			e.open(`{"type":"thinking","thinking":"","signature":""}`)
			for piece := range words(p.thought) {
				e.delta(`{"type":"thinking_delta","thinking":`, piece)
			}
			e.delta(`{"type":"signature_delta","signature":`, p.seal)
			e.close()
		}
		if p.text != "" {
			e.open(`{"type":"text","text":""}`)
			for piece := range p.pieces() {
				e.delta(`{"type":"text_delta","text":`, piece)
			}
			e.close()
		}
		for st := range p.steps(false) {
			e.step(st)
		}
		e.end()
	}
}

func (e *messagesEvents) send(name string) bool {
	e.buf = append(append(append(e.buf[:0], "event: "...), name...), "\ndata: "...)
	return !e.stop
}

func (e *messagesEvents) done() {
	e.buf = append(e.buf, "\n\n"...)
	e.stop = e.stop || !e.yield(e.buf)
}

func (e *messagesEvents) start() {
	e.send("message_start")
	e.buf = messageHead(append(e.buf, `{"type":"message_start","message":`...), e.p)
	e.buf = append(e.buf, `],"stop_reason":null,"stop_sequence":null,"stop_details":null`...)
	if !e.p.noUsage {
		u := e.p.usage
		u.out, u.reasoning = min(1, u.out), 0
		e.buf = anthropicUsage(append(e.buf, `,"usage":`...), u)
	}
	e.buf = append(e.buf, "}}"...)
	e.done()
}

func (e *messagesEvents) open(block string) {
	if !e.send("content_block_start") {
		return
	}
	e.buf = strconv.AppendInt(append(e.buf, `{"type":"content_block_start","index":`...), int64(e.index), 10)
	e.buf = append(append(append(e.buf, `,"content_block":`...), block...), '}')
	e.done()
	if e.index == 0 && e.send("ping") {
		e.buf = append(e.buf, `{"type":"ping"}`...)
		e.done()
	}
}

func (e *messagesEvents) delta(start, piece string) {
	if !e.send("content_block_delta") {
		return
	}
	e.buf = strconv.AppendInt(append(e.buf, `{"type":"content_block_delta","index":`...), int64(e.index), 10)
	e.buf = append(append(e.buf, `,"delta":`...), start...)
	e.buf = append(quote(e.buf, piece), "}}"...)
	e.done()
}

func (e *messagesEvents) close() {
	if !e.send("content_block_stop") {
		return
	}
	e.buf = append(strconv.AppendInt(append(e.buf, `{"type":"content_block_stop","index":`...), int64(e.index), 10), '}')
	e.done()
	e.index++
}

func (e *messagesEvents) step(st step) {
	if st.open {
		e.open(string(toolUse(nil, e.p.calls[st.call], "")))
		e.delta(`{"type":"input_json_delta","partial_json":`, "")
	}
	if st.frag != "" {
		e.delta(`{"type":"input_json_delta","partial_json":`, st.frag)
	}
	if st.close {
		e.close()
	}
}

func (e *messagesEvents) end() {
	if !e.send("message_delta") {
		return
	}
	e.buf = stopReason(append(e.buf, `{"type":"message_delta","delta":{`...), e.p)
	e.buf = append(e.buf, '}')
	if !e.p.noUsage {
		e.buf = append(anthropicCounts(append(e.buf, `,"usage":`...), e.p.usage), '}')
	}
	e.buf = append(e.buf, '}')
	e.done()
	if e.send("message_stop") {
		e.buf = append(e.buf, `{"type":"message_stop"}`...)
		e.done()
	}
}
