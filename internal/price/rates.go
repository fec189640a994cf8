package price

import (
	"math"
	"math/bits"
	"time"

	"tidegate/internal/llm"
)

// request is the place of the price for one exchange, behind those of the meters.
const request = int(llm.NumMeters)

// none is the absence of a price, which is not a price of zero.
const none = -1

// dearest is the largest price that a book may hold, in nano-dollars per million: a million dollars. Together with most it
// keeps every sum below 2^128.
const (
	dearest = 1_000_000 * 1_000_000_000
	most    = 1 << 50 // a count above this is taken for it
)

// prices are nano-dollars per million units, by meter, and per million exchanges at [request].
type prices [request + 1]int64

func noPrices() (p prices) {
	for i := range p {
		p[i] = none
	}
	return p
}

// fill gives the meters without a price of their own the price that vendors charge when they do not name one.
func (p *prices) fill() {
	or := func(m llm.Meter, price int64) {
		if p[m] == none {
			p[m] = price
		}
	}
	// Writing for an hour costs twice the input price wherever writing costs extra at all:
	// platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing, seen 2026-11-24.
	if long := p[llm.InputText]; long != none && p[llm.InputCacheWrite5m] != none {
		or(llm.InputCacheWrite1h, 2*long)
	}
	or(llm.InputCacheRead, p[llm.InputText])
	or(llm.InputCacheWrite5m, p[llm.InputText])
	or(llm.InputCacheWrite1h, p[llm.InputText])
	or(llm.InputAudio, p[llm.InputText])
	or(llm.InputImage, p[llm.InputText])
	or(llm.OutputReasoning, p[llm.OutputText])
	or(llm.OutputAudio, p[llm.OutputText])
	or(llm.OutputImage, p[llm.OutputText])
	or(llm.Meter(request), 0)
}

// row is one set of prices and when it holds.
type row struct {
	from       int64 // Unix seconds; 0: always
	start, end int16 // minutes of the UTC day, perhaps across midnight; equal: all day
	over       int64 // holds above so many input tokens, cached ones included; all tokens then have its prices
	price      prices
}

func (r *row) holds(unix, input int64) bool {
	if unix < r.from || input <= r.over {
		return false
	}
	if r.start == r.end {
		return true
	}
	minute := int16((unix%86400 + 86400) % 86400 / 60)
	if r.start < r.end {
		return r.start <= minute && minute < r.end
	}
	return r.start <= minute || minute < r.end
}

// at is the last row that holds. The first one always does.
func at(rows []row, when time.Time, input int64) *prices {
	unix := when.Unix()
	for i := len(rows) - 1; i > 0; i-- {
		if rows[i].holds(unix, input) {
			return &rows[i].price
		}
	}
	return &rows[0].price
}

// sum is Σ n·price, tokens times factor (in hundredths), rounded once, half up. It reports a consumed meter without a price.
func (p *prices) sum(u *llm.Usage, factor int64) (Nano, bool) {
	var tokens, fees uint128
	for m, n := range u.N {
		if n <= 0 {
			continue
		}
		if p[m] == none {
			return 0, false
		}
		hi, lo := bits.Mul64(uint64(min(n, most)), uint64(p[m]))
		if llm.Meter(m) <= llm.OutputImage {
			tokens.add(hi, lo)
		} else {
			fees.add(hi, lo)
		}
	}
	fees.add(0, uint64(p[request]))
	tokens.times(uint64(factor))
	fees.times(100)
	tokens.add(fees.hi, fees.lo)
	return tokens.round(100 * 1_000_000), true
}

type uint128 struct{ hi, lo uint64 }

func (a *uint128) add(hi, lo uint64) {
	var carry uint64
	a.lo, carry = bits.Add64(a.lo, lo, 0)
	a.hi, _ = bits.Add64(a.hi, hi, carry)
}

func (a *uint128) times(f uint64) {
	hi, lo := bits.Mul64(a.lo, f)
	a.hi, a.lo = hi+a.hi*f, lo
}

// round divides, half up. What no Nano can hold becomes the largest one, nine billion dollars.
func (a uint128) round(by uint64) Nano {
	a.add(0, by/2)
	if a.hi >= by {
		return math.MaxInt64
	}
	q, _ := bits.Div64(a.hi, a.lo, by)
	return Nano(min(q, math.MaxInt64))
}
