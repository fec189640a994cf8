package route

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"tidegate/internal/dialect"
	"tidegate/internal/frame/sse"
	"tidegate/internal/llm"
	"tidegate/internal/provider"
	"tidegate/internal/stream"
)

// Bounds of what is held back while a stream has no content yet (pitfall C2), and of the wait for the end of a connection
// whose stream has ended.
const (
	maxPreamble = 1 << 20
	linger      = time.Second
)

// source reads an upstream's stream, step by step.
type source struct {
	frames *sse.Reader
	dec    dialect.StreamDecoder
	resp   *provider.Answer
	from   *provider.Upstream
	tally  *stream.Tally
	events []llm.Event
	held   []llm.Step // the preamble
	same   bool       // the client speaks the upstream's dialect
	ended  bool
}

func newSource(dec dialect.StreamDecoder, answer *Answer, resp *provider.Answer) *source {
	a := answer.Attempt
	return &source{frames: sse.NewReader(resp, 0), dec: dec, resp: resp, from: a.Target.Upstream, tally: &a.Tally, same: answer.Same}
}

// commit reads up to the first content. An error before it comes back, and another target may be tried; the steps read so
// far are kept for next. An answer that ends without any is an error too, unless it is the last that can be had.
func (s *source) commit(last bool) error {
	for size := 0; !s.tally.Began && size < maxPreamble; {
		step, err, ok := s.read()
		if err != nil {
			return err
		}
		if !ok {
			if last && s.tally.Done {
				return nil
			}
			return errEmpty()
		}
		size += len(step.Raw)
		s.held = append(s.held, step.Clone())
	}
	return nil
}

// next is the next step; ok is false at the end.
func (s *source) next() (step llm.Step, err error, ok bool) {
	if len(s.held) > 0 {
		step, s.held = s.held[0], s.held[1:]
		step.More = step.More || len(s.held) > 0
		return step, nil, true
	}
	return s.read()
}

func (s *source) read() (step llm.Step, err error, ok bool) {
	if s.tally.Done && !s.same {
		s.drain()
	}
	if s.ended {
		return llm.Step{}, nil, false
	}
	frame, err := s.frames.Next()
	switch {
	case err == nil:
		s.events, err = s.dec.Decode(s.events[:0], frame)
		step = llm.Step{Raw: frame.Raw, Events: s.events, More: s.frames.Buffered()}
	case errors.Is(err, io.EOF) || s.tally.Done: // a connection that breaks after the terminator broke nothing
		s.ended = true
		s.events, err = s.dec.Close(s.events[:0])
		step = llm.Step{Events: s.events}
	}
	for i := range step.Events {
		s.tally.Add(&step.Events[i])
	}
	if s.ended && err == nil && (s.same || len(step.Events) == 0) { // what the upstream did not send, its own client does not get
		return llm.Step{}, nil, false
	}
	if err != nil {
		s.ended = true
		e := s.classify(err)
		if len(e.Raw) > 0 && s.tally.Began {
			s.rest(e)
		}
		s.from.Redact(e)
		return step, e, true
	}
	if s.tally.Done && !s.ended {
		s.resp.Linger(linger)
	}
	return step, nil, true
}

// drain reads what comes after the terminator, which says nothing any more, so that the connection can be used again.
func (s *source) drain() {
	for !s.ended {
		_, err := s.frames.Next()
		s.ended = err != nil
	}
}

// rest reads on after an error that the upstream reported in the middle of its answer: usage may still come, and a client of
// the same dialect gets what a client without a gateway would.
func (s *source) rest(e *llm.Error) {
	e.Raw = bytes.Clone(e.Raw)
	s.resp.Linger(linger)
	for len(e.Raw) < maxPreamble {
		frame, err := s.frames.Next()
		if err != nil {
			return
		}
		e.Raw = append(e.Raw, frame.Raw...)
		events, err := s.dec.Decode(s.events[:0], frame)
		if err != nil {
			continue
		}
		for i := range events {
			if events[i].Kind == llm.Metered {
				s.tally.Add(&events[i])
			}
		}
	}
}

func errEmpty() *llm.Error {
	return &llm.Error{Class: llm.Overloaded, Status: http.StatusBadGateway, Code: "upstream_empty", Message: "the provider's answer was empty", Sent: true}
}

func (s *source) classify(err error) *llm.Error {
	if large, ok := errors.AsType[*sse.TooLargeError](err); ok {
		return &llm.Error{Class: llm.Network, Code: "upstream_event_too_large", Message: "the provider sent an event larger than the gateway accepts", Sent: true, Err: large}
	}
	e := llm.AsError(err)
	e.Sent = true
	return e
}
