package anthropic

import (
	"strings"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// plan is what thinking, effort and the output limit come to for this model; they depend on each other.
type plan struct {
	mode      string // thinking.type; "" when nothing is said
	budget    int64  // with mode "enabled"
	effort    string // output_config.effort
	maxTokens int64
}

// minBudget is the least that the vendor takes; it must also be below max_tokens (extended thinking page, 2026-11).
const minBudget = 1024

// shares say how much of max_tokens an effort may think, for models that want a number: OpenRouter's published ratios, which
// always leave room for the answer. Beyond 32,000 the vendor itself advises batch processing.
var shares = map[string]float64{"minimal": 0.1, "low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.95, "max": 0.95}

const largestShare = 32_000

func (e *encoder) plan(turns []turn) plan {
	p := plan{maxTokens: e.traits.outputLimit(e.chat.Sampling)}
	t := e.chat.Thinking
	bare := rawjson.Get(e.ours("output_config"), "effort") != nil // effort that does not ask for thinking
	if e.ours("thinking") != nil {
		p.mode = "own"
	}
	if t.Effort != "" && t.Effort != "none" && !bare {
		e.planEffort(&p, t.Effort)
	}
	show := t.Display == "show" || t.Display == "summarized"
	switch {
	case p.mode == "own":
	case t.Off || t.Effort == "none":
		p.mode = e.traits.off
		if p.mode == "" && e.traits.adaptive {
			e.lose("thinking", "the model always thinks")
		}
	case t.Auto || t.Budget != nil || t.Effort != "" && !bare || show && e.traits.adaptive:
		e.planThinking(&p, t, turns)
	case show:
		e.lose("thinking", "the model does not think unless told to")
	}
	return p
}

func (e *encoder) planEffort(p *plan, want string) {
	p.effort = e.traits.clampEffort(want)
	if p.effort != "" && p.effort != want && want != "minimal" {
		e.lose("thinking.effort", "the model goes up to "+p.effort)
	}
}

func (e *encoder) planThinking(p *plan, t llm.Thinking, turns []turn) {
	switch {
	case e.traits.adaptive && (t.Auto || t.Budget == nil || !e.traits.budget):
		p.mode = "adaptive"
		if t.Budget != nil && !t.Auto {
			e.lose("thinking.budget", "the model decides itself how much it thinks")
		}
		return
	case !e.traits.budget:
		e.lose("thinking", "the model cannot think")
		return
	}
	c := e.chat.Choice
	switch {
	case c.Mode == llm.ToolAny || c.Mode == llm.ToolThis:
		e.lose("thinking", "not together with a forced tool call")
		return
	case !resumable(turns):
		e.lose("thinking", "the turn began without signed thoughts, and cannot go on with them")
		return
	}
	p.budget = e.planBudget(p.maxTokens, t)
	if p.budget < minBudget {
		e.lose("thinking", "max_tokens leaves no room for thoughts")
		return
	}
	p.mode = "enabled"
}

func (e *encoder) planBudget(maxTokens int64, t llm.Thinking) int64 {
	if t.Budget == nil {
		share := shares[t.Effort]
		if share == 0 {
			share = shares["medium"]
		}
		return fit(max(minBudget, min(largestShare, int64(float64(maxTokens)*share))), maxTokens)
	}
	budget := fit(max(minBudget, *t.Budget), maxTokens)
	if budget != *t.Budget {
		e.lose("thinking.budget", "has to be at least 1024 and below max_tokens")
	}
	return budget
}

// fit keeps a budget below max_tokens, with a twentieth for the answer.
func fit(budget, maxTokens int64) int64 {
	if budget < maxTokens {
		return budget
	}
	return maxTokens - maxTokens/20 - 1
}

// resumable tells whether thinking with a budget may be on: the assistant's turn that the request goes on with must then begin
// with a thought ("Expected `thinking` or `redacted_thinking`, but found `tool_use`"), and may not be the last one.
func resumable(turns []turn) bool {
	n := len(turns) - 1
	if n < 0 {
		return true
	}
	if turns[n].role == llm.RoleAssistant {
		return paused(&turns[n])
	}
	if n == 0 || turns[n-1].role != llm.RoleAssistant {
		return true
	}
	if _, toolLoop := turns[n].items[0].part.(llm.Result); !toolLoop {
		return true
	}
	_, signed := turns[n-1].items[0].part.(llm.Thought)
	return signed
}

// thinking writes thinking and output_config.
func (e *encoder) thinking(p plan) {
	w := &e.w
	switch {
	case p.mode == "" || e.dropped("thinking"):
	case p.mode == "own":
		w.Name("thinking").Raw(e.ours("thinking"))
	default:
		w.Name("thinking").Open('{')
		w.Member("type", p.mode)
		if p.mode == "enabled" {
			w.Name("budget_tokens").Int(p.budget)
		}
		if p.mode == "enabled" || p.mode == "adaptive" {
			switch e.chat.Thinking.Display {
			case "summarized", "show":
				w.Member("display", "summarized")
			case "omitted", "hide":
				w.Member("display", "omitted")
			}
		}
		w.Close('}')
	}
	e.output(p)
}

// output writes output_config: effort, the response format, and what else came in it.
func (e *encoder) output(p plan) {
	extra := e.ours("output_config")
	schema := e.responseSchema()
	if p.effort == "" && schema == nil && extra == nil || e.dropped("output_config") {
		return
	}
	w := &e.w
	w.Name("output_config").Open('{')
	if p.effort != "" {
		w.Member("effort", p.effort)
	}
	if schema != nil {
		w.Name("format").Open('{')
		w.Member("type", "json_schema")
		w.Name("schema").Raw(schema)
		w.Close('}')
	}
	w.ext(llm.Ext{own: extra}, nil)
	w.Close('}')
}

// responseSchema is the schema to be enforced; nil when there is none, or none can be.
func (e *encoder) responseSchema() []byte {
	o := e.chat.Output
	if o.Description != "" {
		e.lose("response_format.description", "no counterpart in "+string(own))
	}
	switch {
	case o.Kind == "json":
		e.refuse("response_format", "JSON without a schema cannot be enforced here")
	case o.Kind == "schema" && (e.quirks.NoSchema || !e.traits.schema):
		e.refuse("response_format", "the model cannot be held to a schema")
	case o.Kind == "schema" && circular(o.Schema):
		e.refuse("response_format", "a schema that refers to itself cannot be enforced here")
	case o.Kind == "schema":
		return e.compile(o.Schema, "response_format.schema")
	}
	return nil
}

// sampling writes the numbers that shape a reply, as far as the model and its thinking allow: while it thinks, temperature is
// fixed, top_k is refused and top_p is at least 0.95; newer models take either temperature or top_p, the newest none at all.
func (e *encoder) sampling(p plan) {
	s := e.chat.Sampling
	takes, thinks := e.traits.sampling, p.mode == "enabled" || p.mode == "adaptive"
	hot := s.Temperature
	if hot != nil && *hot > 1 && takes && !thinks {
		e.lose("temperature", "1 is the highest here")
		hot = new(float64(1))
	}
	said := e.float("temperature", hot, func(v float64) bool { return takes && (!thinks || v == 1) })
	e.float("top_p", s.TopP, func(v float64) bool {
		return takes && (!thinks || v >= 0.95) && (!said || e.traits.both)
	})
	switch {
	case s.TopK == nil || e.dropped("top_k"):
	case takes && !thinks:
		e.w.Name("top_k").Int(*s.TopK)
	default:
		e.lose("top_k", e.whyNot())
	}
	e.stops(s.Stop)
	e.unsaid(s)
}

// float writes a number where it may be said, and tells whether it did. 1 is what is meant without it, and so no loss.
func (e *encoder) float(name string, v *float64, allowed func(float64) bool) bool {
	switch {
	case v == nil || e.dropped(name):
		return false
	case allowed(*v):
		e.w.Name(name).Float(*v)
		return true
	case *v != 1:
		e.lose(name, e.whyNot())
	}
	return false
}

func (e *encoder) whyNot() string {
	if !e.traits.sampling {
		return "the model does not take it"
	}
	return "not together with the thinking or the temperature asked for"
}

func (e *encoder) stops(stops []string) {
	var keep []string
	for _, s := range stops {
		if strings.TrimSpace(s) == "" { // "each stop sequence must contain non-whitespace"
			e.refuse("stop", "a stop sequence of white space alone is not taken")
			continue
		}
		keep = append(keep, s)
	}
	if len(keep) == 0 || e.dropped("stop_sequences") {
		return
	}
	e.w.Name("stop_sequences").Open('[')
	for _, s := range keep {
		e.w.Raw(rawjson.AppendQuote(nil, s))
	}
	e.w.Close(']')
}

// unsaid reports what has no word in this dialect.
func (e *encoder) unsaid(s llm.Sampling) {
	const none = "no counterpart in " + string(own)
	if s.Seed != nil {
		e.lose("seed", none)
	}
	if s.FrequencyPenalty != nil && *s.FrequencyPenalty != 0 {
		e.lose("frequency_penalty", none)
	}
	if s.PresencePenalty != nil && *s.PresencePenalty != 0 {
		e.lose("presence_penalty", none)
	}
	if s.N != nil && *s.N > 1 {
		e.refuse("n", "one answer at a time")
	}
	if s.Logprobs != nil && *s.Logprobs || s.TopLogprobs != nil && *s.TopLogprobs > 0 {
		e.refuse("logprobs", "log probabilities are not reported")
	}
}
