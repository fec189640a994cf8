package anthropic

import (
	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// counts are the token counts of a usage object or of one of its iterations. The input excludes what was read from or written
// to the cache; the thoughts are in the output.
type counts struct {
	input, read, write, write5m, write1h int64
	total                                bool // write was said, so the split has to add up to it
	output, thoughts                     int64
}

// add takes a later object. A member that is absent or null keeps what was known. So does a zero on the input side, unless the
// object tells the input anew: some servers fill message_delta up with zeros, while after a compaction zeros are meant.
func (c *counts) add(raw []byte) {
	input, _ := rawjson.Int(rawjson.Get(raw, "input_tokens"))
	anew := input > 0
	set := func(to *int64, v []byte, zero bool) {
		if n, ok := rawjson.Int(v); ok && (n > 0 || zero) {
			*to = max(0, n)
		}
	}
	_ = rawjson.Object(raw, func(name, v []byte) bool {
		switch string(name) {
		case "input_tokens":
			set(&c.input, v, anew)
		case "cache_read_input_tokens":
			set(&c.read, v, anew)
		case "cache_creation_input_tokens":
			set(&c.write, v, anew)
			c.total = c.total || !rawjson.IsNull(v)
		case "cache_creation":
			set(&c.write5m, rawjson.Get(v, "ephemeral_5m_input_tokens"), anew)
			set(&c.write1h, rawjson.Get(v, "ephemeral_1h_input_tokens"), anew)
		case "output_tokens":
			set(&c.output, v, true)
		case "output_tokens_details":
			set(&c.thoughts, rawjson.Get(v, "thinking_tokens"), true)
		}
		return true
	})
}

// addTo puts the counts on the meters.
func (c *counts) addTo(u *llm.Usage) {
	w5, w1 := c.write5m, c.write1h
	if c.total {
		// message_delta has the sum of all iterations without the split, which is then the first one's. What it does not cover
		// has the lifetime that the rest has.
		switch rest := c.write - w5 - w1; {
		case rest < 0:
			w1 = min(w1, c.write)
			w5 = c.write - w1
		case w5 == 0 && w1 > 0:
			w1 += rest
		default:
			w5 += rest
		}
	}
	thoughts := min(c.thoughts, c.output)
	u.N[llm.InputText] += c.input
	u.N[llm.InputCacheRead] += c.read
	u.N[llm.InputCacheWrite5m] += w5
	u.N[llm.InputCacheWrite1h] += w1
	u.N[llm.OutputText] += c.output - thoughts
	u.N[llm.OutputReasoning] += thoughts
}

// tally is what all usage objects of one answer come to.
type tally struct {
	counts
	searches   int64
	tier       string
	iterations []byte
	raw        jsontext.Value
}

// add takes a later usage object, of any event.
func (t *tally) add(raw []byte) {
	if len(raw) == 0 || raw[0] != '{' {
		return
	}
	t.counts.add(raw)
	if n, ok := rawjson.Int(rawjson.Get(raw, "server_tool_use", "web_search_requests")); ok {
		t.searches = max(t.searches, n)
	}
	if s, ok := rawjson.String(rawjson.Get(raw, "service_tier")); ok {
		t.tier = s
	}
	t.raw = merged(t.raw, raw)
	t.iterations = rawjson.Get(t.raw, "iterations")
}

// usage is nil as long as nothing was said.
func (t *tally) usage() *llm.Usage {
	if t.raw == nil {
		return nil
	}
	u := &llm.Usage{Tier: t.tier, Raw: t.raw}
	u.N[llm.Searches] = t.searches
	c := t.counts
	var split counts // of the iterations that the totals are made of
	_ = rawjson.Array(t.iterations, func(_ int, v []byte) bool {
		var one counts
		one.add(v)
		switch kind, _ := rawjson.String(rawjson.Get(v, "type")); kind {
		case "message":
			split.write5m += one.write5m
			split.write1h += one.write1h
		case "compaction":
			// Billed at the model's own price, yet in none of the totals (compaction page, 2026-11).
			one.addTo(u)
		}
		// Other kinds are another model's work (advisor_message), for which a usage has no place; they stay in Raw.
		return true
	})
	if split.write5m+split.write1h == c.write && c.write > 0 {
		c.write5m, c.write1h = split.write5m, split.write1h
	}
	c.addTo(u)
	return u
}

// merged is the earlier object with the members of the later one that are not null.
func merged(before, later []byte) jsontext.Value {
	if before == nil {
		return keep(later)
	}
	var w writer
	w.Open('{')
	put := func(name, v []byte) {
		w.Name(string(name)).Raw(v)
	}
	_ = rawjson.Object(before, func(name, v []byte) bool {
		if now := rawjson.Get(later, string(name)); !rawjson.IsNull(now) {
			v = now
		}
		put(name, v)
		return true
	})
	_ = rawjson.Object(later, func(name, v []byte) bool {
		if rawjson.Get(before, string(name)) == nil {
			put(name, v)
		}
		return true
	})
	w.Close('}')
	return w.B
}

// writeUsage writes a usage in this dialect's terms; zeros when there is none, since clients count on the members.
func writeUsage(w *writer, u *llm.Usage) {
	if u == nil {
		u = new(llm.Usage)
	}
	w.Name("usage").Open('{')
	w.Name("input_tokens").Int(u.N[llm.InputText] + u.N[llm.InputAudio] + u.N[llm.InputImage])
	w.Name("cache_creation_input_tokens").Int(u.CacheWrite())
	w.Name("cache_read_input_tokens").Int(u.N[llm.InputCacheRead])
	w.Name("cache_creation").Open('{')
	w.Name("ephemeral_5m_input_tokens").Int(u.N[llm.InputCacheWrite5m])
	w.Name("ephemeral_1h_input_tokens").Int(u.N[llm.InputCacheWrite1h])
	w.Close('}')
	w.Name("output_tokens").Int(u.Output())
	if n := u.N[llm.OutputReasoning]; n > 0 {
		w.Name("output_tokens_details").Open('{')
		w.Name("thinking_tokens").Int(n)
		w.Close('}')
	}
	if n := u.N[llm.Searches]; n > 0 {
		w.Name("server_tool_use").Open('{')
		w.Name("web_search_requests").Int(n)
		w.Name("web_fetch_requests").Int(0)
		w.Close('}')
	}
	switch u.Tier {
	case "standard", "priority", "batch":
		w.Member("service_tier", u.Tier)
	}
	w.Close('}')
}
