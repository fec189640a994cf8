package main

import (
	"bytes"
	"strconv"
	"time"
)

// What an answer of gpt-4o-mini looks like, as vendors send it: with members that nobody reads.
const (
	wholeHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: req_0123456789abcdef\r\n" +
		"Date: Sat, 22 Nov 2026 14:00:00 GMT\r\nContent-Length: "
	wholeBegin = `{"id":"chatcmpl-BxYz0123456789abcdefghijk","object":"chat.completion","created":1732284000,"model":"gpt-4o-mini-2024-07-18",` +
		`"choices":[{"index":0,"message":{"role":"assistant","content":"@`
	wholeEnd = " Gateways sit between applications and model providers. They authenticate the caller, pick a deployment, forward the request," +
		` and account for the tokens that came back.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":29,` +
		`"completion_tokens":31,"total_tokens":60,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":` +
		`{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default",` +
		`"system_fingerprint":"fp_72ed7ab54c"}`

	streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n" +
		"X-Request-Id: req_0123456789abcdef\r\nDate: Sat, 22 Nov 2026 14:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\n"
	eventBegin = `data: {"id":"chatcmpl-BxYz0123456789abcdefghijk","object":"chat.completion.chunk","created":1732284000,` +
		`"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_72ed7ab54c","choices":[`
	eventRole  = `{"index":0,"delta":{"role":"assistant","content":"@`
	eventText  = `{"index":0,"delta":{"content":"@`
	eventEnd   = ` tok"},"logprobs":null,"finish_reason":null}]}` + "\n\n"
	finish     = `{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}` + "\n\n"
	usage      = `],"usage":{"prompt_tokens":29,"completion_tokens":100,"total_tokens":129}}` + "\n\n"
	terminator = "data: [DONE]\n\n"
)

// whole sends an answer in one piece. Its length is known: stamps have 19 digits until the year 2286.
func (k *conn) whole(received int64) error {
	out := append(k.out[:0], wholeHead...)
	out = strconv.AppendInt(out, int64(len(wholeBegin)+19+1+19+len(wholeEnd)), 10)
	out = append(out, "\r\n\r\n"+wholeBegin...)
	out = strconv.AppendInt(out, received, 10)
	out = append(out, ',')
	out = strconv.AppendInt(out, time.Now().UnixNano(), 10)
	k.out = append(out, wholeEnd...)
	_, err := k.Write(k.out)
	return err
}

// stream sends every event in a write of its own, on a schedule that lateness does not shift.
func (k *conn) stream(st *style) error {
	if _, err := k.Write([]byte(streamHead)); err != nil {
		return err
	}
	begin := time.Now()
	text := make([]byte, 0, 512)
	for i := range st.events {
		if d := time.Until(begin.Add(time.Duration(i) * st.interval)); d > 0 {
			time.Sleep(d)
		}
		text = append(text[:0], eventBegin...)
		if i == 0 {
			text = append(text, eventRole...)
		} else {
			text = append(text, eventText...)
		}
		text = strconv.AppendInt(text, time.Now().UnixNano(), 10)
		text = append(text, eventEnd...)
		if err := k.chunk(text); err != nil {
			return err
		}
	}
	text = append(append(text[:0], eventBegin...), finish...)
	if bytes.Contains(k.body, []byte("include_usage")) {
		text = append(append(text, eventBegin...), usage...)
	}
	if err := k.chunk(append(text, terminator...)); err != nil {
		return err
	}
	_, err := k.Write([]byte("0\r\n\r\n"))
	return err
}

// chunk sends text as one chunk of a chunked body.
func (k *conn) chunk(text []byte) error {
	out := strconv.AppendInt(k.out[:0], int64(len(text)), 16)
	out = append(out, "\r\n"...)
	out = append(out, text...)
	k.out = append(out, "\r\n"...)
	_, err := k.Write(k.out)
	return err
}
