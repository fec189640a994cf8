package config

import (
	"net/url"
	"slices"
	"strings"
)

// later are provider types of the documentation that the catalogue need not have: files may name them already.
var later = []string{"azure", "bedrock", "vertex"}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// headerLetters are the characters of a header's name (RFC 9110, token).
const headerLetters = letters + "!#$%&'*+-.^_`|~0123456789"

// providers checks the entries, and gives them the types, names and credentials that they leave open.
func (c *checker) providers() {
	first := map[string]string{}
	for i := range c.Providers {
		p := &c.Providers[i]
		path, written := "providers."+p.Name, p.Name
		if strings.ContainsAny(p.Name, "/ ") {
			c.errorf(path, "a provider's name has no slash and no space: it is the front of provider/model")
		}
		c.timeouts(path+".timeout", &p.Timeout)
		for name := range p.Headers {
			if strings.Trim(name, headerLetters) != "" {
				c.errorf(path+".headers."+name, "is not the name of a header")
			}
		}
		c.upstream(path, p)
		if other, twice := first[p.Name]; twice {
			c.errorf(path, "is another name of %s, which is there already", quote(other))
		}
		first[p.Name] = written
	}
}

// upstream checks that an entry can be reached. An entry under an alias gets its provider's own name.
func (c *checker) upstream(path string, p *Provider) {
	c.baseURL(path+".base_url", p.BaseURL)
	explicit := p.Type != ""
	if !explicit {
		p.Type = p.Name
	}
	b, ok := c.catalog.Lookup(p.Type)
	switch {
	case !ok && slices.Contains(later, p.Type):
		return
	case !ok && explicit:
		c.errorf(path+".type", "unknown provider type %s%s", c.quote(path+".type", p.Type), suggest(p.Type, c.catalog.Names()))
		return
	case !ok:
		c.errorf(path, "not a built-in provider, so it needs a type: openai, if it speaks OpenAI's API%s", suggest(p.Name, c.catalog.Names()))
		return
	}
	if p.Name == p.Type {
		p.Name = b.Name
	}
	p.Type = b.Name
	if p.BaseURL == "" && b.BaseURL == "" {
		c.errorf(path, "base_url is missing: only you know where it runs")
	}
	c.credential(path, p, b)
}

// credential takes a key from the environment for an entry that leaves it open, but never for an address of the user's own:
// a key goes only to the provider that it is for.
func (c *checker) credential(path string, p *Provider, b Builtin) {
	if p.BaseURL != "" || len(b.Env) == 0 || c.given(path+".api_key") || c.given(path+".api_keys") {
		return
	}
	for _, name := range b.Env {
		if p.APIKey = c.variable(name); !p.APIKey.IsZero() {
			return
		}
	}
	c.warnf(path, "no credential: give api_key, or set %s; it is skipped", strings.Join(b.Env, " or "))
}

func (c *checker) baseURL(path, text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		c.errorf(path, "is not an address such as https://api.example.com/v1")
	case u.User != nil:
		c.errorf(path, "has a user or password in it, which would show in logs; use api_key or headers")
	}
}

// provider checks a reference to a provider and returns the name to look it up by.
func (c *checker) provider(path, name string) string {
	if _, ok := c.Provider(name); ok {
		return name
	}
	b, ok := c.catalog.Lookup(name)
	if _, configured := c.Provider(b.Name); ok && configured {
		return b.Name
	}
	switch {
	case !ok && slices.Contains(later, name):
		c.warnf(path, "provider %s is not served by this version; it is skipped", name)
	case !ok:
		c.errorf(path, "unknown provider %s%s", c.quote(path, name), suggest(name, c.providerNames()))
	case len(b.Env) > 0 && !slices.ContainsFunc(b.Env, func(v string) bool { return !c.variable(v).IsZero() }):
		c.warnf(path, "provider %s has no credential: set %s; it is skipped", b.Name, strings.Join(b.Env, " or "))
	}
	if ok {
		return b.Name
	}
	return name
}

func (c *checker) providerNames() []string {
	var list []string
	for i := range c.Providers {
		list = append(list, c.Providers[i].Name)
	}
	list = append(list, c.catalog.Names()...)
	slices.Sort(list)
	return slices.Compact(list)
}

// name checks a word that may be a provider, provider/model, a configured name or any model at all. Only what looks like a
// slip is worth a warning.
func (c *checker) name(path, name string) string {
	front, rest, slash := strings.Cut(name, "/")
	if name == "" {
		if !c.wrong(path) && c.given(path) {
			c.errorf(path, "must not be empty")
		}
		return name
	}
	if _, ok := c.Model(name); ok {
		return name
	}
	if _, ok := c.Provider(front); ok {
		return name
	}
	if b, ok := c.catalog.Lookup(front); ok {
		if slash {
			return b.Name + "/" + rest
		}
		return b.Name
	}
	for _, provider := range c.providerNames() {
		if strings.Trim(front, letters) == "" && len(front) > 4 && distance(front, provider) <= 2 {
			c.warnf(path, "%s is taken for a model's name%s", c.quote(path, name), didYouMean(provider))
			break
		}
	}
	return name
}
