package app

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tidegate/internal/config"
	"tidegate/internal/fake"
	"tidegate/internal/gate"
	"tidegate/internal/llm"
	"tidegate/internal/price"
	"tidegate/internal/provider"
	"tidegate/internal/route"
	"tidegate/internal/tenant"
)

// builder makes snapshots of configurations. What lives longer than one of them (connections, the price book, the demo) is
// made once and lent to each.
type builder struct {
	book      func() (*price.Book, error)
	transport http.RoundTripper
	demo      *fake.Server
	pepper    []byte
	env       func(string) (string, bool)
}

// build compiles a configuration, whole or not at all.
func (b *builder) build(cfg *config.Config) (*gate.State, error) {
	upstreams, err := b.upstreams(cfg)
	if err != nil {
		return nil, err
	}
	book, err := b.prices(cfg, upstreams)
	if err != nil {
		return nil, err
	}
	names := map[string]route.Name{}
	for _, m := range cfg.Models {
		n := route.Name{Attempts: m.Retry.Attempts, AllowLoss: m.OnLoss == config.Allow}
		for _, t := range m.Targets {
			n.Targets = append(n.Targets, route.Ref{Provider: t.Model.Provider, Model: t.Model.Model})
		}
		names[m.Name] = n
	}
	return &gate.State{
		Keys:      b.keys(cfg),
		Prices:    book,
		Bodies:    cfg.Log.Bodies == config.BodiesFull,
		BodyLimit: int(cfg.Log.BodyLimit),
		Version:   cfg.Version,
		Routes: route.NewTable(route.Options{
			Upstreams: upstreams, Known: known, Names: names,
			Default: cfg.Routing.DefaultProvider, Fallbacks: cfg.Routing.Fallbacks, Equivalents: cfg.Equivalents,
			Attempts: cfg.Routing.Retry.Attempts, AllowLoss: cfg.Routing.OnLoss == config.Allow,
			Timeouts: cfg.Timeouts, Catalogue: catalogue{book},
		}),
	}, nil
}

func pick[T comparable](first, second T) T {
	var none T
	if first != none {
		return first
	}
	return second
}

// upstreams are the configured providers in the file's order, then those whose key the environment holds, then the demo.
func (b *builder) upstreams(cfg *config.Config) ([]*provider.Upstream, error) {
	var list []*provider.Upstream
	for i := range cfg.Providers {
		u, err := b.configured(&cfg.Providers[i])
		if err != nil {
			return nil, fmt.Errorf("providers.%s: %w", cfg.Providers[i].Name, err)
		}
		list = append(list, u)
	}
	has := func(name string) bool {
		return slices.ContainsFunc(list, func(u *provider.Upstream) bool { return u.Name == name })
	}
	for row := range provider.All() {
		if has(row.Name) || row.BaseURL == "" {
			continue
		}
		if cred, ok := b.fromEnv(row); ok {
			u, err := provider.New(row, provider.Options{Name: row.Name, Credentials: []provider.Credential{cred}, Transport: b.transport})
			if err != nil {
				return nil, fmt.Errorf("provider %s: %w", row.Name, err)
			}
			list = append(list, u)
		}
	}
	if !has(demo.Name) && (cfg.Auth == config.Open || len(list) == 0) {
		u, err := provider.New(demo, provider.Options{Name: demo.Name, Transport: b.demo})
		if err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, nil
}

func (b *builder) configured(p *config.Provider) (*provider.Upstream, error) {
	row, ok := lookup(pick(p.Type, p.Name))
	if !ok {
		return nil, fmt.Errorf("unknown type %q", p.Type)
	}
	if row.Name == "openai" && elsewhere(p.BaseURL) {
		row.Issuer, row.Quirks = "", llm.Quirks{} // a server that speaks the dialect: what OpenAI's own models refuse is not its concern
	}
	opt := provider.Options{
		Name: p.Name, BaseURL: p.BaseURL, Models: p.Models, Default: p.DefaultModel, Extra: p.ExtraBody.Reveal(), Transport: b.transport,
		Header: map[string]string{},
	}
	if row.Name == demo.Name {
		opt.Transport = b.demo
	}
	for name, v := range p.Headers {
		opt.Header[name] = v.Reveal()
	}
	for i, key := range p.Credentials() {
		opt.Credentials = append(opt.Credentials, provider.Credential{Label: fmt.Sprintf("%s #%d", p.Name, i+1), Key: key.Reveal()})
	}
	u, err := provider.New(row, opt)
	if err == nil && p.BaseURL != "" && len(opt.Credentials) == 0 {
		u.Auth = provider.NoAuth // an address of the user's own that was given no key needs none
		u.Local = u.Local || config.Loopback(u.Base.Hostname())
	}
	return u, err
}

// elsewhere tells whether an address is none of OpenAI's.
func elsewhere(address string) bool {
	u, err := url.Parse(address)
	if address == "" || err != nil {
		return false
	}
	host := "." + u.Hostname()
	return !strings.HasSuffix(host, ".openai.com") && !strings.HasSuffix(host, ".openai.azure.com")
}

func (b *builder) fromEnv(row provider.Row) (provider.Credential, bool) {
	for _, name := range row.Env {
		if key, ok := b.env(name); ok && key != "" {
			return provider.Credential{Label: name, Key: key}, true
		}
	}
	return provider.Credential{}, false
}

// prices is the price book as the configuration has it. What runs on the user's own machine costs nothing unless it says so.
func (b *builder) prices(cfg *config.Config, upstreams []*provider.Upstream) (*price.Book, error) {
	var overrides []price.Override
	for i := range cfg.Prices {
		p := &cfg.Prices[i]
		o := price.Override{Model: p.Model, Prices: p.Rates()}
		for _, u := range upstreams {
			if rest, ok := strings.CutPrefix(p.Model, u.Name+"/"); ok {
				o.Provider, o.Model = u.Name, rest
				break
			}
		}
		overrides = append(overrides, o)
	}
	names := map[string]string{}
	for _, u := range upstreams {
		names[u.Name] = u.PriceList()
		if u.Local && u.Row.Name != demo.Name {
			overrides = append(overrides, price.Override{Provider: u.Name, Model: "*", Free: true})
		}
		if u.Row.Name == demo.Name {
			o := demoPrices
			o.Provider = u.Name
			overrides = append(overrides, o)
		}
	}
	book, err := b.book()
	if err != nil {
		return nil, err
	}
	return book.With(names, overrides)
}

// Book is the newer one of the price book that ships with the program and the one that the operator put into the data folder
// (prices.json, as make prices writes it).
func Book(dir string) (*price.Book, error) {
	shipped := price.Embedded()
	file, err := os.Open(filepath.Join(dir, "prices.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return shipped, nil
	}
	if err != nil {
		return nil, fmt.Errorf("price book: %w", err)
	}
	defer file.Close()
	own, err := price.Load(file)
	if err != nil {
		return nil, fmt.Errorf("price book %s: %w", file.Name(), err)
	}
	if own.Date() < shipped.Date() {
		return shipped, nil
	}
	return own, nil
}

func (b *builder) keys(cfg *config.Config) *tenant.Index {
	x := tenant.NewIndex(b.pepper, cfg.Auth == config.Open)
	for i := range cfg.Keys {
		k := &cfg.Keys[i]
		key := &tenant.Key{ID: k.Name, Team: k.Team, User: k.User, Models: k.Models, Expires: k.ExpiresAt, Metadata: k.Metadata}
		if k.Log.Bodies != "" {
			full := k.Log.Bodies == config.BodiesFull
			key.Bodies = &full
		}
		x.With(k.Key.Reveal(), key)
	}
	return x
}

// catalogue is the price book as routing asks it.
type catalogue struct{ *price.Book }

// Models are the models that can still be called.
func (c catalogue) Models(name string) []string {
	if name == demo.Name {
		var list []string
		for _, s := range fake.Scenarios() {
			list = append(list, s.Name)
		}
		return list
	}
	var list []string
	for _, m := range c.Book.Models(name) {
		if !m.Retired {
			list = append(list, m.ID)
		}
	}
	return list
}

// known tells of a provider that could be switched on, and the variable that would.
func known(name string) (env string, ok bool) {
	row, ok := lookup(name)
	if ok && len(row.Env) > 0 {
		env = row.Env[0]
	}
	return env, ok
}

// Builtins are the providers that configurations may name.
type Builtins struct{}

// Names lists them.
func (Builtins) Names() []string {
	names := []string{demo.Name}
	for row := range provider.All() {
		names = append(names, row.Name)
	}
	return names
}

// Lookup finds one by name or alias.
func (Builtins) Lookup(name string) (config.Builtin, bool) {
	row, ok := lookup(name)
	return config.Builtin{Name: row.Name, Env: row.Env, BaseURL: row.BaseURL}, ok
}

// Upstreams are the providers that a gateway with this configuration would have, without the demo.
func Upstreams(cfg *config.Config, env func(string) (string, bool)) ([]*provider.Upstream, error) {
	list, err := (&builder{env: env}).upstreams(cfg)
	return slices.DeleteFunc(list, func(u *provider.Upstream) bool { return u.Row.Name == demo.Name }), err
}
