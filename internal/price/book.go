package price

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"tidegate/internal/llm"
)

// Book is an immutable price list of many providers. It also knows which provider has which model, since it must anyway.
// Provider names are those of the provider table and those added by [Book.With]; model names are matched without regard to
// case, and find dated snapshots, aliases and resource paths (models/…).
type Book struct {
	version, date, source string

	lists  map[string]*list
	every  *list // overrides for all providers; nil when there are none
	equals []line
}

// list is what one provider sells. A list may lie above another, whose models it overrides.
type list struct {
	models   []*entry
	exact    map[string]*entry
	patterns []matcher
	tiers    []tier
	below    *list
	fallback []*list // whose prices hold for models the list has not; the provider is not said to know these
	resells  bool    // likewise, vendor/model at the vendor's price
}

type matcher struct {
	pattern
	model *entry
}

type entry struct {
	Model
	free     bool
	override bool
	rows     []row
}

// Model is one model of a provider.
type Model struct {
	ID      string
	Window  int64 // input tokens it accepts; 0 when unknown
	Retired bool  // the vendor has withdrawn it, or said when it will
}

// tier is a factor on the token prices, in hundredths.
type tier struct {
	name   string
	models []pattern // nil: all
	factor int64
}

// Version identifies the prices: it changes whenever one of them does.
func (b *Book) Version() string { return b.version }

// Date is the day of the figures, YYYY-MM-DD.
func (b *Book) Date() string { return b.date }

// Source says where the figures come from.
func (b *Book) Source() string { return b.source }

// Cost is what a usage costs, rounded once, half up. It never guesses:
//
//   - an amount that the provider itself states counts, whatever the book says ([Billed]);
//   - nothing consumed, or a provider that runs on the user's own machine, is [Free];
//   - an unknown model, a consumed meter without a price, and a service tier without a known factor are [Unpriced].
//
// Meters without a price of their own have these: reading from a cache and writing to it cost what input does, writing for an
// hour twice that where writing costs extra, and audio, image and reasoning tokens what text does in their direction. Web
// searches, seconds of audio, characters and images have no such neighbour: they are unpriced without a price.
func (b *Book) Cost(provider, model string, when time.Time, u *llm.Usage) Cost {
	if u == nil {
		return Cost{State: Unpriced, Version: b.version}
	}
	if u.Billed != "" {
		if n, ok := billed(u.Billed); ok {
			return Cost{Nano: n, State: Billed}
		}
	}
	if !slices.ContainsFunc(u.N[:], func(n int64) bool { return n > 0 }) {
		return Cost{State: Free, Version: b.version}
	}
	m := b.priced(provider, model)
	if m == nil {
		return Cost{State: Unpriced, Version: b.version}
	}
	cost := Cost{State: Priced, Version: b.version}
	if m.override {
		cost.Version = "config"
	}
	if m.free {
		cost.State = Free
		return cost
	}
	factor, known := b.factor(provider, model, u.Tier)
	if !known && !m.override { // who states a price means it for whatever tier is used
		return Cost{State: Unpriced, Version: cost.Version}
	}
	n, ok := at(m.rows, when, u.Input()).sum(u, factor)
	if !ok {
		return Cost{State: Unpriced, Version: cost.Version}
	}
	cost.Nano = n
	return cost
}

// Price is the price of a million units of a meter for a small request at a time, fallbacks included; false when unknown.
func (b *Book) Price(provider, model string, when time.Time, meter llm.Meter) (Nano, bool) {
	m := b.priced(provider, model)
	if m == nil {
		return 0, false
	}
	n := at(m.rows, when, 0)[meter]
	return Nano(max(n, 0)), n != none
}

// Window is the number of input tokens that a model accepts; 0 when unknown.
func (b *Book) Window(provider, model string) int64 {
	if m := b.priced(provider, model); m != nil {
		return m.Window
	}
	return 0
}

// Has tells whether there is a list for the provider.
func (b *Book) Has(provider string) bool { return b.lists[provider] != nil }

// Knows tells whether the provider has the model. A price that a wildcard gives does not make a model known.
func (b *Book) Knows(provider, model string) bool {
	var buf [128]byte
	m := b.lists[provider].find(appendLower(buf[:0], model))
	return m != nil && !(m.override && strings.Contains(m.ID, "*"))
}

// Models are the provider's models in the order of its list, added ones first.
func (b *Book) Models(provider string) []Model {
	var all []Model
	seen := map[string]bool{}
	for l := b.lists[provider]; l != nil; l = l.below {
		for _, m := range l.models {
			if seen[m.ID] || m.override && strings.Contains(m.ID, "*") {
				continue
			}
			seen[m.ID] = true
			all = append(all, m.Model)
		}
	}
	return all
}

// Providers are the names of those that know the model, sorted.
func (b *Book) Providers(model string) []string {
	var names []string
	for name := range b.lists {
		if b.Knows(name, model) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// priced finds the model whose prices hold.
func (b *Book) priced(provider, model string) *entry {
	var buf [128]byte
	name := appendLower(buf[:0], model)
	if b.every != nil {
		if m := b.every.own(bare(name)); m != nil {
			return m
		}
	}
	l := b.lists[provider]
	if m := l.find(name); m != nil {
		return m
	}
	for ; l != nil; l = l.below {
		for _, other := range l.fallback {
			if m := other.find(name); m != nil {
				return m
			}
		}
		if vendor, rest, ok := bytes.Cut(name, []byte{'/'}); ok && l.resells {
			return b.lists[string(vendor)].find(rest)
		}
	}
	return nil
}

// find looks the name up in the list and those below: as it is, without its resource path, without the date of a snapshot.
func (l *list) find(name []byte) *entry {
	full := bare(name)
	last := 0
	for _, name := range [...][]byte{name, full, undated(full)} {
		if len(name) == last {
			continue
		}
		last = len(name)
		for l := l; l != nil; l = l.below {
			if m := l.own(name); m != nil {
				return m
			}
		}
	}
	return nil
}

func (l *list) own(name []byte) *entry {
	if m := l.exact[string(name)]; m != nil {
		return m
	}
	for i := range l.patterns {
		if l.patterns[i].match(name) {
			return l.patterns[i].model
		}
	}
	return nil
}

// factor is what a service tier multiplies token prices by, in hundredths; false when that is unknown.
func (b *Book) factor(provider, model, name string) (int64, bool) {
	for _, standard := range [...]string{"", "default", "standard", "auto", "on_demand"} {
		if strings.EqualFold(name, standard) {
			return 100, true
		}
	}
	l := b.lists[provider]
	if l == nil {
		return 100, false
	}
	var buf [128]byte
	id := bare(appendLower(buf[:0], model))
	for i := range l.tiers {
		t := &l.tiers[i]
		if strings.EqualFold(name, t.name) && (t.models == nil || matches(t.models, id)) {
			return t.factor, true
		}
	}
	return 100, false
}

func matches(ps []pattern, name []byte) bool {
	for i := range ps {
		if ps[i].match(name) {
			return true
		}
	}
	return false
}
