package front

import (
	"net/http"
	"sync"
	"time"
)

// stream writes an event stream. Two goroutines may write, the exchange's own and the one that keeps a silent connection
// open, one at a time.
type stream struct {
	mu       sync.Mutex
	w        http.ResponseWriter
	rc       *http.ResponseController
	limits   Limits
	begun    bool
	over     bool
	err      error
	deadline time.Time
	sent     time.Time   // the last bytes
	timer    *time.Timer // of the heartbeat
}

func newStream(w http.ResponseWriter, limits Limits) *stream {
	return &stream{w: w, rc: http.NewResponseController(w), limits: limits}
}

// keepAlive writes ping after every silence. The first one sends the 200: errors are in-band from then on. What is written does
// not touch the timer, which looks for itself how long ago that was: a timer costs as much as the frame.
func (s *stream) keepAlive(ping []byte) {
	if s.limits.Heartbeat <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = time.Now()
	s.timer = time.AfterFunc(s.limits.Heartbeat, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.over || s.err != nil {
			return
		}
		left := s.limits.Heartbeat - time.Since(s.sent)
		if left <= 0 {
			s.send(ping, true)
			left = s.limits.Heartbeat
		}
		s.timer.Reset(left)
	})
}

// head lets set change the headers, unless they are out already.
func (s *stream) head(set func(http.Header)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun {
		set(s.w.Header())
	}
}

// claim ends the stream before it began, so that an ordinary answer can be sent; false when it is too late for that.
func (s *stream) claim() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun {
		return false
	}
	s.over = true
	return true
}

// stop ends the keep-alive. Nothing is written any more when it returns.
func (s *stream) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	if s.timer != nil {
		s.timer.Stop()
	}
}

// write sends bytes, and makes them leave at once when flush says so. An error means that the client is gone.
func (s *stream) write(b []byte, flush bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.send(b, flush)
	return s.err
}

func (s *stream) send(b []byte, flush bool) {
	if s.err != nil {
		return
	}
	if !s.begun {
		s.begun = true
		h := s.w.Header()
		h["Content-Type"] = []string{"text/event-stream; charset=utf-8"}
		h["Cache-Control"] = []string{"no-cache"}
		h["X-Accel-Buffering"] = []string{"no"} // nginx would hold frames back
		s.w.WriteHeader(http.StatusOK)
	}
	s.sent = time.Now()
	s.renew()
	if _, s.err = s.w.Write(b); s.err == nil && flush {
		s.err = s.rc.Flush()
	}
}

// renew puts the write deadline off, though not for every frame: that costs as much as the frame.
func (s *stream) renew() {
	if s.limits.Write <= 0 || s.deadline.Sub(s.sent) > s.limits.Write/2 {
		return
	}
	s.deadline = s.sent.Add(s.limits.Write)
	_ = s.rc.SetWriteDeadline(s.deadline) // a writer without deadlines (tests) has none
}
