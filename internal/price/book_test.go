package price_test

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidegate/internal/llm"
	"tidegate/internal/price"
)

var book = price.Embedded()

// noon is a time at which no vendor has a peak hour.
var noon = time.Date(2026, 9, 24, 12, 0, 0, 0, time.UTC)

type counts map[llm.Meter]int64

func usage(n counts) *llm.Usage {
	u := &llm.Usage{}
	for m, v := range n {
		u.N[m] = v
	}
	return u
}

// Known answers, worked out by hand from the vendors' price pages as of the book's date.
func TestCostKnownAnswers(t *testing.T) {
	const in, read, write5m, write1h = llm.InputText, llm.InputCacheRead, llm.InputCacheWrite5m, llm.InputCacheWrite1h
	const out, reason, search = llm.OutputText, llm.OutputReasoning, llm.Searches
	day := func(s string) time.Time {
		d, err := time.Parse("2006-01-02 15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		provider, model, tier string
		at                    time.Time
		n                     counts
		want                  string
	}{
		// OpenAI
		{"openai", "gpt-4o", "", noon, counts{in: 1000, out: 500}, "0.0075"},
		{"openai", "gpt-4o-2024-08-06", "default", noon, counts{in: 1000, out: 500}, "0.0075"},
		{"openai", "gpt-4o-2024-05-13", "", noon, counts{in: 1000, out: 500}, "0.0125"},
		{"openai", "gpt-4o-mini", "", noon, counts{in: 74, read: 1024, out: 9}, "0.0000933"},
		{"openai", "GPT-4o-Mini", "", noon, counts{in: 1}, "0.00000015"},
		{"openai", "gpt-5", "", noon, counts{in: 1375, out: 77, reason: 1024}, "0.01272875"},
		{"openai", "gpt-5", "flex", noon, counts{in: 1375, out: 77, reason: 1024}, "0.006364375"},
		{"openai", "gpt-5", "priority", noon, counts{in: 1000, read: 1000, out: 100}, "0.00475"},
		{"openai", "gpt-5-mini", "priority", noon, counts{in: 1000, out: 100}, "0.00081"},
		{"openai", "gpt-5.5", "priority", noon, counts{in: 1000, out: 100}, "0.02"},
		{"openai", "gpt-4.1", "priority", noon, counts{in: 1_000_000}, "3.5"},
		{"openai", "gpt-6-luna", "", noon, counts{in: 4359, read: 4336, out: 40, search: 1}, "0.01049926"},
		{"openai", "gpt-6-luna", "flex", noon, counts{in: 25, out: 5}, "0.0000025"},
		{"openai", "gpt-6-luna", "flex", noon, counts{in: 25, out: 5, search: 1}, "0.0100025"}, // fees have no tier
		{"openai", "gpt-6-luna", "", noon, counts{in: 272_000}, "0.0272"},
		{"openai", "gpt-6-luna", "", noon, counts{in: 1, read: 272_000, out: 10}, "0.0054477"}, // long: all tokens, cached ones count
		{"openai", "o3", "", day("2025-06-09 23:59"), counts{in: 1_000_000}, "10"},
		{"openai", "o3", "", day("2025-06-10 00:00"), counts{in: 1_000_000}, "2"},
		{"openai", "gpt-5.6-sol", "", day("2026-08-20 12:00"), counts{out: 1_000_000}, "30"},
		{"openai", "gpt-5.6-sol", "", day("2026-08-21 12:00"), counts{out: 1_000_000}, "20"},
		{"openai", "gpt-5.6-sol", "fast", day("2026-08-21 12:00"), counts{out: 1_000_000}, "40"},
		{"openai", "text-embedding-3-small", "", noon, counts{in: 8}, "0.00000016"},
		{"openai", "whisper-1", "", noon, counts{llm.AudioMillis: 60_000}, "0.006"},
		{"openai", "gpt-4o-audio-preview", "", noon, counts{in: 100, llm.InputAudio: 200, out: 50, llm.OutputAudio: 100}, "0.01675"},
		// Anthropic
		{"anthropic", "claude-haiku-4-5-20251001", "standard", noon, counts{in: 11, out: 4, write1h: 16522}, "0.033075"},
		{"anthropic", "claude-haiku-4-5-20251001", "standard", noon, counts{in: 11, out: 4, read: 16522}, "0.0016832"},
		{"anthropic", "claude-sonnet-4-5-20250929", "", noon, counts{in: 100, write5m: 2000, out: 300}, "0.0123"},
		{"anthropic", "claude-sonnet-4-5", "batch", noon, counts{in: 1000, out: 1000}, "0.009"},
		{"anthropic", "claude-sonnet-4-5", "", noon, counts{in: 100_000, read: 100_001, out: 1000}, "0.6825006"},
		{"anthropic", "claude-opus-4-6", "", day("2026-03-12 00:00"), counts{in: 300_000}, "3"},
		{"anthropic", "claude-opus-4-6", "", day("2026-03-13 00:00"), counts{in: 300_000}, "1.5"},
		{"anthropic", "claude-sonnet-5", "", noon, counts{in: 1000, out: 1000, search: 3}, "0.042"},
		{"anthropic", "claude-3-5-haiku-20241022", "", noon, counts{in: 1000, out: 1000}, "0.0048"},
		// Google
		{"google", "gemini-2.5-pro", "", noon, counts{in: 1000, reason: 500, out: 100}, "0.00725"},
		{"google", "models/gemini-2.5-pro", "", noon, counts{in: 200_001, out: 10}, "0.5001525"},
		{"google", "gemini-2.5-flash", "", noon, counts{in: 1000, llm.InputImage: 258, out: 100}, "0.0006274"},
		{"google", "gemini-2.5-flash", "", noon, counts{llm.InputAudio: 1000}, "0.001"},
		{"google", "gemini-3-flash-preview", "", noon, counts{in: 1000, out: 100, search: 2}, "0.0288"},
		{"google", "gemini-3.8-flash", "", day("2026-12-31 23:59"), counts{in: 1_000_000}, "0.75"},
		{"google", "gemini-3.8-flash", "", day("2027-01-01 00:00"), counts{in: 1_000_000}, "1.5"},
		{"google", "gemini-3.8-flash", "priority", noon, counts{in: 1_000_000}, "1.35"},
		{"google", "publishers/anthropic/models/claude-sonnet-4-5@20250929", "ON_DEMAND", noon, counts{in: 1000}, "0.003"},
		{"google", "gemini-2.5-pro-preview-tts", "", noon, counts{in: 1_000_000}, "1"},
		// others
		{"mistral", "mistral-small-latest", "standard", noon, counts{in: 1000, out: 1000}, "0.00075"},
		{"groq", "llama-3.3-70b-versatile", "flex", noon, counts{in: 1000, out: 1000}, "0.00138"},
		{"deepseek", "deepseek-v4-pro", "", noon, counts{in: 1000, read: 1000, out: 1000}, "0.002662"},
		{"deepseek", "deepseek-v4-pro", "", day("2026-09-24 01:00"), counts{in: 1000, read: 1000, out: 1000}, "0.005324"},
		{"deepseek", "deepseek-v4-pro", "", day("2026-09-24 04:00"), counts{in: 1000, read: 1000, out: 1000}, "0.002662"},
		{"deepseek", "deepseek-v4-pro", "", day("2026-08-01 01:30"), counts{in: 1_000_000}, "0.435"}, // no peak hours then
		{"perplexity", "sonar", "", noon, counts{in: 24, out: 52}, "0.012076"},                       // 12 dollars per thousand requests
		{"openrouter", "anthropic/claude-sonnet-4.5", "", noon, counts{in: 1000, out: 100}, "0.0045"},
		{"openrouter", "deepseek/deepseek-r1:free", "", noon, counts{in: 1000, out: 100}, "0"},
		{"vercel", "anthropic/claude-sonnet-4", "standard", noon, counts{in: 502, out: 137}, "0.003561"},
		{"azure", "gpt-4.1-mini-2025-04-14", "", noon, counts{in: 1000, out: 1000}, "0.002"},
		{"huggingface", "meta-llama/Llama-3.3-70B-Instruct:fireworks-ai", "", noon, counts{in: 1000}, "0.0009"},
		{"fireworks", "accounts/fireworks/models/deepseek-v3p2", "", noon, counts{in: 1000, read: 1000}, "0.00084"},
	} {
		u := usage(c.n)
		u.Tier = c.tier
		got := book.Cost(c.provider, c.model, c.at, u)
		if got.State != price.Priced || got.Nano.String() != c.want || got.Version != book.Version() {
			t.Errorf("%s/%s %v %q: %v %+v, want %s", c.provider, c.model, c.n, c.tier, got.Nano, got, c.want)
		}
	}
}

func TestCostStates(t *testing.T) {
	some := counts{llm.InputText: 10, llm.OutputText: 5}
	with := func(n counts, f func(*llm.Usage)) *llm.Usage {
		u := usage(n)
		f(u)
		return u
	}
	v := book.Version()
	for _, c := range []struct {
		name, provider, model string
		u                     *llm.Usage
		want                  price.Cost
	}{
		{"provider says", "openrouter", "nobody/knows", with(some, func(u *llm.Usage) { u.Billed = "0.0012345678901" }), price.Cost{Nano: 1234568, State: price.Billed}},
		{"provider says, as a float", "openrouter", "nobody/knows", with(some, func(u *llm.Usage) { u.Billed = "1.35e-05" }), price.Cost{Nano: 13500, State: price.Billed}},
		{"provider says nothing", "openrouter", "nobody/knows", with(some, func(u *llm.Usage) { u.Billed = "0" }), price.Cost{State: price.Billed}},
		{"provider says nonsense", "openai", "gpt-4o", with(some, func(u *llm.Usage) { u.Billed = "-1" }), price.Cost{Nano: 75000, State: price.Priced, Version: v}},
		{"nothing consumed", "openai", "gpt-4o", usage(nil), price.Cost{State: price.Free, Version: v}},
		{"nothing consumed, unknown", "nobody", "x", usage(nil), price.Cost{State: price.Free, Version: v}},
		{"usage unknown", "openai", "gpt-4o", nil, price.Cost{State: price.Unpriced, Version: v}},
		{"unknown model", "openai", "gpt-99", usage(some), price.Cost{State: price.Unpriced, Version: v}},
		{"unknown provider", "nobody", "gpt-4o", usage(some), price.Cost{State: price.Unpriced, Version: v}},
		{"no price of output", "openai", "text-embedding-3-small", usage(some), price.Cost{State: price.Unpriced, Version: v}},
		{"no price of searches", "google", "gemini-2.5-flash", usage(counts{llm.InputText: 10, llm.Searches: 1}), price.Cost{State: price.Unpriced, Version: v}},
		{"no price of images", "openai", "gpt-4o", usage(counts{llm.Images: 1}), price.Cost{State: price.Unpriced, Version: v}},
		{"unknown tier", "openai", "gpt-6-sol", with(some, func(u *llm.Usage) { u.Tier = "priority" }), price.Cost{State: price.Unpriced, Version: v}},
		{"list without any price", "mistral", "mistral-ocr-latest", usage(some), price.Cost{State: price.Unpriced, Version: v}},
	} {
		if diff := cmp.Diff(c.want, book.Cost(c.provider, c.model, noon, c.u)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		provider, model string
		want            bool
	}{
		{"openai", "gpt-4o", true},
		{"openai", "gpt-4o-2027-03-01", true}, // a snapshot to come
		{"openai", "gpt-4o-next", false},
		{"openai", "claude-sonnet-4-5", false},
		{"anthropic", "claude-opus-5-5-20260901", true},
		{"anthropic", "claude-next", false},
		{"google", "models/gemini-2.5-pro", true},
		{"google", "gemini-3.1-pro-preview-customtools", true},
		{"azure", "gpt-4o-mini-tts", false}, // priced as OpenAI's, but who knows what is deployed there
		{"vercel", "openai/gpt-5", false},
		{"openrouter", "openai/gpt-5", true},
		{"openrouter", "anthropic/claude-sonnet-4.5", true},
		{"", "gpt-4o", false},
	} {
		if got := book.Knows(c.provider, c.model); got != c.want {
			t.Errorf("Knows(%q, %q) = %v", c.provider, c.model, got)
		}
	}
	if diff := cmp.Diff([]string{"anthropic", "google"}, book.Providers("claude-sonnet-4-5@20250929")); diff != "" {
		t.Error(diff)
	}
	if got := book.Window("google", "gemini-2.5-flash"); got != 1_048_576 {
		t.Error(got)
	}
	if got := book.Window("openai", "nonsense"); got != 0 {
		t.Error(got)
	}
	if _, ok := book.Price("openai", "nonsense", noon, llm.InputText); ok {
		t.Error("a price of nonsense")
	}
}

// Whatever a list names as an id can be called, is known, and is not claimed by another model.
func TestIDsResolve(t *testing.T) {
	for _, p := range []string{"openai", "anthropic", "google", "mistral", "groq", "xai", "openrouter", "together", "fireworks", "bedrock", "azure", "huggingface"} {
		models := book.Models(p)
		if len(models) == 0 {
			t.Errorf("%s: no models", p)
		}
		for _, m := range models {
			if !book.Knows(p, m.ID) {
				t.Errorf("%s does not know its own %s", p, m.ID)
			}
			if got := book.Window(p, m.ID); got != m.Window {
				t.Errorf("%s/%s: another model answers: window %d, not %d", p, m.ID, got, m.Window)
			}
		}
	}
}

func TestWith(t *testing.T) {
	b, err := book.With(map[string]string{"eu": "azure", "spare": "openai", "local": "ollama", "vertex": "google"}, []price.Override{
		{Provider: "openai", Model: "priced", Prices: map[llm.Meter]price.Nano{llm.InputText: 10e9, llm.OutputText: 100e9, llm.InputCacheRead: 1e9}, Window: 500},
		{Provider: "openai", Model: "gpt-4o", Prices: map[llm.Meter]price.Nano{llm.InputText: 1e9, llm.OutputText: 2e9}},
		{Provider: "eu", Model: "gpt-*", Prices: map[llm.Meter]price.Nano{llm.InputText: 3e9, llm.OutputText: 3e9}, Request: 5},
		{Provider: "local", Model: "*", Free: true},
		{Model: "house-model", Prices: map[llm.Meter]price.Nano{llm.InputText: 7e9}},
	})
	if err != nil {
		t.Fatal(err)
	}
	million := counts{llm.InputText: 1e6}
	for _, c := range []struct {
		provider, model, tier string
		n                     counts
		want                  price.Cost
	}{
		{"openai", "priced", "", counts{llm.InputText: 10, llm.InputCacheRead: 10, llm.OutputText: 10}, price.Cost{Nano: 1_110_000, State: price.Priced, Version: "config"}},
		{"openai", "gpt-4o", "", million, price.Cost{Nano: 1e9, State: price.Priced, Version: "config"}},
		{"openai", "gpt-4o", "flex", million, price.Cost{Nano: 5e8, State: price.Priced, Version: "config"}},
		{"openai", "gpt-4o", "platinum", million, price.Cost{Nano: 1e9, State: price.Priced, Version: "config"}},
		{"openai", "gpt-4o-mini", "", million, price.Cost{Nano: 15e7, State: price.Priced, Version: book.Version()}},
		{"spare", "gpt-4o", "", million, price.Cost{Nano: 25e8, State: price.Priced, Version: book.Version()}},
		{"eu", "gpt-4o", "", million, price.Cost{Nano: 3e9 + 5, State: price.Priced, Version: "config"}},
		{"eu", "o3", "", million, price.Cost{Nano: 2e9, State: price.Priced, Version: book.Version()}},
		{"local", "llama3", "", million, price.Cost{State: price.Free, Version: "config"}},
		{"vertex", "gemini-2.5-pro", "", counts{llm.InputText: 100}, price.Cost{Nano: 125_000, State: price.Priced, Version: book.Version()}},
		{"nobody", "house-model", "", million, price.Cost{Nano: 7e9, State: price.Priced, Version: "config"}},
		{"nobody", "other", "", million, price.Cost{State: price.Unpriced, Version: book.Version()}},
	} {
		u := usage(c.n)
		u.Tier = c.tier
		if diff := cmp.Diff(c.want, b.Cost(c.provider, c.model, noon, u)); diff != "" {
			t.Errorf("%s/%s: %s", c.provider, c.model, diff)
		}
	}
	if !b.Knows("openai", "priced") || book.Knows("openai", "priced") {
		t.Error("a stated price makes a model known, in the new book only")
	}
	if b.Knows("local", "llama3") || len(b.Models("local")) != 0 {
		t.Error("a wildcard makes models known")
	}
	if got, want := len(b.Models("openai")), len(book.Models("openai"))+1; got != want {
		t.Errorf("%d models, want %d", got, want)
	}
	for _, bad := range []price.Override{
		{Provider: "x", Model: ""},
		{Provider: "x", Model: "a*b"},
		{Provider: "x", Model: "m", Prices: map[llm.Meter]price.Nano{llm.InputText: -1}},
		{Provider: "x", Model: "m", Request: -1},
	} {
		if _, err := book.With(nil, []price.Override{bad}); err == nil {
			t.Errorf("%+v: accepted", bad)
		}
	}
}

func TestEquivalent(t *testing.T) {
	b, err := book.With(map[string]string{"vertex": "google"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ model, provider, want string }{
		{"gpt-4o", "anthropic", "claude-sonnet-5"},
		{"gpt-4o-2024-08-06", "google", "gemini-3.1-pro-preview"},
		{"gpt-4o", "vertex", "gemini-3.1-pro-preview"},
		{"gpt-4o-mini", "anthropic", "claude-haiku-4-5"},
		{"gpt-4o-mini", "mistral", "mistral-small-latest"},
		{"claude-sonnet-4-5-20250929", "openai", "gpt-6-sol"},
		{"gemini-2.5-flash", "openai", "gpt-5.6-luna"},
		{"gpt-4o", "openai", "gpt-4o"},
		{"gpt-4o", "groq", ""},
		{"gpt-4o", "nobody", ""},
		{"text-embedding-3-small", "mistral", ""},
		{"house-model", "openai", ""},
	} {
		got, ok := b.Equivalent(c.model, c.provider)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("Equivalent(%q, %q) = %q, %v", c.model, c.provider, got, ok)
		}
	}
}

// Every name of the table is one of the book, and no line is without a provider.
func TestEquivalentsAreInTheBook(t *testing.T) {
	for i, line := range read[[]map[string][]string](t, "equivalents.json") {
		for _, provider := range []string{"openai", "anthropic", "google", "mistral"} {
			if len(line[provider]) == 0 {
				t.Errorf("line %d: none of %s", i+1, provider)
			}
		}
		for provider, models := range line {
			for _, m := range models {
				if !book.Knows(provider, m) {
					t.Errorf("line %d: %s does not know %s", i+1, provider, m)
				}
			}
		}
	}
}

// exact is the cost by rational numbers, from the prices that the book shows.
func exact(t *rapid.T, b *price.Book, provider, model string, u *llm.Usage) price.Nano {
	sum := new(big.Int)
	for m, n := range u.N {
		p, ok := b.Price(provider, model, noon, llm.Meter(m))
		if n > 0 && !ok {
			t.Fatalf("no price of %v", llm.Meter(m))
		}
		sum.Add(sum, new(big.Int).Mul(big.NewInt(n), big.NewInt(int64(p))))
	}
	sum.Add(sum, big.NewInt(500_000))
	return price.Nano(sum.Div(sum, big.NewInt(1_000_000)).Int64())
}

func TestCostProperties(t *testing.T) {
	meters := []llm.Meter{llm.InputText, llm.InputCacheRead, llm.InputCacheWrite5m, llm.InputCacheWrite1h, llm.InputAudio,
		llm.InputImage, llm.OutputText, llm.OutputReasoning, llm.OutputAudio, llm.OutputImage, llm.Searches}
	const provider, model = "anthropic", "claude-haiku-4-5" // every meter, no threshold
	rapid.Check(t, func(t *rapid.T) {
		u := &llm.Usage{}
		for _, m := range meters {
			u.N[m] = rapid.Int64Range(0, 1e9).Draw(t, m.String())
		}
		cost := book.Cost(provider, model, noon, u)
		if cost.Nano < 0 || cost.Nano != exact(t, book, provider, model, u) {
			t.Fatalf("%v, want %v", cost.Nano, exact(t, book, provider, model, u))
		}

		var parts price.Nano // Σ of the meters one by one: off by at most half a nano each
		for _, m := range meters {
			parts += book.Cost(provider, model, noon, usage(counts{m: u.N[m]})).Nano
		}
		if d := parts - cost.Nano; d < -price.Nano(len(meters)) || d > price.Nano(len(meters)) {
			t.Fatalf("meters sum to %v, all to %v", parts, cost.Nano)
		}

		more := *u
		m := rapid.SampledFrom(meters).Draw(t, "more of")
		more.N[m] += rapid.Int64Range(0, 1e6).Draw(t, "by")
		if book.Cost(provider, model, noon, &more).Nano < cost.Nano {
			t.Fatalf("more of %v costs less", m)
		}
	})
}

// Counts that no provider can mean still give an amount.
func TestCostOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := &llm.Usage{Tier: rapid.SampledFrom([]string{"", "flex", "priority", "x"}).Draw(t, "tier")}
		for m := range u.N {
			u.N[m] = rapid.Int64().Draw(t, "n")
		}
		for _, p := range []string{"openai", "anthropic", "google"} {
			for _, m := range []string{"gpt-5", "claude-sonnet-4-5", "gemini-3-flash-preview"} {
				if c := book.Cost(p, m, noon, u); c.Nano < 0 {
					t.Fatal(c)
				}
			}
		}
	})
}

func TestCostDoesNotAllocate(t *testing.T) {
	u := usage(counts{llm.InputText: 1000, llm.OutputText: 100, llm.InputCacheRead: 7})
	long := strings.Repeat("x", 100)
	for _, c := range [][2]string{
		{"openai", "gpt-4o"}, {"openai", "GPT-5-Mini"}, {"anthropic", "claude-sonnet-4-5-20250929"}, {"google", "models/gemini-2.5-pro"},
		{"vercel", "anthropic/claude-sonnet-4"}, {"azure", "o3"}, {"openrouter", "no/such-model"}, {"openai", long},
	} {
		if n := testing.AllocsPerRun(100, func() { book.Cost(c[0], c[1], noon, u) }); n != 0 {
			t.Errorf("%s/%s: %v allocations", c[0], c[1], n)
		}
	}
}

func BenchmarkCost(b *testing.B) {
	u := usage(counts{llm.InputText: 1000, llm.OutputText: 100})
	for _, c := range [][2]string{{"openai", "gpt-4o"}, {"google", "gemini-3.1-pro-preview"}, {"openrouter", "no/such-model"}} {
		b.Run(c[0], func(b *testing.B) {
			for b.Loop() {
				book.Cost(c[0], c[1], noon, u)
			}
		})
	}
}
