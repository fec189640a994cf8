package price

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

var errAmount = errors.New("not an amount of dollars")

// Parse reads an exact, non-negative amount of dollars: "10", "$0.075". More than nine decimals, an exponent or a sign is an
// error, so that no price is ever rounded silently.
func Parse(s string) (Nano, error) {
	s = strings.TrimPrefix(s, "$")
	n, exact, ok := scaled(s, 9)
	if !ok || !exact || strings.ContainsAny(s, "eE") {
		return 0, errAmount
	}
	return Nano(n), nil
}

// billed reads what a provider says it charged: a JSON number, perhaps with an exponent and with the noise of the
// provider's own floats behind the ninth decimal. It is rounded half up.
func billed(s string) (Nano, bool) {
	mantissa, exp := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.Atoi(s[i+1:])
		if err != nil || e < -1000 || e > 1000 {
			return 0, false
		}
		mantissa, exp = s[:i], e
	}
	n, _, ok := scaled(mantissa, 9+exp)
	return Nano(n), ok
}

// scaled reads digits with at most one point and returns them times ten to the shift, rounded half up, and whether that is
// exact. What does not fit an int64 is not ok.
func scaled(s string, shift int) (n int64, exact, ok bool) {
	whole, frac, _ := strings.Cut(s, ".")
	if whole == "" && frac == "" {
		return 0, false, false
	}
	at := func(i int) byte { // the i-th digit, counted from the first one written
		switch {
		case i < len(whole):
			return whole[i]
		case i < len(whole)+len(frac):
			return frac[i-len(whole)]
		}
		return '0'
	}
	written := len(whole) + len(frac)
	for i := range written {
		if c := at(i); c < '0' || c > '9' {
			return 0, false, false
		}
	}
	kept := len(whole) + shift // digits that end up before the point
	for i := range max(0, kept) {
		d := int64(at(i) - '0')
		if n > (math.MaxInt64-d)/10 {
			return 0, false, false
		}
		n = n*10 + d
	}
	exact = true
	for i := max(0, kept); i < written; i++ {
		exact = exact && at(i) == '0'
	}
	if kept >= 0 && kept < written && at(kept) >= '5' {
		if n == math.MaxInt64 {
			return 0, false, false
		}
		n++
	}
	return n, exact, true
}
