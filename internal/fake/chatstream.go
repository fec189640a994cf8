package fake

import (
	"iter"
	"strconv"
)

// chunker writes the chunks of one stream of the Chat dialect. What all chunks share is rendered once.
type chunker struct {
	a     *ask
	p     *reply
	head  []byte
	buf   []byte
	sent  int // bytes of text so far, for usage that grows
	yield func([]byte) bool
}

func (chat) events(a *ask, p *reply) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		c := &chunker{a: a, p: p, yield: yield, buf: make([]byte, 0, 512)}
		c.head = append(c.head, `data: {"id":"chatcmpl-`...)
		c.head = append(c.head, p.id...)
		c.head = append(c.head, `","object":"chat.completion.chunk","created":`...)
		c.head = strconv.AppendInt(c.head, p.created, 10)
		c.head = append(c.head, `,"model":`...)
		c.head = quote(c.head, p.model)
		c.head = append(c.head, `,"service_tier":"default","system_fingerprint":"fp_fa4e000000","choices":[`...)
		if c.answer() && c.end() {
			yield([]byte("data: [DONE]\n\n"))
		}
	}
}

// answer sends everything up to the finish reasons. It reports whether the reader wants more.
func (c *chunker) answer() bool {
	for i := range c.a.n {
		if !c.delta(i, `"role":"assistant","content":`, map[bool]string{true: `""`, false: "null"}[c.p.finish != refused && len(c.p.calls) == 0], `,"refusal":null`) {
			return false
		}
	}
	for piece := range words(c.p.thought) {
		if !c.text(`"reasoning_content":`, piece) {
			return false
		}
	}
	name := `"content":`
	if c.p.finish == refused {
		name = `"refusal":`
	}
	for piece := range c.p.pieces() {
		if !c.text(name, piece) {
			return false
		}
	}
	for st := range c.p.steps(true) {
		for i := range c.a.n {
			if (st.open || st.frag != "") && !c.call(i, st) {
				return false
			}
		}
	}
	return true
}

func (c *chunker) begin(choice int) {
	c.buf = append(c.buf[:0], c.head...)
	c.buf = append(c.buf, `{"index":`...)
	c.buf = strconv.AppendInt(c.buf, int64(choice), 10)
	c.buf = append(c.buf, `,"delta":{`...)
}

func (c *chunker) finish() bool {
	c.buf = append(c.buf, `},"logprobs":null,"finish_reason":null}]`...)
	c.growing()
	c.buf = append(c.buf, "}\n\n"...)
	return c.yield(c.buf)
}

// growing is the usage member of a chunk that is not the usage chunk.
func (c *chunker) growing() {
	switch {
	case c.p.noUsage:
	case c.p.usageAt == "every":
		u := c.p.usage
		u.out = min(u.out, tokens(c.sent))
		u.reasoning = min(u.reasoning, u.out)
		c.buf = chatUsage(append(c.buf, `,"usage":`...), u)
	case c.a.usage:
		c.buf = append(c.buf, `,"usage":null`...)
	}
}

func (c *chunker) delta(choice int, parts ...string) bool {
	c.begin(choice)
	for _, s := range parts {
		c.buf = append(c.buf, s...)
	}
	return c.finish()
}

func (c *chunker) text(name, piece string) bool {
	c.sent += len(piece)
	for i := range c.a.n {
		c.begin(i)
		c.buf = append(c.buf, name...)
		c.buf = quote(c.buf, piece)
		if !c.finish() {
			return false
		}
	}
	return true
}

func (c *chunker) call(choice int, st step) bool {
	call := c.p.calls[st.call]
	index := st.call
	if c.p.layout == "same_index" {
		index = 0
	}
	c.begin(choice)
	c.buf = append(c.buf, `"tool_calls":[{"index":`...)
	c.buf = strconv.AppendInt(c.buf, int64(index), 10)
	if st.open && c.p.layout != "missing_id" {
		c.buf = append(c.buf, `,"id":"call_`...)
		c.buf = append(c.buf, call.id...)
		c.buf = append(c.buf, '"')
	}
	if st.open {
		c.buf = append(c.buf, `,"type":"function","function":{"name":`...)
		c.buf = quote(c.buf, call.name)
		c.buf = append(c.buf, `,"arguments":`...)
	} else {
		c.buf = append(c.buf, `,"function":{"arguments":`...)
	}
	c.buf = quote(c.buf, st.frag)
	c.buf = append(c.buf, `}}]`...)
	c.sent += len(st.frag)
	return c.finish()
}

// end sends the finish reasons and, when it is wanted, the usage chunk.
func (c *chunker) end() bool {
	for i := range c.a.n {
		c.begin(i)
		c.buf = append(c.buf, `},"logprobs":null,"finish_reason":"`...)
		c.buf = append(c.buf, chatFinish[c.p.finish]...)
		c.buf = append(c.buf, `"}]`...)
		if at := c.p.usageAt; at != "" && !c.p.noUsage && i == c.a.n-1 {
			c.buf = chatUsage(append(c.buf, `,"usage":`...), c.p.usage)
		} else {
			c.growing()
		}
		c.buf = append(c.buf, "}\n\n"...)
		if !c.yield(c.buf) {
			return false
		}
	}
	apart := c.p.usageAt == "twice" || c.p.usageAt == "" && c.a.usage
	if c.p.noUsage || !apart {
		return true
	}
	c.buf = append(c.buf[:0], c.head...)
	c.buf = chatUsage(append(c.buf, `],"usage":`...), c.p.usage)
	c.buf = append(c.buf, "}\n\n"...)
	return c.yield(c.buf)
}

var openaiPhrases = map[why]phrase{
	whyNoKey:      {401, "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."},
	whyContext:    {400, "This model's maximum context length is 128000 tokens. However, your messages resulted in 250000 tokens. Please reduce the length of the messages."},
	whyQuota:      {429, "You exceeded your current quota, please check your plan and billing details."},
	whyPolicy:     {400, "Your request was rejected as a result of our safety system."},
	whyAuth:       {401, "Incorrect API key provided."},
	whyOverloaded: {503, "The server is currently overloaded with other requests. Please retry your request."},
	whyNoModel:    {404, ""},
}

// openaiKind gives type and code of an error.
func openaiKind(f *fault) (typ, code string) {
	switch f.why {
	case whyNoKey:
		return "invalid_request_error", ""
	case whyNoModel:
		return "invalid_request_error", "model_not_found"
	case whyContext:
		return "invalid_request_error", "context_length_exceeded"
	case whyQuota:
		return "insufficient_quota", "insufficient_quota"
	case whyPolicy:
		return "invalid_request_error", "content_policy_violation"
	case whyAuth, whyOverloaded: // as their status has it
	}
	switch {
	case f.status == 401:
		return "invalid_request_error", "invalid_api_key"
	case f.status == 429:
		return "requests", "rate_limit_exceeded"
	case f.status >= 500 || f.status == 0:
		return "server_error", ""
	}
	return "invalid_request_error", ""
}

func (chat) fault(dst []byte, f *fault, _ string) []byte {
	typ, code := openaiKind(f)
	dst = quote(append(dst, `{"error":{"message":`...), f.msg)
	dst = quote(append(dst, `,"type":`...), typ)
	param := f.param
	if f.why == whyNoModel {
		param = ""
	}
	dst = orNull(append(dst, `,"param":`...), param, false)
	dst = orNull(append(dst, `,"code":`...), code, false)
	return append(dst, "}}"...)
}

func (d chat) faultEvent(dst []byte, _ *ask, p *reply, f *fault, _ int) []byte {
	dst = d.fault(append(dst, "data: "...), f, p.id)
	return append(dst, "\n\n"...)
}
