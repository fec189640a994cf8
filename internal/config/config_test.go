package config

import (
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidegate/internal/llm"
	"tidegate/internal/price"
)

// catalog is a few built-in providers, as the real one is not ours to know.
type catalog map[string]Builtin

func (c catalog) Names() []string { return slices.Sorted(maps.Keys(c)) }

func (c catalog) Lookup(name string) (Builtin, bool) {
	if name == "gemini" {
		name = "google"
	}
	b, ok := c[name]
	b.Name = name
	if !ok {
		return Builtin{}, false
	}
	return b, true
}

var builtins = catalog{
	"openai":    {Env: []string{"OPENAI_API_KEY"}, BaseURL: "https://api.openai.com/v1"},
	"anthropic": {Env: []string{"ANTHROPIC_API_KEY"}, BaseURL: "https://api.anthropic.com/v1"},
	"google":    {Env: []string{"GEMINI_API_KEY", "GOOGLE_API_KEY"}, BaseURL: "https://generativelanguage.googleapis.com/v1beta"},
	"mistral":   {Env: []string{"MISTRAL_API_KEY"}, BaseURL: "https://api.mistral.ai/v1"},
	"ollama":    {BaseURL: "http://127.0.0.1:11434/v1"},
	"vllm":      {},
}

func env(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := vars[name]
		return value, ok
	}
}

func loader(vars map[string]string) Loader { return Loader{Catalog: builtins, Env: env(vars)} }

// parse is a config that must be right.
func parse(t *testing.T, doc string, vars map[string]string) (*Config, []Problem) {
	t.Helper()
	c, warnings, err := loader(vars).Parse("t.yaml", []byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return c, warnings
}

func lines(ps []Problem) []string {
	var list []string
	for _, p := range ps {
		list = append(list, p.String())
	}
	return list
}

func read1(t *testing.T, path string) string {
	t.Helper()
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

var secretText = cmp.Transformer("reveal", Secret.Reveal)

func usd(n price.Nano) *price.Nano { n *= 1e9; return &n }

// The first block of the contract means what it says, and tells what is missing around it.
func TestContractRouting(t *testing.T) {
	c, warnings := parse(t, read1(t, "../../examples/routing.yaml"), nil)
	floor := Ratio(0.95)
	want := Routing{
		DefaultProvider: "openai",
		Fallbacks:       []string{"anthropic", "google"},
		Rules: []Rule{
			{If: "input_tokens > 100000", Use: "anthropic"},
			{If: `task == "simple_classification"`, Use: "gpt-4o-mini"},
		},
		Timeout:      llm.Timeouts{Connect: 10 * time.Second, FirstByte: 5 * time.Minute, Idle: 2 * time.Minute, Total: 30 * time.Minute},
		Retry:        Retry{Attempts: 3},
		OnDisconnect: Cancel,
		OnLoss:       Refuse,
	}
	if diff := cmp.Diff(want, c.Routing); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Caching{Enabled: true, TTL: time.Hour, SimilarityThreshold: &floor}, c.Caching); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Alert{
		{Type: "daily_spend", Threshold: Threshold{100e9, "$"}, Notify: []string{"slack", "email"}},
		{Type: "error_rate", Threshold: Threshold{0.05e9, "%"}, Notify: []string{"pagerduty"}},
	}, c.Alerts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		"t.yaml:2:21: routing.default_provider: provider openai has no credential: set OPENAI_API_KEY; it is skipped",
		"t.yaml:4:7: routing.fallbacks[0]: provider anthropic has no credential: set ANTHROPIC_API_KEY; it is skipped",
		"t.yaml:5:7: routing.fallbacks[1]: provider google has no credential: set GEMINI_API_KEY or GOOGLE_API_KEY; it is skipped",
		"t.yaml:14:25: caching.similarity_threshold: a floor on the cosine of semantic hits: at 0.95 the France/capital-city pair, cosine 0.909, misses",
		"t.yaml:18:13: alerts[0].notify[0]: slack is not set up: give notifications.slack.url or SLACK_WEBHOOK_URL; the alert shows in log and console only",
		"t.yaml:18:13: alerts[0].notify[1]: email is not set up: give notifications.email.smtp or TIDEGATE_SMTP_URL; the alert shows in log and console only",
		"t.yaml:21:13: alerts[1].notify[0]: pagerduty is not set up: give notifications.pagerduty.routing_key or PAGERDUTY_ROUTING_KEY; the alert shows in log and console only",
	}, lines(warnings)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		"routing.rules: parsed, not acted on by this version",
		"caching: parsed, not acted on by this version",
		"alerts: parsed, not acted on by this version",
	}, c.Unacted()); diff != "" {
		t.Error(diff)
	}
}

// So does the second.
func TestContractProviders(t *testing.T) {
	c, warnings := parse(t, read1(t, "../../examples/providers.yaml"), map[string]string{
		"OPENAI_API_KEY": "sk-openai", "KEY_A": "sk-a\n", "CI_KEY": "ci-key-0123456789",
	})
	wantProviders := []Provider{
		{Name: "openai", Type: "openai", APIKey: NewSecret("sk-openai")},
		{Name: "eu-azure", Type: "azure", BaseURL: "https://x.openai.azure.com", Models: []string{"gpt-4o"}},
		{Name: "local", Type: "openai", BaseURL: "http://127.0.0.1:11434/v1"},
		{Name: "spare", Type: "openai", APIKeys: []Secret{NewSecret("sk-a")}},
	}
	if diff := cmp.Diff(wantProviders, c.Providers, secretText, cmp.AllowUnexported(Raw{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Model{{
		Name: "gpt-4", Strategy: Priority,
		Targets: []Target{{Model: Ref{"openai", "gpt-4o"}, Weight: 3}, {Model: Ref{"anthropic", "claude-sonnet-5"}, Weight: 1}},
		Retry:   Retry{Attempts: 3}, OnDisconnect: Cancel, OnLoss: Refuse,
		Timeout: llm.Timeouts{Connect: 5 * time.Second, FirstByte: time.Minute, Idle: time.Minute, Total: 10 * time.Minute},
	}}, c.Models); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Price{{Model: "openai/priced", Input: usd(10), Output: usd(100), CacheRead: usd(1)}}, c.Prices); diff != "" {
		t.Error(diff)
	}
	var settings []string
	for _, g := range c.Guardrails {
		settings = append(settings, g.Name, g.Type, g.Mode, g.OnFail, g.OnError, string(g.Settings.Reveal()))
	}
	if diff := cmp.Diff([]string{
		"pii", "pii", "tag", "", "", `{"entities":["EMAIL","CREDIT_CARD","US_SSN"]}`,
		"no-secrets", "secrets", "", "deny", "closed", "",
	}, settings); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Key{{
		Name: "ci", Key: NewSecret("ci-key-0123456789"), Team: "platform", Models: []string{"gpt-4"},
		Limits:  Limits{RPM: 60, TPM: 100000, Parallel: 10},
		Budgets: []Budget{{Limit: 10e9, Period: "day", Mode: "hard"}},
	}}, c.Keys, secretText); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		`t.yaml:3:76: providers.eu-azure.api_key: no credential: variable AZURE_KEY is not set`,
		`t.yaml:5:54: providers.spare.api_keys[1]: no credential: variable KEY_B is not set`,
		`t.yaml:11:18: models.gpt-4.targets[1].model: provider anthropic has no credential: set ANTHROPIC_API_KEY; it is skipped`,
	}, lines(warnings)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		"guardrails: parsed, not acted on by this version",
		"keys.limits: parsed, not acted on by this version",
		"keys.budgets: parsed, not acted on by this version",
		"providers.eu-azure: type azure is parsed, not served by this version",
	}, c.Unacted()); diff != "" {
		t.Error(diff)
	}
}

func TestDefaults(t *testing.T) {
	c, warnings, err := loader(nil).Load("")
	if err != nil || warnings != nil {
		t.Fatal(err, warnings)
	}
	for doc, what := range map[string]string{"": "empty", "# nothing\n": "comment", "---\nproviders:\nkeys:\nrouting:\n": "sections without members"} {
		again, _ := parse(t, doc, nil)
		again.File, again.Version = c.File, c.Version
		if diff := cmp.Diff(c, again, cmp.AllowUnexported(Raw{}), cmp.Comparer(func(a, b *time.Location) bool { return a == b })); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	want := `{"listen":"127.0.0.1:8080","data":"./data","auth":"open","timezone":"UTC",` +
		`"server":{"max_body":"64MB","drain_delay":"0s","drain_timeout":"10m","heartbeat":"15s"},` +
		`"log":{"bodies":"full","body_limit":"16MB","retention":{"bodies":"30d","records":"365d"},"level":"info"},` +
		`"routing":{"timeout":{"connect":"10s","first_byte":"5m","idle":"2m","total":"30m"},"retry":{"attempts":3},"on_disconnect":"cancel","on_loss":"refuse"},` +
		`"caching":{"enabled":false,"ttl":"1h"}}`
	if diff := cmp.Diff(want, string(c.Redacted())); diff != "" {
		t.Error(diff)
	}
}
