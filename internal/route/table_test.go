package route

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidegate/internal/llm"
	"tidegate/internal/provider"
)

// shelf is a small catalogue.
type shelf map[string][]string

func (s shelf) Knows(provider, model string) bool {
	return slices.Contains(s[provider], model)
}
func (s shelf) Models(provider string) []string { return s[provider] }
func (s shelf) Window(_, model string) int64 {
	if strings.HasPrefix(model, "large") {
		return 1000
	}
	return 100
}
func (s shelf) Equivalent(model, provider string) (string, bool) {
	m, ok := map[string]string{"gpt anthropic": "claude", "gpt google": "gemini"}[model+" "+provider]
	return m, ok
}

func upstream(t testing.TB, row provider.Row, opt provider.Options) *provider.Upstream {
	t.Helper()
	row.BaseURL = "https://" + opt.Name + ".example/v1"
	if row.Dialect == "" {
		row.Dialect = llm.OpenAIChat
	}
	u, err := provider.New(row, opt)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func table(t testing.TB, change func(*Options)) *Table {
	t.Helper()
	key := []provider.Credential{{Label: "k", Key: "secret"}}
	opt := Options{
		Upstreams: []*provider.Upstream{
			upstream(t, provider.Row{Name: "openai"}, provider.Options{Name: "openai", Credentials: key}),
			upstream(t, provider.Row{Name: "anthropic", Dialect: llm.Anthropic}, provider.Options{Name: "anthropic", Credentials: key}),
			upstream(t, provider.Row{Name: "google", Aliases: []string{"gemini"}}, provider.Options{Name: "google"}), // no key
			upstream(t, provider.Row{Name: "openrouter"}, provider.Options{Name: "openrouter", Credentials: key}),
			upstream(t, provider.Row{Name: "local"}, provider.Options{Name: "local", Credentials: key, Models: []string{"llama"}, Default: "llama"}),
		},
		Known: func(name string) (string, bool) {
			return map[string]string{"mistral": "MISTRAL_API_KEY"}[name], name == "mistral"
		},
		Names: map[string]Name{
			"fast": {Targets: []Ref{{"openai", "gpt-mini"}, {"gone", "x"}, {"anthropic", "haiku"}}, Attempts: 7, AllowLoss: true},
		},
		Attempts:  3,
		Timeouts:  func(provider, called string) llm.Timeouts { return llm.Timeouts{Total: time.Minute} },
		Catalogue: shelf{"openai": {"gpt", "both"}, "anthropic": {"claude"}, "openrouter": {"both", "mistral/small", "meta/llama"}},
	}
	if change != nil {
		change(&opt)
	}
	return NewTable(opt)
}

func all(string, bool) bool { return true }

func TestPlan(t *testing.T) {
	withDefault := func(o *Options) { o.Default = "openai" }
	fallbacks := func(o *Options) {
		o.Fallbacks = []string{"anthropic", "google", "local", "openai", "nobody", "openrouter/meta/llama"}
	}
	for _, tt := range []struct {
		called string
		change func(*Options)
		want   []string
		why    string
		skip   int
		code   string
	}{
		{"fast", nil, []string{"openai/gpt-mini", "anthropic/haiku"}, "name fast", 1, ""},
		{"fast", fallbacks, []string{"openai/gpt-mini", "anthropic/haiku"}, "name fast", 1, ""}, // a name has its own targets
		{"openai/anything", fallbacks, []string{"openai/anything"}, "pinned", 0, ""},
		{"openrouter/meta/llama", nil, []string{"openrouter/meta/llama"}, "pinned", 0, ""},
		{"gpt", nil, []string{"openai/gpt"}, "known to openai", 0, ""},
		{"gpt", fallbacks, []string{"openai/gpt", "anthropic/claude", "local/llama", "openrouter/meta/llama"}, "known to openai", 2, ""},
		{"meta/llama", nil, []string{"openrouter/meta/llama"}, "known to openrouter", 0, ""},
		{"mistral/small", nil, []string{"openrouter/mistral/small"}, "known to openrouter", 0, ""}, // a host names models by their vendors
		{"mistral/large", nil, nil, "", 0, "model_not_found"},
		{"both", nil, nil, "", 0, "model_not_found"},
		{"both", withDefault, []string{"openai/both"}, "default provider", 0, ""},
		{"unheard-of", withDefault, []string{"openai/unheard-of"}, "default provider", 0, ""},
		{"unheard-of", nil, nil, "", 0, "model_not_found"},
		{"local/other", nil, nil, "", 0, "no_target"},
		{"gemini/pro", nil, nil, "", 0, "no_target"},
		{"", nil, nil, "", 0, "model_not_found"},
	} {
		p, err := table(t, tt.change).Plan(tt.called, all)
		if err != nil {
			if got := llm.AsError(err); got.Code != tt.code {
				t.Errorf("%s: %v, want %q", tt.called, err, tt.code)
			}
			continue
		}
		var got []string
		for i := range p.Targets {
			got = append(got, p.Targets[i].String())
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || tt.code != "" || p.Why != tt.why || len(p.Skipped) != tt.skip {
			t.Errorf("%s: %s\nwhy %q, skipped %q", tt.called, diff, p.Why, p.Skipped)
		}
	}
	p, _ := table(t, nil).Plan("fast", all)
	if p.Attempts != 7 || !p.AllowLoss || p.Targets[0].Timeouts.Total != time.Minute {
		t.Errorf("the name's own settings: %+v", p)
	}
}

// What a key may not use is no target, wherever it came from (pitfall A7).
func TestPlanAllows(t *testing.T) {
	tab := table(t, func(o *Options) { o.Fallbacks = []string{"anthropic", "local"} })
	var asked []string
	p, err := tab.Plan("gpt", func(target string, own bool) bool {
		asked = append(asked, fmt.Sprint(target, own))
		return target == "local/llama"
	})
	if err != nil || len(p.Targets) != 1 || p.Targets[0].String() != "local/llama" || p.Why != "fallback" {
		t.Errorf("%+v %v", p, err)
	}
	if diff := cmp.Diff([]string{"openai/gpttrue", "anthropic/claudefalse", "local/llamafalse"}, asked); diff != "" {
		t.Error(diff)
	}
	_, err = tab.Plan("gpt", func(string, bool) bool { return false })
	if e := llm.AsError(err); e.Code != "model_not_allowed" || e.HTTPStatus() != 403 {
		t.Errorf("nothing allowed: %v", err)
	}
}

func TestModels(t *testing.T) {
	var got []string
	for _, m := range table(t, nil).Models() {
		got = append(got, m.Name)
	}
	want := []string{"fast", "openai/gpt", "openai/both", "anthropic/claude", "openrouter/both", "openrouter/mistral/small", "openrouter/meta/llama", "local/llama"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
