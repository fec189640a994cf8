package openaichat

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"tidegate/internal/llm"
)

// retryAfter is when the provider says that another try makes sense: retry-after-ms, retry-after (seconds or a date), Google's
// RetryInfo, and for rate limits the reset of the limit that is used up. 0 when it does not say.
func retryAfter(h http.Header, info string, class llm.Class) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	if d := interval(h.Get("Retry-After"), h); d > 0 {
		return d
	}
	if d, err := time.ParseDuration(info); err == nil && d > 0 {
		return d
	}
	if class != llm.RateLimited {
		return 0
	}
	return limitReset(h)
}

// interval reads seconds, or a date seen against the answer's own date.
func interval(text string, h http.Header) time.Duration {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		return time.Duration(seconds * float64(time.Second))
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return until.Sub(now)
}

// limitReset looks at x-ratelimit-reset(-requests|-tokens|…). Of several limits the ones with nothing remaining count, and of
// those the longest wait; when none says so, the shortest.
func limitReset(h http.Header) time.Duration {
	var empty, least time.Duration
	for name, values := range h {
		rest, ok := strings.CutPrefix(strings.ToLower(name), "x-ratelimit-reset")
		if !ok || len(values) == 0 {
			continue
		}
		d := resetIn(values[0], h)
		if d <= 0 {
			continue
		}
		if h.Get("X-Ratelimit-Remaining"+rest) == "0" {
			empty = max(empty, d)
		}
		if least == 0 || d < least {
			least = d
		}
	}
	if empty > 0 {
		return empty
	}
	return least
}

// resetIn reads a duration ("6m0s"), seconds, or a moment in milliseconds since 1970 (OpenRouter).
func resetIn(text string, h http.Header) time.Duration {
	if d, err := time.ParseDuration(text); err == nil {
		return d
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return interval(text, h)
	}
	const year2001 = 1e12 // in milliseconds; a wait is never that long
	if n < year2001 {
		return time.Duration(n * float64(time.Second))
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return time.UnixMilli(int64(n)).Sub(now)
}
