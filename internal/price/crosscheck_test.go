package price_test

import (
	"errors"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/price"
)

// shared is the folder of material that is not part of the project; tests that need it are skipped where it is not named.
func shared(t *testing.T, path ...string) string {
	t.Helper()
	root := os.Getenv("TIDEGATE_SHARED")
	if root == "" {
		t.Skip("TIDEGATE_SHARED is not set: 0 figures compared")
	}
	name := filepath.Join(append([]string{root}, path...)...)
	if _, err := os.Stat(name); err != nil {
		t.Fatal(err)
	}
	return name
}

func read[T any](t *testing.T, name string) (v T) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := json.UnmarshalRead(f, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// nano reads a JSON number of dollars per unit as nano-dollars per million of them; false for what is not a number.
func nano(v jsontext.Value, units int64) (price.Nano, bool) {
	r, ok := new(big.Rat).SetString(strings.Trim(string(v), `"`))
	if len(v) == 0 || !ok {
		return 0, false
	}
	r.Mul(r, big.NewRat(1e9*1e6/units, 1))
	r.Add(r, big.NewRat(1, 2))
	return price.Nano(new(big.Int).Div(r.Num(), r.Denom()).Int64()), true
}

// figure is a price that another catalogue has.
type figure struct {
	provider, model string
	meter           llm.Meter
	nano            price.Nano
}

// tally counts how many figures of a provider are in the book as well, and how many of these agree.
type tally struct{ compared, agree int }

func compare(t *testing.T, at time.Time, figures []figure) map[string]tally {
	all := map[string]tally{}
	for _, f := range figures {
		if !book.Knows(f.provider, f.model) {
			continue
		}
		ours, ok := book.Price(f.provider, f.model, at, f.meter)
		if !ok {
			continue
		}
		n := all[f.provider]
		n.compared++
		if ours == f.nano {
			n.agree++
		} else if testing.Verbose() {
			t.Logf("%s/%s %v: %v there, %v here", f.provider, f.model, f.meter, f.nano, ours)
		}
		all[f.provider] = n
	}
	return all
}

// floor is the least share of figures, in percent, on which each catalogue and the book must agree; other providers are only
// reported. It lies a little under what was measured, so it catches a wrong unit, a shifted column or a lost threshold, and
// not a vendor's latest change. What differs was looked at one by one: the catalogues list Google's speech, image and live
// models by another modality, Anthropic and OpenAI differ in cached prices of a few pro and speech models, OpenRouter's
// prices follow its cheapest host from week to week.
var floor = map[string]int{
	"anthropic": 98, "openai": 93, "google": 60, "mistral": 80, "xai": 95, "deepseek": 40, "groq": 75, "cohere": 95,
	"perplexity": 95, "fireworks": 85, "minimax": 90, "moonshot": 85, "novita": 80, "openrouter": 60, "voyage": 95, "bedrock": 55,
}

func check(t *testing.T, catalogue string, all map[string]tally) {
	t.Helper()
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		n := all[name]
		percent := 100 * n.agree / n.compared
		t.Logf("%-10s %-12s %4d of %4d figures agree, %3d %%", catalogue, name, n.agree, n.compared, percent)
		if n.compared >= 5 && percent < floor[name] {
			t.Errorf("%s: only %d %% of the figures for %s agree, want %d %%", catalogue, percent, name, floor[name])
		}
	}
	for _, name := range []string{"anthropic", "openai", "google"} {
		if catalogue != "openrouter" && all[name].compared < 20 {
			t.Errorf("%s: only %d figures for %s compared", catalogue, all[name].compared, name)
		}
	}
}

func TestAgreesWithModelsDev(t *testing.T) {
	type cost struct {
		Input     jsontext.Value `json:"input"`
		Output    jsontext.Value `json:"output"`
		CacheRead jsontext.Value `json:"cache_read"`
	}
	type provider struct {
		Models map[string]struct {
			Cost *cost `json:"cost"`
		} `json:"models"`
	}
	theirs := map[string]string{ // their name of our providers, where it differs
		"amazon-bedrock": "bedrock", "fireworks-ai": "fireworks", "moonshotai": "moonshot", "togetherai": "together", "novita-ai": "novita", "zhipuai": "zhipu",
	}
	var figures []figure
	for name, p := range read[map[string]provider](t, shared(t, "data", "prices", "models.dev.api.json")) {
		if ours := theirs[name]; ours != "" {
			name = ours
		}
		for id, m := range p.Models {
			if m.Cost == nil {
				continue
			}
			for meter, v := range map[llm.Meter]jsontext.Value{llm.InputText: m.Cost.Input, llm.OutputText: m.Cost.Output, llm.InputCacheRead: m.Cost.CacheRead} {
				if n, ok := nano(v, 1e6); ok {
					figures = append(figures, figure{name, id, meter, n})
				}
			}
		}
	}
	check(t, "models.dev", compare(t, time.Date(2026, 7, 31, 12, 0, 0, 0, time.UTC), figures))
}

func TestAgreesWithLiteLLM(t *testing.T) {
	type model struct {
		Provider  string         `json:"litellm_provider"`
		Input     jsontext.Value `json:"input_cost_per_token"`
		Output    jsontext.Value `json:"output_cost_per_token"`
		CacheRead jsontext.Value `json:"cache_read_input_token_cost"`
		Write     jsontext.Value `json:"cache_creation_input_token_cost"`
	}
	theirs := map[string]string{"gemini": "google", "together_ai": "together", "fireworks_ai": "fireworks", "bedrock_converse": "bedrock"}
	var figures []figure
	for id, raw := range read[map[string]jsontext.Value](t, shared(t, "data", "prices", "litellm.model_prices_and_context_window.2026-07-24.json")) {
		var m model
		if err := json.Unmarshal(raw, &m); err != nil {
			continue // the map describes itself in entries of another form
		}
		name := m.Provider
		if ours := theirs[name]; ours != "" {
			name = ours
		}
		id = strings.TrimPrefix(id, m.Provider+"/")
		for meter, v := range map[llm.Meter]jsontext.Value{llm.InputText: m.Input, llm.OutputText: m.Output, llm.InputCacheRead: m.CacheRead, llm.InputCacheWrite5m: m.Write} {
			if n, ok := nano(v, 1); ok && n > 0 {
				figures = append(figures, figure{name, id, meter, n})
			}
		}
	}
	check(t, "litellm", compare(t, time.Date(2026, 7, 24, 12, 0, 0, 0, time.UTC), figures))
}

func TestAgreesWithOpenRouter(t *testing.T) {
	type list struct {
		Data []struct {
			ID      string `json:"id"`
			Pricing struct {
				Prompt     jsontext.Value `json:"prompt"`
				Completion jsontext.Value `json:"completion"`
				CacheRead  jsontext.Value `json:"input_cache_read"`
			} `json:"pricing"`
		} `json:"data"`
	}
	var figures []figure
	for _, m := range read[list](t, shared(t, "data", "prices", "openrouter.models.via-models.dev.json")).Data {
		for meter, v := range map[llm.Meter]jsontext.Value{llm.InputText: m.Pricing.Prompt, llm.OutputText: m.Pricing.Completion, llm.InputCacheRead: m.Pricing.CacheRead} {
			if n, ok := nano(v, 1); ok && n >= 0 {
				figures = append(figures, figure{"openrouter", m.ID, meter, n})
			}
		}
	}
	check(t, "openrouter", compare(t, time.Date(2026, 7, 31, 12, 0, 0, 0, time.UTC), figures))
}

// vector is one case of cost-vectors.json: a usage as the provider reported it, the rates of the day, and the right amount.
type vector struct {
	Name     string `json:"name"`
	Model    string `json:"model"`
	Provider string `json:"provider"`
	Usage    struct {
		Input     int64 `json:"input_tokens"`
		Output    int64 `json:"output_tokens"`
		CacheRead int64 `json:"cache_read_input_tokens"` // Anthropic: beside input_tokens
		Creation  struct {
			Hour int64 `json:"ephemeral_1h_input_tokens"`
			Five int64 `json:"ephemeral_5m_input_tokens"`
		} `json:"cache_creation"`
		Details struct {
			Cached int64 `json:"cached_tokens"` // OpenAI: part of input_tokens
			Write  int64 `json:"cache_write_tokens"`
		} `json:"input_tokens_details"`
	} `json:"usage"`
	Tools struct {
		Searches int64 `json:"web_search_call"`
	} `json:"tools"`
	Tier  string `json:"service_tier"`
	Rates struct {
		Input   string `json:"input"`
		Output  string `json:"output"`
		Read    string `json:"cache_read"`
		Write   string `json:"cache_write"`
		Write5m string `json:"cache_write_5m"`
		Write1h string `json:"cache_write_1h"`
	} `json:"rates_per_mtok"`
	PerThousand struct {
		Searches string `json:"web_search"`
	} `json:"rates_per_1k"`
	Expected string `json:"expected_usd"`
}

func (v *vector) usage() *llm.Usage {
	u := usage(counts{
		llm.InputText: v.Usage.Input, llm.InputCacheWrite1h: v.Usage.Creation.Hour, llm.InputCacheWrite5m: v.Usage.Creation.Five,
		llm.OutputText: v.Usage.Output, llm.Searches: v.Tools.Searches,
	})
	u.Split(llm.InputText, llm.InputCacheRead, v.Usage.Details.Cached)
	u.Split(llm.InputText, llm.InputCacheWrite5m, v.Usage.Details.Write)
	u.N[llm.InputCacheRead] += v.Usage.CacheRead
	u.Tier = v.Tier
	return u
}

func (v *vector) override(t *testing.T) price.Override {
	o := price.Override{Provider: v.Provider, Model: v.Model, Prices: map[llm.Meter]price.Nano{}}
	for m, s := range map[llm.Meter]string{
		llm.InputText: v.Rates.Input, llm.OutputText: v.Rates.Output, llm.InputCacheRead: v.Rates.Read,
		llm.InputCacheWrite5m: v.Rates.Write + v.Rates.Write5m, llm.InputCacheWrite1h: v.Rates.Write1h, llm.Searches: v.PerThousand.Searches,
	} {
		if s == "" {
			continue
		}
		n, err := price.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if m == llm.Searches {
			n *= 1000
		}
		o.Prices[m] = n
	}
	return o
}

// The vectors' amounts are sums of items that were each rounded to millionths of a dollar, half up. We round once, to
// billionths: so the sum of the items, rounded likewise, must be theirs exactly, and our own sum must be within the rounding.
func TestCostVectors(t *testing.T) {
	type file struct {
		Vectors []vector `json:"vectors"`
	}
	vectors := read[file](t, shared(t, "data", "prices", "cost-vectors.json")).Vectors
	if len(vectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range vectors {
		stated, err := book.With(nil, []price.Override{v.override(t)})
		if err != nil {
			t.Fatal(err)
		}
		want, err := price.Parse(v.Expected)
		if err != nil {
			t.Fatal(err)
		}
		u := v.usage()
		for _, b := range []*price.Book{stated, book} { // the book has the same prices for these models
			var items price.Nano
			n := 0
			for m, count := range u.N {
				one := usage(counts{llm.Meter(m): count})
				one.Tier = u.Tier
				c := b.Cost(v.Provider, v.Model, noon, one)
				if count > 0 && c.State != price.Priced {
					t.Errorf("%s: %v: %+v", v.Name, llm.Meter(m), c)
				}
				if count > 0 {
					n++
				}
				items += (c.Nano + 500) / 1000 * 1000
			}
			if items != want {
				t.Errorf("%s: items sum to %v, want %v", v.Name, items, want)
			}
			if all := b.Cost(v.Provider, v.Model, noon, u).Nano; all < want-price.Nano(500*n) || all > want+price.Nano(500*n) {
				t.Errorf("%s: %v, want %v", v.Name, all, want)
			}
		}
	}
}

// record is what these tests read of a recorded exchange.
type record struct {
	ID       string `json:"id"`
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Body     string `json:"response_body"`
	Facts    struct {
		Usage *struct {
			Input      int64          `json:"input"`
			Output     int64          `json:"output"`
			Cached     int64          `json:"cached"`
			CacheWrite int64          `json:"cache_write"`
			Reasoning  int64          `json:"reasoning"`
			Cost       jsontext.Value `json:"cost"`
		} `json:"usage"`
	} `json:"facts"`
}

func records(t *testing.T, name string) (all []record) {
	f, err := os.Open(shared(t, "corpus", "dev", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dec := jsontext.NewDecoder(f)
	for {
		var r record
		if err := json.UnmarshalDecode(dec, &r); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
}

var created = regexp.MustCompile(`"created": ?(\d{10})`)

// What resellers said they charged, against what the book says. Prices have moved since some of the recordings, and a
// reseller's cheapest host changes weekly: so the vendors' own models, whose prices are the same everywhere, must agree within
// one percent nearly always, and the rest is reported.
func TestBilledCosts(t *testing.T) {
	for _, c := range []struct {
		file, provider string
		outside        bool // reasoning is not part of the output
		floor          int  // percent of the vendors' models
	}{
		{"openrouter-openai-chat.jsonl", "openrouter", false, 90},
		{"vercel-gateway-openai-chat.jsonl", "vercel", true, 90},
	} {
		vendors, rest := tally{}, tally{}
		for _, r := range records(t, c.file) {
			u := r.Facts.Usage
			if u == nil {
				continue
			}
			want, ok := nano(u.Cost, 1e6)
			if !ok || want == 0 {
				continue
			}
			used := usage(counts{llm.InputText: u.Input, llm.OutputText: u.Output})
			used.Split(llm.InputText, llm.InputCacheRead, u.Cached)
			used.Split(llm.InputText, llm.InputCacheWrite5m, u.CacheWrite)
			if c.outside {
				used.N[llm.OutputReasoning] = u.Reasoning
			}
			at := noon
			if m := created.FindStringSubmatch(r.Body); m != nil {
				sec, _ := strconv.ParseInt(m[1], 10, 64)
				at = time.Unix(sec, 0)
			}
			got := book.Cost(c.provider, r.Model, at, used)
			if got.State != price.Priced {
				continue
			}
			n := &rest
			switch vendor, _, _ := strings.Cut(r.Model, "/"); vendor {
			case "openai", "anthropic", "google":
				n = &vendors
			}
			n.compared++
			if d := got.Nano - want; d <= want/100+1 && d >= -want/100-1 {
				n.agree++
			} else if testing.Verbose() {
				t.Logf("%s %s: billed %v, book %v", r.ID, r.Model, want, got.Nano)
			}
		}
		t.Logf("%s: vendors' own models %d of %d within 1 %%, others %d of %d", c.provider, vendors.agree, vendors.compared, rest.agree, rest.compared)
		if vendors.compared == 0 || 100*vendors.agree/vendors.compared < c.floor {
			t.Errorf("%s: only %d of %d billed amounts agree", c.provider, vendors.agree, vendors.compared)
		}
	}
}
