package price

import (
	"fmt"
	"maps"

	"tidegate/internal/llm"
)

// Override is a price that the operator states. It goes before the book's, and its costs have the version "config".
type Override struct {
	Provider string             // a name of the provider table or of the configuration; "" is every provider
	Model    string             // a name or a pattern (gpt-4o*, *)
	Prices   map[llm.Meter]Nano // per million units
	Request  Nano               // for each exchange, not per million
	Window   int64              // input tokens; 0 when unknown
	Free     bool               // costs nothing, whatever is consumed: a server on the user's own machine
}

// With is the book with configured providers and stated prices added. A configured provider (name) has the prices of the list
// that names says (usually its row's); its own overrides lie above these. Of two overrides for the same model the first counts.
func (b *Book) With(names map[string]string, overrides []Override) (*Book, error) {
	c := *b
	c.lists = maps.Clone(b.lists)
	for name, of := range names {
		if name != of && b.lists[of] != nil {
			c.lists[name] = over(b.lists[of])
		}
	}
	above := map[string]*list{}
	for i := range overrides {
		o := &overrides[i]
		if above[o.Provider] == nil {
			above[o.Provider] = over(c.lists[o.Provider])
		}
		if err := o.addTo(above[o.Provider]); err != nil {
			return nil, fmt.Errorf("price of %q: %w", o.Model, err)
		}
	}
	c.every = above[""]
	delete(above, "")
	maps.Copy(c.lists, above)
	return &c, nil
}

// over is an empty list above another.
func over(below *list) *list {
	l := &list{below: below, exact: map[string]*entry{}}
	if below != nil {
		l.tiers = below.tiers
	}
	return l
}

func (o *Override) addTo(l *list) error {
	m := &entry{Model: Model{ID: o.Model, Window: o.Window}, free: o.Free, override: true}
	r := row{over: none, price: noPrices()}
	for meter, n := range o.Prices {
		if n < 0 || n > dearest {
			return fmt.Errorf("%v: bad price %v", meter, n)
		}
		r.price[meter] = int64(n)
	}
	if o.Request < 0 || o.Request > dearest/1_000_000 {
		return fmt.Errorf("bad price %v of a request", o.Request)
	}
	r.price[request] = int64(o.Request) * 1_000_000
	r.price.fill()
	m.rows = []row{r}
	return l.add(m, []string{o.Model})
}
