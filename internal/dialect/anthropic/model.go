package anthropic

import (
	"slices"
	"strings"

	"tidegate/internal/llm"
)

// traits are what a generation of models accepts, as far as the codec must know it to write a request that is not refused.
type traits struct {
	adaptive bool     // thinking.type "adaptive"
	budget   bool     // thinking.type "enabled" with budget_tokens
	off      string   // the thinking.type that switches thinking off; "" when that cannot be said
	efforts  []string // of output_config.effort, rising
	sampling bool     // temperature, top_p, top_k
	both     bool     // temperature and top_p in one request
	prefill  bool     // the last message may be the assistant's
	system   bool     // messages of role "system"
	schema   bool     // output_config.format and strict tools
	force    bool     // tool_choice "any" and "tool"
	output   int64    // the largest max_tokens
}

var (
	toHigh = []string{"low", "medium", "high"}
	toMax  = []string{"low", "medium", "high", "max"}
	all    = []string{"low", "medium", "high", "xhigh", "max"}
)

// generations maps families and versions (4.5 is 45) to traits; the first row that fits counts. Sources: the model overview,
// the pages on thinking, effort, structured outputs, prefill and mid-conversation system messages, and the migration guides
// for Opus 4.7, Sonnet 5, Fable 5, Opus 5.5, Sonnet 5.5 and Haiku 5.5 (platform.claude.com, read 2026-11-24).
var generations = []struct {
	families string // "" is any
	from, to int
	traits
}{
	{"fable mythos", 0, 50, traits{adaptive: true, efforts: all, system: true, schema: true, force: true, output: 128_000}},
	{"", 0, 34, traits{off: "disabled", sampling: true, both: true, prefill: true, force: true, output: 4096}},
	{"", 35, 36, traits{off: "disabled", sampling: true, both: true, prefill: true, force: true, output: 8192}},
	{"", 37, 37, traits{budget: true, off: "disabled", sampling: true, both: true, prefill: true, force: true, output: 64_000}},
	{"opus", 40, 40, traits{budget: true, off: "disabled", sampling: true, both: true, prefill: true, force: true, output: 32_000}},
	{"opus", 41, 44, traits{budget: true, off: "disabled", sampling: true, prefill: true, force: true, output: 32_000}},
	{"", 40, 44, traits{budget: true, off: "disabled", sampling: true, both: true, prefill: true, force: true, output: 64_000}},
	{"opus", 45, 45, traits{budget: true, off: "disabled", efforts: toHigh, sampling: true, prefill: true, schema: true, force: true, output: 64_000}},
	{"", 45, 45, traits{budget: true, off: "disabled", sampling: true, prefill: true, schema: true, force: true, output: 64_000}},
	{"", 46, 46, traits{adaptive: true, budget: true, off: "disabled", efforts: toMax, sampling: true, schema: true, force: true, output: 128_000}},
	{"", 47, 47, traits{adaptive: true, off: "disabled", efforts: all, schema: true, force: true, output: 128_000}},
	{"", 48, 54, traits{adaptive: true, off: "disabled", efforts: all, system: true, schema: true, force: true, output: 128_000}},
	{"haiku", 55, 55, traits{adaptive: true, off: "disabled", efforts: all, system: true, schema: true, force: true, output: 128_000}},
	{"sonnet", 55, 55, traits{adaptive: true, off: "between_tools", efforts: all, system: true, schema: true, output: 128_000}},
	{"", 51, 999, traits{adaptive: true, efforts: all, system: true, schema: true, output: 128_000}},
}

// foreign is what other makers' models behind this dialect are taken to accept: what Anthropic's did when they were copied.
// 8192 tokens of output are within all that were looked at.
var foreign = traits{budget: true, off: "disabled", sampling: true, both: true, prefill: true, force: true, output: 8192}

// traitsOf knows a model by its name, in any platform's spelling (claude-opus-4-6, claude-3-5-haiku@20241022,
// us.anthropic.claude-sonnet-4-5-20250929-v1:0, anthropic/claude-opus-4.8).
func traitsOf(model string) traits {
	at := strings.LastIndex(model, "claude")
	if at < 0 {
		return foreign
	}
	family, version := "", -1
	for word := range strings.FieldsFuncSeq(model[at:], func(r rune) bool { return strings.ContainsRune("-.@_:/", r) }) {
		n, isNumber := short(word)
		switch {
		case slices.Contains(families, word):
			family = word
		case isNumber && version < 0:
			version = n * 10
		case isNumber && version%10 == 0:
			version += n
		case version >= 0: // a date or suffix: what follows is no version
			return lookup(family, version)
		}
	}
	return lookup(family, version)
}

var families = []string{"opus", "sonnet", "haiku", "fable", "mythos", "instant"}

func lookup(family string, version int) traits {
	switch {
	case version >= 0:
	case family == "mythos": // claude-mythos-preview
		version = 50
	default: // a name without a number: the newest
		version = 99
	}
	for _, g := range generations {
		if version >= g.from && version <= g.to && (g.families == "" || slices.Contains(strings.Fields(g.families), family)) {
			return g.traits
		}
	}
	return foreign
}

// short reads a version number of one or two digits.
func short(word string) (n int, ok bool) {
	if len(word) == 0 || len(word) > 2 {
		return 0, false
	}
	for _, c := range word {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// clampEffort is the strongest level that the model has and that is not above the wanted one; "" when there is none.
func (t *traits) clampEffort(want string) string {
	if want == "minimal" {
		want = "low"
	}
	rank := slices.Index(all, want)
	for _, effort := range slices.Backward(t.efforts) {
		if slices.Index(all, effort) <= rank {
			return effort
		}
	}
	return ""
}

// outputLimit is the max_tokens that is written when the caller did not say: the vendor requires one, while "not said" means
// "as much as the model can" elsewhere. Only tokens that are generated are billed and counted against the rate limit (rate
// limits page, 2026-11), so the documented maximum costs nothing; the Vercel and Effect SDKs do the same, and LiteLLM's fixed
// 4096 is a known complaint (BerriAI/litellm#8835).
func (t *traits) outputLimit(s llm.Sampling) int64 {
	if s.MaxTokens != nil {
		return *s.MaxTokens
	}
	return t.output
}
