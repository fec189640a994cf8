package openaichat

import (
	"slices"
	"strconv"
	"strings"

	"tidegate/internal/llm"
)

// traits are what one of OpenAI's models takes of what other dialects can ask for. The zero value is a model of which nothing is
// known: it is asked for everything.
type traits struct {
	efforts []string // words of reasoning_effort, rising; nil: any
	fixed   bool     // temperature, top_p, penalties and log probabilities are refused
	cool    bool     // they are refused while it thinks
	stopped bool     // stop sequences are refused
	apart   bool     // functions are refused where an effort is said; the Responses API takes both
	eager   bool     // likewise where none is said: it thinks unless told not to
}

// generations are OpenAI's models that can think, by version (gpt-5.1 is 51; the o models are 0); the first row that fits counts.
// Sources, seen 2026-11-24: the API reference of reasoning_effort and stop, the guides on reasoning and on the latest models;
// recorded refusals ("Unsupported parameter: 'temperature' is not supported with this model"); openai/openai-openapi issue 541 and
// its like for other models ("Function tools with reasoning_effort are not supported for gpt-5.6-terra in /v1/chat/completions. To
// use function tools, use /v1/responses or set reasoning_effort to 'none'"), livekit/agents pull 7169 for who must say so.
var generations = []struct {
	from, to int
	traits
}{
	{0, 0, traits{efforts: efforts("low medium high"), fixed: true, stopped: true}},
	{50, 50, traits{efforts: efforts("minimal low medium high"), fixed: true}},
	{51, 51, traits{efforts: efforts("none low medium high"), cool: true}},
	{52, 54, traits{efforts: efforts("none low medium high xhigh"), cool: true, apart: true}},
	{55, 55, traits{efforts: efforts("none low medium high xhigh"), fixed: true, apart: true}},
	{56, 999, traits{efforts: efforts("none low medium high xhigh"), fixed: true, apart: true, eager: true}},
}

var efforts = strings.Fields

// traitsOf knows a model by its name. Models made for chat do not think; others that sell OpenAI's models have rules of their own
// (OpenRouter is recorded to take a temperature for all of them).
func traitsOf(to llm.Target) traits {
	name, version := to.Model, -1
	if to.Issuer != "openai" {
		return traits{}
	}
	switch {
	case strings.Contains(name, "-chat"):
	case strings.HasPrefix(name, "o1"), strings.HasPrefix(name, "o3"), strings.HasPrefix(name, "o4"):
		version = 0
	case strings.HasPrefix(name, "gpt-"):
		number, _, _ := strings.Cut(name[len("gpt-"):], "-")
		if v, err := strconv.ParseFloat(number, 64); err == nil && v >= 5 {
			version = int(v*10 + 0.5)
		}
	}
	for _, g := range generations {
		if version >= g.from && version <= g.to {
			return g.traits
		}
	}
	return traits{}
}

var allEfforts = efforts("none minimal low medium high xhigh max")

// clamp is the strongest effort that the model has and that is not above the wanted one, else its least.
func (t *traits) clamp(want string) string {
	rank := slices.Index(allEfforts, want)
	if t.efforts == nil || rank < 0 || slices.Contains(t.efforts, want) {
		return want
	}
	best := ""
	for _, has := range t.efforts {
		if has != "none" && (best == "" || slices.Index(allEfforts, has) <= rank) {
			best = has
		}
	}
	return best
}
