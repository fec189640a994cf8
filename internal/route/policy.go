package route

import (
	"time"

	"tidegate/internal/llm"
)

// answer is what a class of failure lets us try. Each attempt counts against the exchange's own bound, whatever is tried.
type answer struct {
	again    bool // the same target once more, after a pause
	otherKey bool // the same target with another of its keys, at once
	next     bool // the next target
	larger   bool // the next target only if its context window is larger
}

// policy is the whole of it: what cannot succeed is never tried again (pitfall D4).
var policy = [llm.NumClasses]answer{
	llm.BadRequest:    {},
	llm.ContextLength: {next: true, larger: true},
	llm.Filtered:      {},
	llm.Unsupported:   {next: true},
	llm.Credential:    {otherKey: true, next: true},
	llm.Access:        {otherKey: true, next: true},
	llm.ModelGone:     {next: true},
	llm.Quota:         {otherKey: true, next: true},
	llm.RateLimited:   {again: true, otherKey: true, next: true},
	llm.Overloaded:    {again: true, next: true},
	llm.Timeout:       {next: true}, // but see retriable: connecting is tried again
	llm.Network:       {again: true, next: true},
	llm.Canceled:      {},
	llm.Internal:      {},
}

// Pauses between attempts at one target. A Retry-After longer than patience is not waited for: the client is told instead.
const (
	firstPause = 250 * time.Millisecond
	longest    = 4 * time.Second
	patience   = 8 * time.Second
)

// retriable tells whether the same target may be asked again, and after which pause. jitter is in [0, 1).
func retriable(err *llm.Error, tries int, jitter float64) (time.Duration, bool) {
	switch {
	case !policy[err.Class].again && err.Code != "connect_timeout":
		return 0, false
	case err.Class == llm.Network && err.Sent: // it may have been served, and billed, before the connection broke
		return 0, false
	case err.RetryAfter > patience:
		return 0, false
	}
	pause := min(firstPause<<(tries-1), longest)
	pause = pause/2 + time.Duration(jitter*float64(pause)/2)
	return max(pause, err.RetryAfter), true
}
