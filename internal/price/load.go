package price

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"tidegate/internal/llm"
)

// The book that ships with the program, written by scripts/prices.
//
//go:embed book.json
var embedded []byte

// Embedded is the book that ships with the program. Loading takes a few milliseconds: do it once.
func Embedded() *Book {
	b, err := Load(bytes.NewReader(embedded))
	if err != nil {
		panic("price: the embedded book: " + err.Error()) // a test loads it, so this cannot be released
	}
	return b
}

// The file: providers with their models, one a line. Prices are decimal dollars per million of the meter's unit, by
// the name of the meter (searches: per million searches), and `request` per million exchanges. A model is found by its id or
// by match, else by id alone: text, text*, *text, *text*, where # is a digit; exact names win, then the first pattern in the
// file. `then` are other prices of the same model, from a date on, at hours of the day, or over a number of input tokens: the
// last one that applies counts, and names all prices that hold then.
type (
	fileBook struct {
		Version   string         `json:"version"`
		Date      string         `json:"date"`
		Source    string         `json:"source"`
		Providers []fileProvider `json:"providers"`
	}
	fileProvider struct {
		Name     string      `json:"name"`
		Fallback []string    `json:"fallback"`
		Resells  bool        `json:"resells"`
		Tiers    []fileTier  `json:"tiers"`
		Models   []fileModel `json:"models"`
	}
	fileTier struct {
		Name   string   `json:"name"`
		X      string   `json:"x"`
		Models []string `json:"models"`
	}
	fileModel struct {
		ID      string            `json:"id"`
		Match   []string          `json:"match"`
		Window  int64             `json:"window"`
		Retired bool              `json:"retired"`
		USD     map[string]string `json:"usd"`
		Then    []fileThen        `json:"then"`
	}
	fileThen struct {
		From string            `json:"from"` // YYYY-MM-DD, at midnight UTC
		UTC  string            `json:"utc"`  // HH:MM-HH:MM
		Over int64             `json:"over"`
		USD  map[string]string `json:"usd"`
	}
)

// Load reads a book. Everything in it is checked; an error says which model it is about.
func Load(r io.Reader) (*Book, error) {
	var f fileBook
	if err := json.UnmarshalRead(r, &f, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("price book: %w", err)
	}
	if f.Version == "" {
		return nil, errors.New("price book: no version")
	}
	b := &Book{version: f.Version, date: f.Date, source: f.Source, lists: make(map[string]*list, len(f.Providers))}
	for i := range f.Providers {
		p := &f.Providers[i]
		if p.Name == "" || b.lists[p.Name] != nil {
			return nil, fmt.Errorf("price book: provider %d (%q) has no name of its own", i+1, p.Name)
		}
		l, err := p.list()
		if err != nil {
			return nil, fmt.Errorf("price book: %s: %w", p.Name, err)
		}
		b.lists[p.Name] = l
	}
	for i := range f.Providers {
		p := &f.Providers[i]
		for _, name := range p.Fallback {
			if b.lists[name] == nil || name == p.Name {
				return nil, fmt.Errorf("price book: %s: no fallback %q", p.Name, name)
			}
			b.lists[p.Name].fallback = append(b.lists[p.Name].fallback, b.lists[name])
		}
	}
	var err error
	b.equals, err = b.lines()
	return b, err
}

func (p *fileProvider) list() (*list, error) {
	l := &list{resells: p.Resells, exact: make(map[string]*entry, 2*len(p.Models))}
	for i := range p.Tiers {
		t, err := p.Tiers[i].tier()
		if err != nil {
			return nil, err
		}
		l.tiers = append(l.tiers, t)
	}
	for i := range p.Models {
		f := &p.Models[i]
		m, err := f.entry()
		if err == nil {
			err = l.add(m, f.Match)
		}
		if err != nil {
			return nil, fmt.Errorf("model %q: %w", f.ID, err)
		}
	}
	return l, nil
}

// add files a model under its patterns, or its id when there are none. The first model that claims a name keeps it.
func (l *list) add(m *entry, match []string) error {
	if m.ID == "" {
		return errors.New("no id")
	}
	if len(match) == 0 {
		match = []string{m.ID}
	}
	for _, s := range match {
		p, err := parsePattern(s)
		if err != nil {
			return fmt.Errorf("%q: %w", s, err)
		}
		if !p.literal() {
			l.patterns = append(l.patterns, matcher{p, m})
			continue
		}
		if l.exact[p.text] == nil {
			l.exact[p.text] = m
		}
	}
	l.models = append(l.models, m)
	return nil
}

func (f *fileTier) tier() (tier, error) {
	t := tier{name: f.Name}
	n, exact, ok := scaled(f.X, 2)
	if f.Name == "" || !ok || !exact || n > 10_000 {
		return t, fmt.Errorf("tier %q: bad factor %q", f.Name, f.X)
	}
	t.factor = n
	for _, s := range f.Models {
		p, err := parsePattern(s)
		if err != nil {
			return t, fmt.Errorf("tier %q: %w", f.Name, err)
		}
		t.models = append(t.models, p)
	}
	return t, nil
}

func (f *fileModel) entry() (*entry, error) {
	m := &entry{Model: Model{ID: f.ID, Window: f.Window, Retired: f.Retired}}
	first := fileThen{USD: f.USD}
	for _, t := range slices.Concat([]fileThen{first}, f.Then) {
		r, err := t.row()
		if err != nil {
			return nil, err
		}
		m.rows = append(m.rows, r)
	}
	if f.Window < 0 {
		return nil, errors.New("negative window")
	}
	return m, nil
}

func (f *fileThen) row() (row, error) {
	r := row{over: none, price: noPrices()}
	if f.From != "" {
		t, err := time.Parse(time.DateOnly, f.From)
		if err != nil {
			return r, fmt.Errorf("from %q is not a date", f.From)
		}
		r.from = t.Unix()
	}
	if f.UTC != "" {
		from, to, _ := strings.Cut(f.UTC, "-")
		start, err1 := time.Parse("15:04", from)
		end, err2 := time.Parse("15:04", to)
		if err1 != nil || err2 != nil {
			return r, fmt.Errorf("utc %q is not HH:MM-HH:MM", f.UTC)
		}
		r.start, r.end = minutes(start), minutes(end)
	}
	if f.Over < 0 {
		return r, errors.New("over is negative")
	}
	if f.Over > 0 {
		r.over = f.Over
	}
	for name, s := range f.USD {
		if err := r.price.set(name, s); err != nil {
			return r, err
		}
	}
	r.price.fill()
	return r, nil
}

func minutes(t time.Time) int16 { return int16(t.Hour()*60 + t.Minute()) }

func (p *prices) set(name, s string) error {
	m := request
	if name != "request" {
		m = slices.Index(llm.MeterNames[:], name)
	}
	if m < 0 {
		return fmt.Errorf("no meter %q", name)
	}
	n, err := Parse(s)
	if err != nil || n > dearest {
		return fmt.Errorf("%s: bad price %s", name, strconv.Quote(s))
	}
	p[m] = int64(n)
	return nil
}
