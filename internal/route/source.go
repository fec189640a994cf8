package route

import (
	"errors"
	"io"
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
	tally  *stream.Tally
	events []llm.Event
	held   []llm.Step // the preamble
	err    error      // what comes after held
	ended  bool
}

func newSource(dec dialect.StreamDecoder, resp *provider.Answer, tally *stream.Tally) *source {
	return &source{frames: sse.NewReader(resp, 0), dec: dec, resp: resp, tally: tally}
}

// commit reads up to the first content. An error before it comes back, and another target may be tried; the steps read so
// far are kept for next.
func (s *source) commit() error {
	for size := 0; !s.tally.Began && size < maxPreamble; {
		step, err, ok := s.read()
		if err != nil {
			return err
		}
		if !ok {
			return &llm.Error{Class: llm.Network, Code: "upstream_empty", Message: "the provider ended its answer before it began", Sent: true}
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
		if len(s.events) == 0 && err == nil {
			return llm.Step{}, nil, false
		}
		step = llm.Step{Events: s.events}
	}
	for i := range step.Events {
		s.tally.Add(&step.Events[i])
	}
	if err != nil {
		s.ended = true
		return step, s.classify(err), true
	}
	if s.tally.Done && !s.ended {
		s.resp.Linger(linger)
	}
	return step, nil, true
}

func (s *source) classify(err error) *llm.Error {
	if large, ok := errors.AsType[*sse.TooLargeError](err); ok {
		return &llm.Error{Class: llm.Network, Code: "upstream_event_too_large", Message: "the provider sent an event larger than the gateway accepts", Sent: true, Err: large}
	}
	e := llm.AsError(err)
	e.Sent = true
	return e
}
