package config

import "slices"

// acted are the strategies that this version follows; a target of any other is chosen by priority.
var acted = []Strategy{Priority}

// unacted are the parts of the file that are read and checked, and that this version does nothing with yet. Whoever builds
// one removes its line.
var unacted = []struct {
	path string
	used func(*Config) bool
}{
	{"timezone", func(c *Config) bool { return c.Timezone.String() != "UTC" }},
	{"routing.rules", func(c *Config) bool { return len(c.Routing.Rules) > 0 }},
	{"on_disconnect: drain", func(c *Config) bool {
		return c.Routing.OnDisconnect == Drain || slices.ContainsFunc(c.Models, func(m Model) bool { return m.OnDisconnect == Drain })
	}},
	{"caching", func(c *Config) bool { return c.Caching.Enabled }},
	{"alerts", func(c *Config) bool { return len(c.Alerts) > 0 }},
	{"guardrails", func(c *Config) bool { return len(c.Guardrails) > 0 }},
	{"keys.limits", func(c *Config) bool {
		return slices.ContainsFunc(c.Keys, func(k Key) bool { return k.Limits != Limits{} })
	}},
	{"keys.budgets", func(c *Config) bool {
		return slices.ContainsFunc(c.Keys, func(k Key) bool { return len(k.Budgets) > 0 })
	}},
}

// Unacted says, one line each, what the file asks for and this version does not do.
func (c *Config) Unacted() []string {
	var lines []string
	for _, u := range unacted {
		if u.used(c) {
			lines = append(lines, u.path+": parsed, not acted on by this version")
		}
	}
	for i := range c.Models {
		if m := &c.Models[i]; !slices.Contains(acted, m.Strategy) {
			lines = append(lines, "models."+m.Name+".strategy: "+string(m.Strategy)+" is parsed; this version chooses by priority")
		}
	}
	for i := range c.Providers {
		if p := &c.Providers[i]; slices.Contains(later, p.Type) {
			lines = append(lines, "providers."+p.Name+": type "+p.Type+" is parsed, not served by this version")
		}
	}
	return lines
}

// Unacted says what of the environment this version does nothing with.
func (e Env) Unacted() []string {
	var lines []string
	if !e.DatabaseURL.IsZero() {
		lines = append(lines, "TIDEGATE_DATABASE_URL: not acted on by this version; the embedded store is used")
	}
	if !e.RedisURL.IsZero() {
		lines = append(lines, "TIDEGATE_REDIS_URL: not acted on by this version; limits are this process's own")
	}
	return lines
}
