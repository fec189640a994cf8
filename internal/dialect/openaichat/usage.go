package openaichat

import (
	"strings"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// counts are the numbers of a usage object as the provider counts them: parts are contained in their totals. Those of a later
// object replace those of an earlier one, one by one.
type counts struct {
	seen                                      bool
	prompt, completion, total                 int64
	cached, write5m, write1h, audioIn, images int64
	reasoning, audioOut, imagesOut            int64
	searches                                  int64
	billed, tier                              string
	raw                                       []byte
}

// read takes over the numbers of one usage object. Names beside OpenAI's own, as recorded: prompt_cache_hit_tokens (DeepSeek),
// num_cached_tokens (Mistral), cached_tokens at the top (SGLang), cache_read_input_tokens and cache_creation_input_tokens
// (Databricks, Vercel), cache_creation (Doubleword), cache_write_tokens (OpenRouter), prompt_token_details (Writer).
func (c *counts) read(usage []byte) {
	if len(usage) == 0 || usage[0] != '{' {
		return
	}
	c.seen = true
	c.raw = append(c.raw[:0], usage...)
	_ = rawjson.Object(usage, func(name, value []byte) bool {
		if rawjson.IsNull(value) {
			return true
		}
		switch string(name) {
		case "prompt_tokens":
			number(&c.prompt, value)
		case "completion_tokens":
			number(&c.completion, value)
		case "total_tokens":
			number(&c.total, value)
		case "prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens", "cache_read_input_tokens":
			number(&c.cached, value)
		case "cache_creation_input_tokens":
			number(&c.write5m, value)
			c.write1h = 0
		case "reasoning_tokens":
			number(&c.reasoning, value)
		case "audio_prompt_tokens":
			number(&c.audioIn, value)
		case "num_search_queries":
			number(&c.searches, value)
		case "service_tier":
			c.tier, _ = rawjson.String(value)
		case "cost":
			c.cost(value)
		case "cost_in_usd_ticks": // xAI: 10^10 to the dollar (docs.x.ai/developers/cost-tracking, seen 2026-11)
			if n, ok := rawjson.Int(value); ok && n > 0 {
				c.billed = decimal(string(value) + "e-10")
			}
		}
		return true
	})
	_ = rawjson.Object(usage, c.details) // after the totals, whichever came first: they are more exact
}

// details reads the objects inside a usage object.
func (c *counts) details(name, value []byte) bool {
	if value[0] != '{' {
		return true
	}
	_ = rawjson.Object(value, func(inner, v []byte) bool {
		if into := c.detail(string(name), string(inner)); into != nil {
			number(into, v)
		}
		return true
	})
	return true
}

func (c *counts) detail(object, name string) *int64 {
	switch object {
	case "prompt_tokens_details", "prompt_token_details":
		switch name {
		case "cached_tokens":
			return &c.cached
		case "cache_write_tokens":
			return &c.write5m
		case "audio_tokens":
			return &c.audioIn
		case "image_tokens":
			return &c.images
		}
	case "completion_tokens_details", "completion_token_details":
		switch name {
		case "reasoning_tokens":
			return &c.reasoning
		case "audio_tokens":
			return &c.audioOut
		case "image_tokens":
			return &c.imagesOut
		}
	case "cache_creation":
		switch name {
		case "ephemeral_5m_input_tokens":
			return &c.write5m
		case "ephemeral_1h_input_tokens":
			return &c.write1h
		}
	case "server_tool_use_details":
		if name == "web_search_requests" {
			return &c.searches
		}
	}
	return nil
}

func number(into *int64, value []byte) {
	if n, ok := rawjson.Int(value); ok {
		*into = max(0, n)
	}
}

// cost is what the provider says it charges: a number of dollars (OpenRouter), or an object with a total (Perplexity).
func (c *counts) cost(value []byte) {
	if value[0] == '{' {
		value = rawjson.Get(value, "total_cost")
	}
	if s, ok := rawjson.String(value); ok {
		value = []byte(s)
	}
	if len(value) > 0 && (value[0] >= '0' && value[0] <= '9') {
		c.billed = decimal(string(value))
	}
}

// decimal writes a JSON number without an exponent, digit for digit.
func decimal(number string) string {
	mantissa, exponent, ok := strings.Cut(strings.ToLower(number), "e")
	if !ok {
		return number
	}
	shift, ok := rawjson.Int([]byte(strings.TrimPrefix(exponent, "+")))
	if !ok || shift <= -40 || shift >= 40 {
		return number
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	for ; shift < 0; shift++ {
		if whole == "" {
			whole = "0"
		}
		whole, fraction = whole[:len(whole)-1], whole[len(whole)-1:]+fraction
	}
	for ; shift > 0; shift-- {
		if fraction == "" {
			fraction = "0"
		}
		whole, fraction = whole+fraction[:1], fraction[1:]
	}
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if whole == "" {
		whole = "0"
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// into makes disjoint meters of the counts. Reasoning is part of completion_tokens, unless the provider is known for counting it
// apart or the total says that it does (total = prompt + completion + reasoning).
func (c *counts) into(u *llm.Usage, q *llm.Quirks) {
	*u = llm.Usage{Tier: c.tier, Billed: c.billed, Raw: c.raw}
	u.N[llm.InputText] = c.prompt
	u.Split(llm.InputText, llm.InputCacheRead, c.cached)
	u.Split(llm.InputText, llm.InputCacheWrite1h, c.write1h)
	u.Split(llm.InputText, llm.InputCacheWrite5m, c.write5m)
	u.Split(llm.InputText, llm.InputAudio, c.audioIn)
	u.Split(llm.InputText, llm.InputImage, c.images)
	u.N[llm.OutputText] = c.completion
	if q.ReasoningOutside || c.reasoning > 0 && c.total == c.prompt+c.completion+c.reasoning {
		u.N[llm.OutputReasoning] = c.reasoning
	} else {
		u.Split(llm.OutputText, llm.OutputReasoning, c.reasoning)
	}
	u.Split(llm.OutputText, llm.OutputAudio, c.audioOut)
	u.Split(llm.OutputText, llm.OutputImage, c.imagesOut)
	u.N[llm.Searches] = c.searches
}

// usage writes the usage object in OpenAI's own convention.
func (w *writer) usage(u *llm.Usage) {
	w.Name("usage")
	w.Open('{')
	w.Name("prompt_tokens").Int(u.Input())
	w.Name("completion_tokens").Int(u.Output())
	w.Name("total_tokens").Int(u.Input() + u.Output())
	w.Name("prompt_tokens_details")
	w.Open('{')
	w.Name("cached_tokens").Int(u.N[llm.InputCacheRead])
	w.Name("audio_tokens").Int(u.N[llm.InputAudio])
	w.positive("image_tokens", u.N[llm.InputImage])
	w.positive("cache_write_tokens", u.CacheWrite())
	w.Close('}')
	w.Name("completion_tokens_details")
	w.Open('{')
	w.Name("reasoning_tokens").Int(u.N[llm.OutputReasoning])
	w.Name("audio_tokens").Int(u.N[llm.OutputAudio])
	w.positive("image_tokens", u.N[llm.OutputImage])
	w.Close('}')
	if u.N[llm.Searches] > 0 {
		w.Name("server_tool_use_details")
		w.Open('{')
		w.Name("web_search_requests").Int(u.N[llm.Searches])
		w.Close('}')
	}
	if u.Billed != "" {
		w.Name("cost").Raw([]byte(u.Billed))
	}
	w.Close('}')
}

func (w *writer) positive(name string, n int64) {
	if n > 0 {
		w.Name(name).Int(n)
	}
}
