package llm

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Class sorts failures by what can be done about them.
type Class uint8

// The closed set of classes; route/policy.go says for each what is tried next.
const (
	BadRequest    Class = iota + 1 // the request itself is wrong, for every target
	ContextLength                  // too long for this model
	Filtered                       // a content filter refused
	Unsupported                    // this target cannot do what was asked
	Credential                     // the provider refused our key
	Access                         // the key may not use this model or region
	ModelGone                      // no such model there
	Quota                          // no money left at the provider, or a budget of ours
	RateLimited                    // too many requests
	Overloaded                     // the provider is in trouble
	Timeout                        // connect, first byte, idle or total
	Network                        // refused, reset, cut
	Canceled                       // the client left
	Internal                       // our own bug
	NumClasses
)

var classNames = [NumClasses]string{
	"", "bad_request", "context_length", "filtered", "unsupported", "credential", "access", "model_gone", "quota",
	"rate_limited", "overloaded", "timeout", "network", "canceled", "internal",
}

func (c Class) String() string { return classNames[c] }

// Status is the HTTP status with which a client learns of the class when the upstream gave none that fits.
func (c Class) Status() int {
	switch c {
	case BadRequest, ContextLength, Filtered, Unsupported:
		return http.StatusBadRequest
	case Credential, Network:
		return http.StatusBadGateway // a refused upstream key is the operator's trouble, never the client's 401
	case Access:
		return http.StatusForbidden
	case ModelGone:
		return http.StatusNotFound
	case Quota, RateLimited:
		return http.StatusTooManyRequests
	case Overloaded:
		return http.StatusServiceUnavailable
	case Timeout:
		return http.StatusGatewayTimeout
	case Canceled:
		return 499 // nginx's "client closed request"; only ever seen in logs
	case Internal:
		return http.StatusInternalServerError
	}
	return http.StatusInternalServerError
}

// Error is every failure that the gateway speaks of. Message is fit for the client: it never holds a key, an upstream
// address or the text of a Go error, which stay in Err for the operator.
type Error struct {
	Class      Class
	Status     int           // the upstream's, or ours; 0: Class.Status
	Code       string        // a stable word for programs: the upstream's own or ours
	Kind       string        // the upstream's own error type, where its dialect has one
	Param      string        // which field of the request, where known
	Message    string        //
	RetryAfter time.Duration // 0: not said
	Sent       bool          // bytes may have reached the model: the attempt may be billed
	Dialect    Dialect       // of Raw; "" when the error is ours
	Header     http.Header   // the upstream's, for the few that pass on
	Raw        []byte        // the upstream's body or frame, verbatim, for clients of the same dialect
	Err        error
}

func (e *Error) Error() string {
	s := e.Class.String()
	if e.Code != "" {
		s += " " + e.Code
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Err != nil {
		s += fmt.Sprintf(" (%v)", e.Err)
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// HTTPStatus is what the client sees: the upstream's status, or ours. An upstream that refused our key is no fault of the
// client's: only a credential error of our own is its 401.
func (e *Error) HTTPStatus() int {
	if e.Status >= 400 && (e.Class != Credential || e.Dialect == "") {
		return e.Status
	}
	return e.Class.Status()
}

// AsError gives any error its place among ours; what it does not know is Internal.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Class: Internal, Code: "gateway_error", Message: "the gateway failed; its log has the details", Err: err}
}
