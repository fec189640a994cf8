package openaichat

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"strconv"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// stops are the finish reasons: OpenAI's, and those documented or recorded elsewhere. Any other word is llm.StopOther.
var stops = map[string]llm.StopReason{
	"":               llm.StopNone,
	"stop":           llm.StopEnd,
	"length":         llm.StopLength,
	"tool_calls":     llm.StopTools,
	"function_call":  llm.StopTools,
	"content_filter": llm.StopFiltered,

	"eos":                           llm.StopEnd, // Together, Hugging Face
	"eos_token":                     llm.StopEnd,
	"stop_sequence":                 llm.StopSequence,
	"end_turn":                      llm.StopEnd, // gateways in front of Anthropic
	"tool_use":                      llm.StopTools,
	"max_tokens":                    llm.StopLength,
	"model_length":                  llm.StopWindow, // Mistral
	"model_context_window_exceeded": llm.StopWindow, // Z.ai
	"sensitive":                     llm.StopFiltered,
}

// readStop finds the reason of a choice. A plain stop beside tool calls means the calls (OpenAI says so when a tool was forced),
// and one beside a refusal means that.
func readStop(word string, calls, refused bool) llm.Stop {
	reason, ok := stops[word]
	if !ok {
		reason = llm.StopOther
	}
	switch {
	case calls && (reason == llm.StopEnd || reason == llm.StopNone):
		reason = llm.StopTools
	case refused && reason == llm.StopEnd:
		reason = llm.StopRefusal
	}
	return llm.Stop{Reason: reason, Raw: word}
}

// DecodeReply reads a whole answer.
func (Codec) DecodeReply(body []byte, from llm.Target) (*llm.Reply, error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || body[0] != '{' {
		return nil, unreadable("upstream_invalid_response")
	}
	d := answer{reply: &llm.Reply{}, seals: sealer{from.Issuer}}
	var choices, failure []byte
	err := rawjson.Object(body, func(name, value []byte) bool {
		switch string(name) {
		case "choices":
			choices = value
		case "error":
			failure = value
		default:
			d.member(name, value)
		}
		return true
	})
	switch {
	case err != nil:
		return nil, unreadable("upstream_truncated")
	case !rawjson.IsNull(failure), choices == nil && rawjson.Get(body, "detail") != nil:
		return nil, inBand(body, body)
	}
	if !rawjson.IsNull(choices) {
		err = rawjson.Array(choices, func(i int, value []byte) bool {
			d.choice(at("choices", i), value)
			return d.err == nil
		})
	}
	if err != nil || d.err != nil {
		return nil, unreadable("upstream_invalid_response")
	}
	if d.failure != nil && !d.said {
		return nil, inBand(d.failure, body)
	}
	if len(d.reply.Choices) == 0 { // a choice that says nothing is for routing to judge
		return nil, unreadable("upstream_empty")
	}
	if d.counts.seen {
		d.reply.Usage = new(llm.Usage)
		d.counts.into(d.reply.Usage, quirks(from))
	}
	d.cite()
	d.reply.Ext = d.extra.ext()
	return d.reply, nil
}

// answer reads one whole reply.
type answer struct {
	reader
	reply   *llm.Reply
	seals   sealer
	counts  counts
	extra   extra
	sources []llm.Citation // of the whole answer (Perplexity)
	failure []byte         // OpenRouter's error inside a choice
	said    bool
}

func (d *answer) member(name, value []byte) {
	switch string(name) {
	case "id":
		d.reply.ID, _ = rawjson.String(value)
	case "model":
		d.reply.Model, _ = rawjson.String(value)
	case "created":
		d.reply.Created = unixSeconds(value)
	case "usage":
		d.counts.read(value)
	case "x_groq":
		d.extra.add(name, value)
		d.counts.read(rawjson.Get(value, "usage"))
	case "service_tier":
		if s, _ := rawjson.String(value); s != "" {
			d.counts.tier = s
		}
	case "search_results", "citations":
		d.extra.add(name, value)
		if found := sources(value); len(d.sources) == 0 || string(name) == "search_results" {
			d.sources = found
		}
	case "object":
	default:
		d.extra.add(name, value)
	}
}

func unixSeconds(value []byte) int64 {
	f, _ := strconv.ParseFloat(string(value), 64)
	return int64(f)
}

// sources reads Perplexity's citations of a whole answer: addresses, or search results with titles.
func sources(value []byte) (all []llm.Citation) {
	if rawjson.IsNull(value) {
		return nil
	}
	_ = rawjson.Array(value, func(_ int, v []byte) bool {
		var c llm.Citation
		if c.URL, _ = rawjson.String(v); c.URL == "" {
			c.URL, _ = rawjson.String(rawjson.Get(v, "url"))
			c.Title, _ = rawjson.String(rawjson.Get(v, "title"))
		}
		if c.URL != "" {
			all = append(all, c)
		}
		return true
	})
	return all
}

// cite gives the sources of the whole answer to the first text.
func (d *answer) cite() {
	for _, c := range d.reply.Choices {
		for i, p := range c.Parts {
			if t, ok := p.(llm.Text); ok && len(t.Cites) == 0 && len(d.sources) > 0 {
				t.Cites = d.sources
				c.Parts[i] = t
				return
			}
		}
	}
}

func (d *answer) choice(path string, value []byte) {
	var (
		c       llm.Choice
		rest    extra
		message []byte
		word    string
	)
	err := rawjson.Object(value, func(name, v []byte) bool {
		switch string(name) {
		case "message":
			message = v
		case "finish_reason":
			word, _ = rawjson.String(v)
		case "logprobs":
			if v[0] == '{' {
				c.Logprobs = v
			}
		case "index", "delta":
		case "error":
			rest.add(name, v)
			if !rawjson.IsNull(v) {
				d.failure = value
			}
		default:
			rest.add(name, v)
		}
		return true
	})
	if err != nil {
		d.fail(wrongType(path, "an object"))
		return
	}
	var s speech
	if !rawjson.IsNull(message) {
		_ = rawjson.Object(message, func(name, v []byte) bool {
			if n := string(name); n != "role" && !s.take(name, v) {
				s.rest.add(name, v)
			}
			return true
		})
	}
	base := len(d.reply.Choices)
	c.Parts = s.parts(&d.reader, path+".message", d.seals, func(n int) string { return madeID(d.reply.ID, base, n) })
	if s.rest.raw != nil {
		rest.add([]byte("message"), s.rest.raw)
	}
	calls, refused := false, false
	for _, p := range c.Parts {
		switch p := p.(type) {
		case llm.Call:
			calls = true
		case llm.Text:
			refused = refused || p.Refusal
		case llm.Media, llm.Thought, llm.Result, llm.Opaque:
		}
	}
	c.Ext = rest.ext()
	c.Stop = readStop(word, calls, refused)
	if s, ok := rawjson.String(rawjson.Get(c.Ext[own], "stop_reason")); ok && s != "" && c.Stop.Reason == llm.StopEnd {
		c.Stop.Reason, c.Stop.Sequence = llm.StopSequence, s // vLLM says which
	}
	d.said = d.said || len(c.Parts) > 0
	d.reply.Choices = append(d.reply.Choices, c)
}

// madeID is an id for a call that came without one: unique within the reply and, since it depends on the reply's own id, over a
// conversation.
func madeID(reply string, choice, n int) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%d", reply, choice)
	return fmt.Sprintf("call_%s_%d", strconv.FormatUint(h.Sum64(), 36), n)
}
