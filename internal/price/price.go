// Package price turns usage into money, in integers, and says so when it cannot.
//
// It knows meters and price lists; it does not know who pays, nor where a usage comes from.
package price

import "strconv"

// Nano is an amount of money in billionths of a US dollar.
type Nano int64

// String is the amount in dollars, with as many decimals as it needs.
func (n Nano) String() string {
	s := ""
	if n < 0 {
		s, n = "-", -n
	}
	frac := strconv.FormatInt(int64(n%1e9)+1e9, 10)[1:]
	for len(frac) > 0 && frac[len(frac)-1] == '0' {
		frac = frac[:len(frac)-1]
	}
	s += strconv.FormatInt(int64(n/1e9), 10)
	if frac != "" {
		s += "." + frac
	}
	return s
}

// State says whether an amount is known. An unknown price is a state that everybody sees, never a zero.
type State string

// The states of a cost.
const (
	Priced   State = "priced"   // by the price book
	Billed   State = "billed"   // the provider itself said the amount
	Unpriced State = "unpriced" // no price known for something that was consumed
	Free     State = "free"     // nothing was consumed: the attempt cannot have been billed
)

// Cost is the price of one usage. Nano is 0 and means nothing when State is Unpriced.
type Cost struct {
	Nano    Nano
	State   State
	Version string // of the price book, or "config" for an override
}
