// Package logs keeps what happened: one record per exchange with a ledger line per attempt, and the bodies for those who
// debug. Records are written ahead into a spool and are never lost; bodies go to the store in batches and are the first thing
// shed under pressure.
//
// It knows records and how they are kept. It does not know HTTP, SQL, or how an exchange comes about.
package logs

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/price"
)

// Outcome is how an exchange ended, as its client saw it.
type Outcome string

// The outcomes.
const (
	OK        Outcome = "ok"
	Failed    Outcome = "error"     // refused or failed before the first byte
	Truncated Outcome = "truncated" // failed after the first byte: the client got an error event
	Canceled  Outcome = "canceled"  // the client left
)

// Record is one exchange. Times are UTC; durations are counted from At.
type Record struct {
	ID        string // UUIDv7: sorts by time
	At        time.Time
	Surface   llm.Dialect
	Method    string
	Path      string // route template, not the raw path
	Key       string // id of the virtual key; "" for the local principal
	Org       string // the team's
	Team      string
	User      string // the user the key belongs to
	EndUser   string // as the caller named it
	Session   string
	Task      string
	Tags      []string
	Metadata  jsontext.Value // object of strings, or nil
	Trace     string         // W3C trace id, hex
	Span      string         // ours
	Parent    string         // the caller's span
	Called    string         // the model that the client asked for
	Stream    bool
	Provider  string // that answered, or was tried last
	Model     string // upstream's
	Route     string // why this target
	Status    int    // HTTP status the client saw; 499 when it left before
	Outcome   Outcome
	Class     string // of the error; "" when there was none
	Code      string
	Message   string
	Cache     string
	Saved     price.Nano // what a cache hit would have cost upstream, by the price book
	Dropped   []string
	Stop      llm.StopReason
	FirstByte time.Duration // to the first byte sent to the client; 0 when none was
	Total     time.Duration
	Overhead  time.Duration // of it, our own work before the first attempt and between attempts
	BytesIn   int64
	BytesOut  int64
	Bodies    bool // bodies were kept
	Attempts  []Attempt
}

// Attempt is one ledger line: one call of one provider, which may have been billed. Its key is (Record.ID, N).
type Attempt struct {
	N          int // from 1
	Provider   string
	Model      string
	Credential string // label of the provider key, never the key
	At         time.Time
	FirstByte  time.Duration
	Total      time.Duration
	Status     int // the upstream's; 0 when none came
	Class      string
	Code       string
	Message    string
	Sent       bool // bytes may have reached the model
	Usage      llm.Usage
	Cost       price.Cost
}

// Cost sums the attempts. It is Unpriced as soon as one of them is.
func (r *Record) Cost() price.Cost {
	sum := price.Cost{State: price.Free}
	for i := range r.Attempts {
		c := r.Attempts[i].Cost
		switch {
		case c.State == price.Unpriced:
			return price.Cost{State: price.Unpriced}
		case c.State == price.Free:
			continue
		case sum.State == price.Free:
			sum.State, sum.Version = c.State, c.Version
		}
		sum.Nano += c.Nano
	}
	return sum
}

// Bodies is what went over the wire between the client and us.
type Bodies struct {
	Request        []byte
	Response       []byte
	Upstream       []byte // the request as it was translated, when that differs in more than single members
	RequestHeader  map[string]string
	ResponseHeader map[string]string
	Cut            bool // something of it was cut at the limit for bodies
}
