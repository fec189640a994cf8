package gemini

import (
	"strings"

	"tidegate/internal/llm"
)

// version reads the generation out of a model's name: gemini-2.5-flash is 2.5, gemini-flash-latest the newest we know of,
// 0.0 whatever is not a Gemini (Gemma, tuned models).
func version(model string) (major, minor int) {
	_, rest, ok := strings.Cut(model, "gemini-")
	if !ok {
		return 0, 0
	}
	if strings.HasSuffix(rest, "-latest") && (rest[0] < '0' || rest[0] > '9') {
		return 3, 0
	}
	number := func() (n int) {
		for len(rest) > 0 && '0' <= rest[0] && rest[0] <= '9' && n < 1000 {
			n = 10*n + int(rest[0]-'0')
			rest = rest[1:]
		}
		return n
	}
	if major = number(); strings.HasPrefix(rest, ".") {
		rest = rest[1:]
		minor = number()
	}
	return major, minor
}

// Effort, budget and level, as Google's own OpenAI endpoint maps reasoning_effort
// (ai.google.dev/gemini-api/docs/openai#thinking, seen 2026-11-24): Gemini 3 takes levels, Gemini 2.5 takes budgets, earlier
// models do not think. The Pro models cannot be told not to think, and 3 Pro has no minimal level; 2.5 Pro's least budget is 128.
var budgets = map[string]int64{"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}

var levels = map[string]string{"minimal": "minimal", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}

const leastProBudget = 128

// readThinking reads a thinkingConfig.
func readThinking(raw []byte, rest *extra) (t llm.Thinking, err error) {
	said := false // includeThoughts
	err = members(raw, func(name, value []byte) {
		switch string(name) {
		case "thinkingBudget":
			n, ok := whole(value)
			switch {
			case !ok:
				rest.add(name, value)
			case n == 0:
				t.Off = true
			case n < 0:
				t.Auto = true
			default:
				t.Budget = &n
			}
		case "thinkingLevel":
			t.Effort = strings.ToLower(text(value))
			if t.Effort == "thinking_level_unspecified" {
				t.Effort = ""
			}
		case "includeThoughts":
			said = true
			t.Display = "hide"
			if isTrue(value) {
				t.Display = "show"
			}
		default:
			rest.add(name, value)
		}
	})
	if t.Off {
		t.Display = ""
	}
	if !said && (t.Budget != nil || t.Auto || t.Effort != "") {
		t.Display = "hide" // what Gemini does when it is not told; other vendors show
	}
	return t, err
}

// thinking writes a thinkingConfig for the target, as far as it can say what is asked.
func (e *encoder) thinking(t llm.Thinking, rest []byte) {
	if t == (llm.Thinking{}) && rest == nil {
		return
	}
	major, minor := version(e.to.Model)
	off := t.Off || t.Effort == "none"
	if thinks := major > 2 || major == 2 && minor >= 5 || major == 0; !thinks && !off {
		e.lose("thinking", "the model does not think", false)
		return
	}
	w := &e.w
	w.Name("thinkingConfig")
	w.Open('{')
	switch pro := strings.Contains(e.to.Model, "-pro"); {
	case off:
		e.thinkLeast(major, pro)
	case t.Budget != nil:
		w.Name("thinkingBudget")
		w.Int(*t.Budget)
		if t.Effort != "" {
			e.lose("thinking.effort", "Gemini takes a budget or an effort", false)
		}
	case t.Effort != "":
		e.effort(t.Effort, major, pro)
	case t.Auto:
		w.Name("thinkingBudget")
		w.Int(-1)
	}
	switch show := t.Display == "show" || t.Display == "summarized"; {
	case off:
	case show, t.Display == "" && (t.Budget != nil || t.Auto): // Anthropic's callers see thoughts unless they say otherwise
		w.Name("includeThoughts")
		w.Bool(true)
	case t.Display != "":
		w.Name("includeThoughts")
		w.Bool(false)
	}
	w.Rest(rest)
	w.Close('}')
}

func (e *encoder) thinkLeast(major int, pro bool) {
	switch {
	case major >= 3 && pro:
		e.level("low")
	case major >= 3:
		e.level("minimal")
	case pro:
		e.w.Name("thinkingBudget")
		e.w.Int(leastProBudget)
	default:
		e.w.Name("thinkingBudget")
		e.w.Int(0)
		return
	}
	e.lose("thinking", "the model cannot be told not to think; it is told to think little", false)
}

func (e *encoder) level(level string) {
	e.w.Name("thinkingLevel")
	e.w.String(level)
}

func (e *encoder) effort(effort string, major int, pro bool) {
	budget, known := budgets[effort]
	switch {
	case !known:
		e.lose("thinking.effort", "no counterpart in Gemini", false)
		return
	case effort == "xhigh" || effort == "max":
		e.lose("thinking.effort", "high is Gemini's most", false)
	}
	if major < 3 {
		e.w.Name("thinkingBudget")
		e.w.Int(budget)
		return
	}
	level := levels[effort]
	if pro && level == "minimal" {
		level = "low"
	}
	e.level(level)
}
