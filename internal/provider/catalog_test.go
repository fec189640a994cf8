package provider_test

import (
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidegate/internal/llm"
	"tidegate/internal/price"
	"tidegate/internal/provider"
)

var update = flag.Bool("update", false, "write docs/providers.md anew")

// unpriced are the providers of which the price book has no list: what they charge is unknown until the operator says it.
var unpriced = []string{
	"ai21", "alibaba", "anthropic-compatible", "chutes", "databricks", "deepinfra", "digitalocean", "friendli", "hyperbolic",
	"inference-net", "llama", "nebius", "nvidia", "ollama-cloud", "openai-compatible", "sambanova", "scaleway", "siliconflow",
	"snowflake", "stackit", "stepfun", "upstage", "venice", "wandb", "xiaomi",
}

func TestCatalogNames(t *testing.T) {
	seen := map[string]string{}
	n := 0
	for r := range provider.All() {
		n++
		for _, name := range slices.Concat([]string{r.Name}, r.Aliases) {
			if name == "" || name != strings.ToLower(name) || strings.ContainsAny(name, "/ :") {
				t.Errorf("%s: %q is no name", r.Name, name)
			}
			if seen[name] != "" {
				t.Errorf("%q is both %s and %s", name, seen[name], r.Name)
			}
			seen[name] = r.Name
			if got, ok := provider.Lookup(name); !ok || got.Name != r.Name {
				t.Errorf("Lookup(%q) = %q, %v", name, got.Name, ok)
			}
		}
	}
	if n < 32 {
		t.Errorf("only %d providers", n)
	}
	if got, ok := provider.Lookup("opnai"); ok {
		t.Errorf("found %s", got.Name)
	}
}

func TestCatalogRows(t *testing.T) {
	dialects := []llm.Dialect{llm.OpenAIChat, llm.Anthropic, llm.Gemini}
	auths := []provider.Auth{provider.Bearer, provider.XAPIKey, provider.XGoogKey, provider.AzureKey, provider.NoAuth}
	byEnv := map[string]string{}
	for r := range provider.All() {
		t.Run(r.Name, func(t *testing.T) {
			if r.Title == "" || !slices.Contains(dialects, r.Dialect) || !slices.Contains(auths, r.Auth) {
				t.Errorf("title %q, dialect %q, auth %q", r.Title, r.Dialect, r.Auth)
			}
			checkAddress(t, r)
			if r.Local != (r.Auth == provider.NoAuth) || r.Local != (len(r.Env) == 0) {
				t.Error("a local server needs no key, all others have a variable for it")
			}
			for _, env := range r.Env {
				if env != strings.ToUpper(env) || byEnv[env] != "" {
					t.Errorf("variable %s, also of %q", env, byEnv[env])
				}
				byEnv[env] = r.Name
			}
			if r.Dialect == llm.Anthropic && r.Header["anthropic-version"] == "" {
				t.Error("no anthropic-version")
			}
			if u, err := url.Parse(r.Doc); err != nil || u.Scheme != "https" || u.Host == "" {
				t.Errorf("page %q", r.Doc)
			}
			if day, err := time.Parse(time.DateOnly, r.Seen); err != nil || day.Year() < 2026 {
				t.Errorf("seen %q", r.Seen)
			}
			if q := r.Quirks; !slices.Contains([]string{"", "max_tokens", "max_completion_tokens"}, q.MaxTokens) ||
				!slices.Contains([]string{"", "reasoning", "thinking_parts"}, q.Thought) || !slices.Contains([]string{"", "mistral9"}, q.CallID) {
				t.Errorf("quirks %+v", q)
			}
		})
	}
}

func checkAddress(t *testing.T, r provider.Row) {
	if r.Path != "" && (!strings.HasPrefix(r.Path, "/") || strings.HasSuffix(r.Path, "/")) {
		t.Errorf("path %q", r.Path)
	}
	if r.BaseURL == "" {
		return
	}
	u, err := url.Parse(r.BaseURL)
	if err != nil || strings.HasSuffix(r.BaseURL, "/") || u.RawQuery != "" || u.User != nil {
		t.Fatalf("address %q", r.BaseURL)
	}
	if r.Local {
		if ip, err := netip.ParseAddr(u.Hostname()); err != nil || !ip.IsLoopback() || u.Scheme != "http" {
			t.Errorf("address %q is not on this machine", r.BaseURL)
		}
		return
	}
	if u.Scheme != "https" || !strings.Contains(u.Host, ".") {
		t.Errorf("address %q", r.BaseURL)
	}
}

func TestCatalogPrices(t *testing.T) {
	book := price.Embedded()
	var missing []string
	for r := range provider.All() {
		list := r.PriceList()
		if r.Local {
			continue
		}
		if !book.Has(list) {
			missing = append(missing, r.Name)
			continue
		}
		if _, ok := book.Price(list, r.Default, time.Now(), llm.InputText); r.Default != "" && r.Default != "openrouter/auto" && !ok {
			t.Errorf("%s: no price of its default model %s", r.Name, r.Default)
		}
	}
	slices.Sort(missing)
	if diff := cmp.Diff(unpriced, missing); diff != "" {
		t.Errorf("providers without prices: %s", diff)
	}
}

// An address that only names a host gets the path that the provider's API is under.
func TestConfiguredAddress(t *testing.T) {
	for _, c := range []struct{ row, base, want string }{
		{"azure", "https://x.openai.azure.com", "https://x.openai.azure.com/openai/v1"},
		{"azure", "https://x.openai.azure.com/", "https://x.openai.azure.com/openai/v1"},
		{"azure", "https://gateway.example/azure/v1", "https://gateway.example/azure/v1"},
		{"openai", "http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1"},
		{"openai-compatible", "https://api.example", "https://api.example"},
		{"ollama", "http://gpu.lan:11434", "http://gpu.lan:11434/v1"},
		{"ollama", "", "http://127.0.0.1:11434/v1"},
		{"databricks", "https://adb.example", "https://adb.example/serving-endpoints"},
	} {
		row, _ := provider.Lookup(c.row)
		u, err := provider.New(row, provider.Options{BaseURL: c.base})
		if err != nil {
			t.Errorf("%s %q: %v", c.row, c.base, err)
			continue
		}
		if got := u.Base.String(); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.row, c.base, got, c.want)
		}
	}
}

const page = "../../docs/providers.md"

// The page about providers says what the table says: go test ./internal/provider -run Page -update
func TestPage(t *testing.T) {
	want := providersPage()
	if *update {
		if err := os.MkdirAll("../../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/providers.md is out of date, run with -update: %s", diff)
	}
}

func providersPage() string {
	var b strings.Builder
	b.WriteString(`# Providers

A provider is switched on by its environment variable, or by an entry under ` + "`providers:`" + ` in the configuration. Where the address
is "yours", give it as ` + "`base_url`" + `; what follows the host may be left out where the table shows it. Servers on your own machine need
no key: name them in the configuration. "Checked" is the day on which the row was last compared with the vendor's page or with
recorded traffic. This page is generated from the table in ` + "`internal/provider`" + `.

| provider | also called | environment | address | dialect | prices | page | checked |
| --- | --- | --- | --- | --- | --- | --- | --- |
`)
	book := price.Embedded()
	for r := range provider.All() {
		address := r.BaseURL
		if address == "" {
			address = "yours" + r.Path
		}
		known := "unknown"
		switch {
		case r.Local:
			known = "free"
		case book.Has(r.PriceList()):
			known = "known"
		}
		fmt.Fprintf(&b, "| `%s` %s | %s | %s | %s | %s | %s | [page](%s) | %s |\n",
			r.Name, r.Title, code(r.Aliases), code(r.Env), address, r.Dialect, known, r.Doc, r.Seen)
	}
	b.WriteString("\n## Deviations\n\nWhat a provider does otherwise than the dialect's inventor; the gateway takes care of it.\n\n| provider | deviation |\n| --- | --- |\n")
	for r := range provider.All() {
		if d := deviations(r.Quirks); d != "" {
			fmt.Fprintf(&b, "| `%s` | %s |\n", r.Name, d)
		}
	}
	return b.String()
}

func deviations(q llm.Quirks) string {
	said := map[string]bool{
		"reasoning tokens are counted beside the output": q.ReasoningOutside,
		"no `stream_options`":                            q.NoStreamOptions,
		"no `developer` role":                            q.NoDeveloper,
		"no JSON schema for replies":                     q.NoSchema,
		"output limit only as `" + q.MaxTokens + "`":     q.MaxTokens != "",
		"thoughts in `" + q.Thought + "`":                q.Thought != "",
		"tool-call ids of nine letters or digits":        q.CallID != "",
		"`" + q.ToolAny + "` for a required tool call":   q.ToolAny != "",
		"refuses " + code(q.Drops):                       len(q.Drops) > 0,
	}
	var all []string
	for _, s := range slices.Sorted(maps.Keys(said)) {
		if said[s] {
			all = append(all, s)
		}
	}
	return strings.Join(all, "; ")
}

func code(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = "`" + n + "`"
	}
	return strings.Join(quoted, ", ")
}
