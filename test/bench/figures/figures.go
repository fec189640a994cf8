// Package figures is what the load generator reports to whoever started it: one JSON document on its standard output.
package figures

// Load is the result of one run. Every request that was sent is counted, in one of OK, Refused or Failed.
type Load struct {
	OK      uint64            `json:"ok"`
	Refused uint64            `json:"refused"` // answered with another status than 200, or a stream without events
	Failed  uint64            `json:"failed"`  // not answered
	Status  map[string]uint64 `json:"status,omitempty"`
	Sample  string            `json:"sample,omitempty"` // of a refusal
	Error   string            `json:"error,omitempty"`  // the last failure

	Events  uint64  `json:"events"`
	Dials   uint64  `json:"dials"`
	Backlog int     `json:"backlog"` // open loop: requests that were due and not yet sent, at most
	Seconds float64 `json:"seconds"` // from the first send to the last answer

	Latency  Quantiles `json:"latency"`  // from when the request was due to the end of its answer
	Added    Quantiles `json:"added"`    // the same without the time that the upstream took by its own account
	First    Quantiles `json:"first"`    // the first event: from its being written upstream to its being read
	Interval Quantiles `json:"interval"` // every event, likewise
}

// Quantiles are in microseconds.
type Quantiles struct {
	N    uint64  `json:"n"`
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}
