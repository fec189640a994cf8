// Package route finds where a request goes, and carries it there: the table of names and targets, the attempts, and the
// decision which failure is worth another one.
//
// It knows providers and dialects. It does not know who asks, what it costs or where it is logged.
package route

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tidegate/internal/dialect"
	"tidegate/internal/llm"
	"tidegate/internal/provider"
)

// Catalogue is what is known of models, by the names that providers have in the configuration.
type Catalogue interface {
	Knows(provider, model string) bool
	Models(provider string) []string
	Window(provider, model string) int64                            // context length in tokens; 0 when unknown
	Equivalent(model, provider string) (equivalent string, ok bool) // what stands for model there
}

// Name is a configured name that clients call.
type Name struct {
	Targets   []Ref
	Attempts  int
	AllowLoss bool
}

// Ref is one upstream's model.
type Ref struct{ Provider, Model string }

func (r Ref) String() string { return r.Provider + "/" + r.Model }

// Options is all that a table is made of.
type Options struct {
	Upstreams   []*provider.Upstream                    // in order of preference
	Known       func(name string) (env string, ok bool) // a provider that is not switched on, and the variable that would
	Names       map[string]Name
	Default     string                       // provider of bare names; "" for none
	Fallbacks   []string                     // provider, provider/model or configured name
	Equivalents map[string]map[string]string // model → provider → model; before the catalogue's
	Attempts    int
	AllowLoss   bool
	Timeouts    func(provider, called string) llm.Timeouts
	Catalogue   Catalogue
}

// Table resolves what a client calls into targets. It is immutable.
type Table struct {
	Options
	byName map[string]*provider.Upstream
}

// NewTable makes a table. Names and fallbacks that point nowhere were the configuration's to refuse; here they are skipped
// and named in the plan.
func NewTable(opt Options) *Table {
	t := &Table{Options: opt, byName: map[string]*provider.Upstream{}}
	for _, u := range opt.Upstreams {
		t.byName[u.Name] = u
	}
	for _, u := range opt.Upstreams {
		for _, alias := range u.Aliases {
			if _, taken := t.byName[alias]; !taken && u.Name == u.Row.Name {
				t.byName[alias] = u
			}
		}
	}
	return t
}

// Target is one upstream's model, ready to be called.
type Target struct {
	Upstream *provider.Upstream
	Codec    dialect.Codec
	Model    string
	Own      bool  // one of the called name's own targets, not a global fallback
	Window   int64 // context length in tokens; 0 when unknown
	Timeouts llm.Timeouts
}

func (t *Target) String() string { return t.Upstream.Name + "/" + t.Model }

// Plan is where a request may go, in order.
type Plan struct {
	Called    string
	Why       string // how the first target was found
	Targets   []Target
	Skipped   []string // what could not be a target, and why; fit for the client
	Attempts  int
	AllowLoss bool
}

// Plan resolves a called model. allow says which targets ("provider/model") the caller may use; own tells that the target
// belongs to the called name. Failures are *llm.Error: ModelGone (404), Access (403) or Unsupported.
func (t *Table) Plan(called string, allow func(target string, own bool) bool) (*Plan, error) {
	p := &Plan{Called: called, Attempts: t.Attempts, AllowLoss: t.AllowLoss}
	refs, err := t.resolve(p, called)
	if err != nil {
		return nil, err
	}
	denied := 0
	for i, r := range refs {
		up := t.byName[r.Provider]
		codec, known := dialect.For(up.Dialect)
		switch {
		case !known:
			p.skip(r, "speaks a dialect that this version does not")
		case !up.Serves(r.Model):
			p.skip(r, "is not among the models configured for "+r.Provider)
		case !up.Usable():
			p.skip(r, "has no API key")
		case !allow(r.String(), r.own):
			denied++
		default:
			if i > 0 && len(p.Targets) == 0 {
				p.Why = "fallback"
			}
			p.Targets = append(p.Targets, Target{
				Upstream: up, Codec: codec, Model: r.Model, Own: r.own, Timeouts: t.Timeouts(up.Name, called),
				Window: t.Catalogue.Window(up.Name, r.Model),
			})
		}
	}
	switch {
	case len(p.Targets) > 0:
		return p, nil
	case denied > 0:
		return nil, &llm.Error{Class: llm.Access, Status: 403, Code: "model_not_allowed", Param: "model", Message: fmt.Sprintf("this API key may not use the model %q", called)}
	}
	return nil, &llm.Error{Class: llm.Overloaded, Status: 503, Code: "no_target", Param: "model", Message: fmt.Sprintf("no provider can serve %q: %s", called, strings.Join(p.Skipped, "; "))}
}

func (p *Plan) skip(r ref, why string) { p.Skipped = append(p.Skipped, r.String()+" "+why) }

type ref struct {
	Ref
	own bool
}

// resolve follows the order of decision: configured name, provider/model, a bare name at the one provider that knows it, else
// at the default provider.
func (t *Table) resolve(p *Plan, called string) ([]ref, error) {
	if name, ok := t.Names[called]; ok {
		p.Why, p.AllowLoss = "name "+called, name.AllowLoss
		if name.Attempts > 0 {
			p.Attempts = name.Attempts
		}
		return t.targets(p, name), nil
	}
	if prefix, model, ok := strings.Cut(called, "/"); ok {
		if up, ok := t.byName[prefix]; ok && model != "" {
			p.Why = "pinned"
			return []ref{{Ref{up.Name, model}, true}}, nil
		}
		if env, ok := t.Known(prefix); ok && !t.known(called) { // hosts name models by their vendors: openrouter has openai/gpt-4o
			hint := "add it to providers"
			if env != "" {
				hint = "set " + env + " or " + hint
			}
			return nil, notFound(called, fmt.Sprintf("the provider %s is not configured: %s", prefix, hint))
		}
	}
	first, err := t.bare(p, called)
	if err != nil {
		return nil, err
	}
	refs := []ref{{first, true}}
	for _, f := range t.Fallbacks {
		for _, r := range t.fallback(p, f, first) {
			if !slices.ContainsFunc(refs, func(x ref) bool { return x.Ref == r.Ref }) {
				refs = append(refs, r)
			}
		}
	}
	return refs, nil
}

func (t *Table) targets(p *Plan, name Name) []ref {
	var refs []ref
	for _, r := range name.Targets {
		up, ok := t.byName[r.Provider]
		if !ok {
			p.skip(ref{r, true}, "is at a provider that is not configured")
			continue
		}
		refs = append(refs, ref{Ref{up.Name, r.Model}, true})
	}
	return refs
}

func (t *Table) bare(p *Plan, model string) (Ref, error) {
	var who []string
	for _, u := range t.Upstreams {
		if u.Usable() && t.knows(u, model) {
			who = append(who, u.Name)
		}
	}
	def, hasDefault := t.byName[t.Default]
	switch {
	case len(who) == 1:
		p.Why = "known to " + who[0]
		return Ref{who[0], model}, nil
	case hasDefault:
		p.Why = "default provider"
		return Ref{def.Name, model}, nil
	case len(who) > 1:
		return Ref{}, notFound(model, fmt.Sprintf("several providers know it: call %s/%s, or set routing.default_provider", strings.Join(who, "/"+model+" or "), model))
	}
	return Ref{}, notFound(model, "no configured provider knows it: call it as provider/model, or set routing.default_provider")
}

// known tells whether a provider in use has a model of that name.
func (t *Table) known(model string) bool {
	return slices.ContainsFunc(t.Upstreams, func(u *provider.Upstream) bool { return u.Usable() && t.knows(u, model) })
}

func (t *Table) knows(u *provider.Upstream, model string) bool {
	if u.Models != nil {
		return u.Serves(model)
	}
	return t.Catalogue.Knows(u.Name, model)
}

// fallback is what a fallback stands for when model first cannot be had.
func (t *Table) fallback(p *Plan, f string, first Ref) []ref {
	if name, ok := t.Names[f]; ok {
		refs := t.targets(p, name)
		for i := range refs {
			refs[i].own = false
		}
		return refs
	}
	if prefix, model, ok := strings.Cut(f, "/"); ok {
		if up, ok := t.byName[prefix]; ok {
			return []ref{{Ref{up.Name, model}, false}}
		}
	}
	up, ok := t.byName[f]
	if !ok {
		p.Skipped = append(p.Skipped, f+" is not configured")
		return nil
	}
	if up.Name == first.Provider {
		return nil
	}
	model := t.Equivalents[first.Model][f]
	if model == "" {
		model, _ = t.Catalogue.Equivalent(first.Model, up.Name)
	}
	if model == "" {
		model = up.Default
	}
	if model == "" {
		p.Skipped = append(p.Skipped, f+" has no equivalent of "+first.Model)
		return nil
	}
	return []ref{{Ref{up.Name, model}, false}}
}

func notFound(model, hint string) *llm.Error {
	return &llm.Error{Class: llm.ModelGone, Status: 404, Code: "model_not_found", Param: "model", Message: fmt.Sprintf("the model %q does not exist here: %s", model, hint)}
}

// Listed is a model that can be called.
type Listed struct {
	Name   string // as clients call it
	Target string // provider/model of its first target
	Own    bool   // Name is a configured name
	Owner  string // provider
}

// Models lists the configured names and what the providers in use are known to have.
func (t *Table) Models() []Listed {
	var list []Listed
	for _, name := range slices.Sorted(maps.Keys(t.Names)) {
		first := t.Names[name].Targets[0]
		list = append(list, Listed{Name: name, Target: first.String(), Own: true, Owner: first.Provider})
	}
	for _, u := range t.Upstreams {
		if !u.Usable() {
			continue
		}
		models := u.Models
		if models == nil {
			models = t.Catalogue.Models(u.Name)
		}
		for _, m := range models {
			id := u.Name + "/" + m
			list = append(list, Listed{Name: id, Target: id, Owner: u.Name})
		}
	}
	return list
}
