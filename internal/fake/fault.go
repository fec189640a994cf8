package fake

import (
	"net/http"
	"strconv"
	"time"
)

// fault is an error before a dialect says it in its own words.
type fault struct {
	status int
	why    why
	param  string // the member of the request that is at fault, dotted, or the model
	msg    string // "" leaves the words to the dialect

	retryAfter int // seconds; 0 is not said
	retryAs    string
	leak       bool // the message quotes the key
}

// why is what an error is about, where its status does not tell.
type why string

const (
	whyNoKey      why = "no key"
	whyNoModel    why = "no model"
	whyContext    why = "context"
	whyQuota      why = "quota"
	whyPolicy     why = "policy"
	whyAuth       why = "auth"
	whyOverloaded why = "overloaded"
)

// headers says how long to wait, where the vendor says it in a header.
func (f *fault) headers(h http.Header, d dialect) {
	if f.retryAfter == 0 || d.retry() != retryHeader {
		return
	}
	wait := time.Duration(f.retryAfter) * time.Second
	switch f.retryAs {
	case "ms":
		h.Set("Retry-After-Ms", strconv.FormatInt(wait.Milliseconds(), 10))
	case "date":
		h.Set("Retry-After", time.Now().Add(wait).UTC().Format(http.TimeFormat))
	default:
		h.Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
}

// phrase is what a vendor answers to a kind of fault.
type phrase struct {
	status int
	msg    string
}

// said is the fault with the status and the message that the vendor has for it; a message of its own stays.
func (f fault) said(d dialect) *fault {
	p, ok := d.phrases()[f.why]
	if ok {
		f.status = p.status
	}
	if f.msg == "" {
		f.msg = p.msg
	}
	if f.msg == "" {
		f.msg = plainWords(f.status)
	}
	return &f
}

func plainWords(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "The API key is not valid."
	case http.StatusForbidden:
		return "The API key may not do this."
	case http.StatusTooManyRequests:
		return "Too many requests for this model. Try again later."
	case http.StatusServiceUnavailable, 529:
		return "The server is overloaded. Try again later."
	case http.StatusInternalServerError:
		return "The server had an error while processing the request."
	}
	if t := http.StatusText(status); t != "" {
		return t + "."
	}
	return "The request failed with status " + strconv.Itoa(status) + "."
}
