package price_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"tidegate/internal/llm"
	"tidegate/internal/price"
)

func TestParse(t *testing.T) {
	for s, want := range map[string]price.Nano{
		"0": 0, "10": 10e9, "$10": 10e9, "0.075": 75e6, "$0.000000001": 1, ".5": 5e8, "1.": 1e9, "9223372036.854775807": 9223372036854775807,
		"1.0000000000000": 1e9,
	} {
		got, err := price.Parse(s)
		if err != nil || got != want {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "$", ".", "-1", "+1", "1e3", "1,5", "1.2.3", "0.0000000001", "9223372036.854775808", "1 ", "NaN", "inf", "$$1", "0x1"} {
		if got, err := price.Parse(s); err == nil {
			t.Errorf("%q: %d", s, got)
		}
	}
}

func TestBilled(t *testing.T) {
	for s, want := range map[string]price.Nano{
		"0.003561": 3561000, "0.00074": 740000, "1.35e-05": 13500, "1E2": 100e9, "12.5e-1": 125e7, "0.0000000005": 1, "0.00000000049999": 0,
		"0.1346999999999999997": 134700000, "5e-300": 0, "0e999": 0,
	} {
		if got := book.Cost("", "", noon, &llm.Usage{Billed: s}); got.State != price.Billed || got.Nano != want {
			t.Errorf("%q: %+v", s, got)
		}
	}
	for _, s := range []string{"-1", "1e300", "1e", "e5", "NaN", "null", `"1"`, "1e99999999999999999999", "1e-5.2"} {
		if got := book.Cost("", "", noon, &llm.Usage{Billed: s}); got.State == price.Billed {
			t.Errorf("%q: %+v", s, got)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	wrap := func(models string) string {
		return `{"version":"1","providers":[{"name":"p","models":[` + models + `]}]}`
	}
	for name, doc := range map[string]string{
		"nothing":             ``,
		"no version":          `{"providers":[]}`,
		"unknown member":      `{"version":"1","provider":[]}`,
		"same provider twice": `{"version":"1","providers":[{"name":"p"},{"name":"p"}]}`,
		"unknown fallback":    `{"version":"1","providers":[{"name":"p","fallback":["q"]}]}`,
		"factor":              `{"version":"1","providers":[{"name":"p","tiers":[{"name":"flex","x":"0.505"}]}]}`,
		"no id":               wrap(`{"usd":{}}`),
		"ten decimals":        wrap(`{"id":"m","usd":{"input_text":"0.0000000001"}}`),
		"negative":            wrap(`{"id":"m","usd":{"input_text":"-1"}}`),
		"a float":             wrap(`{"id":"m","usd":{"input_text":1.5}}`),
		"beyond all reason":   wrap(`{"id":"m","usd":{"input_text":"1000001"}}`),
		"unknown meter":       wrap(`{"id":"m","usd":{"inputs":"1"}}`),
		"star inside":         wrap(`{"id":"m","match":["a*b"],"usd":{}}`),
		"empty pattern":       wrap(`{"id":"m","match":[""],"usd":{}}`),
		"no date":             wrap(`{"id":"m","usd":{},"then":[{"from":"soon","usd":{}}]}`),
		"no hours":            wrap(`{"id":"m","usd":{},"then":[{"utc":"1-2","usd":{}}]}`),
		"negative threshold":  wrap(`{"id":"m","usd":{},"then":[{"over":-1,"usd":{}}]}`),
		"negative window":     wrap(`{"id":"m","window":-1,"usd":{}}`),
	} {
		if _, err := price.Load(strings.NewReader(doc)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

const small = `{"version":"1","providers":[
{"name":"p","tiers":[{"name":"flex","x":"0.5","models":["m*"]}],"fallback":["q"],"models":[
{"id":"m","usd":{"input_text":"3","output_text":"15","request":"1000000"}},
{"id":"w","usd":{"input_text":"3","input_cache_write_5m":"3.75","output_text":"15"}},
{"id":"night","usd":{"input_text":"2"},"then":[{"utc":"22:00-06:00","usd":{"input_text":"1"}},{"from":"2030-01-01","over":10,"usd":{"input_text":"9"}}]},
{"id":"x","match":["x-####","*-y","*z*","x-*"],"usd":{"input_text":"1"}}]},
{"name":"q","resells":true,"models":[{"id":"only-q","usd":{"input_text":"5"}}]}]}`

// The rules of the format, on a book made for them.
func TestRules(t *testing.T) {
	b, err := price.Load(strings.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	const million = 1_000_000
	for _, c := range []struct {
		provider, model string
		hour            int
		n               counts
		want            string
	}{
		{"p", "m", 12, counts{llm.InputText: million}, "4"}, // 3 and the price of a request
		{"p", "m", 12, counts{llm.InputCacheRead: million}, "4"},
		{"p", "m", 12, counts{llm.InputCacheWrite5m: million}, "4"},
		{"p", "m", 12, counts{llm.InputCacheWrite1h: million}, "4"},
		{"p", "m", 12, counts{llm.InputAudio: million}, "4"},
		{"p", "m", 12, counts{llm.InputImage: million}, "4"},
		{"p", "m", 12, counts{llm.OutputReasoning: million}, "16"},
		{"p", "m", 12, counts{llm.OutputAudio: million}, "16"},
		{"p", "m", 12, counts{llm.OutputImage: million}, "16"},
		{"p", "w", 12, counts{llm.InputCacheWrite1h: million}, "6"},
		{"p", "night", 12, counts{llm.InputText: million}, "2"},
		{"p", "night", 21, counts{llm.InputText: million}, "2"},
		{"p", "night", 22, counts{llm.InputText: million}, "1"},
		{"p", "night", 3, counts{llm.InputText: million}, "1"},
		{"p", "night", 6, counts{llm.InputText: million}, "2"},
		{"p", "x-2026", 12, counts{llm.InputText: million}, "1"},
		{"p", "hey-Y", 12, counts{llm.InputText: million}, "1"},
		{"p", "aZb", 12, counts{llm.InputText: million}, "1"},
		{"p", "x-any", 12, counts{llm.InputText: million}, "1"},
		{"p", "only-q", 12, counts{llm.InputText: million}, "5"},
		{"q", "p/night", 12, counts{llm.InputText: million}, "2"},
	} {
		got := b.Cost(c.provider, c.model, noon.Add(time.Duration(c.hour-12)*time.Hour), usage(c.n))
		if got.State != price.Priced || got.Nano.String() != c.want {
			t.Errorf("%s/%s at %d, %v: %v %v, want %s", c.provider, c.model, c.hour, c.n, got.State, got.Nano, c.want)
		}
	}
	for _, c := range [][2]string{{"p", "x"}, {"p", "-x"}, {"q", "night"}, {"q", "nobody/night"}} {
		if got := b.Cost(c[0], c[1], noon, usage(counts{llm.InputText: 1})); got.State != price.Unpriced {
			t.Errorf("%v: %+v", c, got)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(small)
	f.Add(`{"version":"1","providers":[{"name":"p","models":[{"id":"*","usd":{"input_text":"1"}}]}]}`)
	if whole, err := os.ReadFile("book.json"); err == nil {
		f.Add(string(whole[:4000]))
	}
	f.Fuzz(func(t *testing.T, doc string) {
		b, err := price.Load(strings.NewReader(doc))
		if err != nil {
			return
		}
		u := usage(counts{llm.InputText: 1 << 62, llm.OutputText: 3})
		for _, p := range b.Providers("m") {
			for _, m := range b.Models(p) {
				if c := b.Cost(p, m.ID, noon, u); c.Nano < 0 {
					t.Fatalf("%s/%s costs %v", p, m.ID, c.Nano)
				}
			}
		}
	})
}
