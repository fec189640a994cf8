package price

import (
	_ "embed"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
)

// Which models stand in for which, from a routing table of our own making: by price and by what the vendors sell a model for,
// as of the book's date. Models of one line are alike; the first of each provider is the one to go to. A model belongs to the
// first line that names it.
//
//go:embed equivalents.json
var equivalents []byte

// line is one line of the table, by the list of each provider.
type line map[*list]alike

type alike struct {
	first  string
	models []*entry
}

// lines reads the table. Models that this book does not have are passed over.
func (b *Book) lines() ([]line, error) {
	var table []map[string][]string
	if err := json.Unmarshal(equivalents, &table); err != nil {
		return nil, fmt.Errorf("equivalents: %w", err)
	}
	all := make([]line, 0, len(table))
	for _, names := range table {
		ln := line{}
		for provider, models := range names {
			var a alike
			for _, model := range models {
				m := b.lists[provider].find([]byte(model))
				if m == nil {
					continue
				}
				if a.first == "" {
					a.first = model
				}
				a.models = append(a.models, m)
			}
			ln[b.lists[provider]] = a
		}
		all = append(all, ln)
	}
	return all, nil
}

// Equivalent is the provider's model that stands in for the given one: that model itself where the provider has it, else the
// one of the table; false when there is none. The model may be an alias or a dated snapshot.
func (b *Book) Equivalent(model, provider string) (string, bool) {
	if b.Knows(provider, model) {
		return model, true
	}
	target := b.lists[provider].bottom()
	name := appendLower(nil, model)
	for _, ln := range b.equals {
		own := ln[target].first
		if own == "" {
			continue
		}
		for l, a := range ln {
			if slices.Contains(a.models, l.find(name)) {
				return own, true
			}
		}
	}
	return "", false
}

// bottom is the list of the book below all overrides.
func (l *list) bottom() *list {
	for l != nil && l.below != nil {
		l = l.below
	}
	return l
}
