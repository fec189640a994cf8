package gemini

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// DecodeReply reads a whole answer: a stream of one frame.
func (Codec) DecodeReply(body []byte, from llm.Target) (*llm.Reply, error) {
	doc := bytes.TrimSpace(body)
	if len(doc) == 0 || doc[0] != '{' && doc[0] != '[' {
		return nil, unreadable(errors.New("not a JSON object"))
	}
	if err := rawjson.Check(doc); err != nil {
		return nil, unreadable(err)
	}
	d := newDecoder(from)
	d.entire = true
	events, err := d.response(nil, doc)
	if err != nil {
		return nil, err
	}
	if events, err = d.Close(events); err != nil {
		e := unreadable(errors.New("no candidates"))
		e.Code, e.Message = "upstream_empty", "the provider gave no answer"
		return nil, e
	}
	return collect(events), nil
}

// collect puts the events of one answer together.
func collect(events []llm.Event) *llm.Reply {
	r := new(llm.Reply)
	choice := func(n int) *llm.Choice {
		for len(r.Choices) <= n {
			r.Choices = append(r.Choices, llm.Choice{})
		}
		return &r.Choices[n]
	}
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case llm.Start:
			r.ID, r.Model, r.Created = e.ID, e.Model, e.Created
		case llm.Metered:
			r.Usage = e.Usage
		case llm.Begin:
			c := choice(e.Choice)
			c.Parts = append(c.Parts, e.Part)
		case llm.Delta, llm.Sealed, llm.Cited:
			p := &choice(e.Choice).Parts[e.Index]
			*p = grown(*p, e)
		case llm.Logprob:
			c := choice(e.Choice)
			c.Logprobs = joinLogprobs(c.Logprobs, e.Value)
		case llm.Finish:
			choice(e.Choice).Stop = e.Stop
		case llm.Other:
			o, ok := e.Part.(llm.Opaque)
			switch {
			case ok && o.Kind == ofCandidate:
				c := choice(e.Choice)
				c.Ext = merge(c.Ext, o.Raw)
			case ok && o.Kind == ofResponse:
				r.Ext = merge(r.Ext, o.Raw)
			}
		}
	}
	return r
}

// grown is a part with what an event adds to it.
func grown(p llm.Part, e *llm.Event) llm.Part {
	switch p := p.(type) {
	case llm.Text:
		p.Text += e.Delta
		p.Cites = append(p.Cites, e.Cites...)
		if e.Seal != nil {
			p.Seal = e.Seal
		}
		return p
	case llm.Thought:
		p.Text += e.Delta
		if e.Seal != nil {
			p.Seal = e.Seal
		}
		return p
	case llm.Call:
		p.Args += e.Delta
		if e.Seal != nil {
			p.Seal = e.Seal
		}
		return p
	case llm.Media, llm.Result, llm.Opaque: // they came whole
	}
	return p
}

// merge puts the members of raw over those that came before.
func merge(ext llm.Ext, raw jsontext.Value) llm.Ext {
	old := ext[llm.Gemini]
	if old == nil {
		return llm.Ext{llm.Gemini: raw}
	}
	var w rawjson.Writer
	w.Open('{')
	_ = rawjson.Object(old, func(name, value []byte) bool {
		if rawjson.Get(raw, string(name)) == nil {
			w.Name(string(name))
			w.Raw(value)
		}
		return true
	})
	w.Rest(raw)
	w.Close('}')
	return llm.Ext{llm.Gemini: jsontext.Value(w.B)}
}

func joinLogprobs(a, b jsontext.Value) jsontext.Value {
	if a == nil {
		return b
	}
	var w rawjson.Writer
	w.Open('{')
	w.Name("content")
	w.Open('[')
	for _, v := range [...]jsontext.Value{a, b} {
		_ = rawjson.Array(rawjson.Get(v, "content"), func(_ int, step []byte) bool { w.Raw(step); return true })
	}
	w.Close(']')
	w.Close('}')
	return jsontext.Value(w.B)
}

// EncodeReply writes a whole answer.
func (Codec) EncodeReply(reply *llm.Reply) ([]byte, []llm.Loss, error) {
	var losses []llm.Loss
	lose := func(path, why string, _ bool) { losses = append(losses, llm.Loss{Path: path, Why: why}) }
	var w rawjson.Writer
	pw := replyParts(&w, lose)
	w.Open('{')
	own := reply.Ext[llm.Gemini]
	if !(rawjson.Get(own, "promptFeedback", "blockReason") != nil && len(reply.Choices) == 1 && len(reply.Choices[0].Parts) == 0) {
		w.Name("candidates")
		w.Open('[')
		for i := range reply.Choices {
			writeChoice(&w, pw, i, &reply.Choices[i])
		}
		w.Close(']')
	}
	w.Rest(own)
	if reply.Usage != nil {
		w.Name("usageMetadata")
		writeUsage(&w, reply.Usage)
	}
	w.Some("modelVersion", reply.Model)
	w.Some("responseId", reply.ID)
	w.Close('}')
	losses = reply.Ext.Losses(losses, llm.Gemini, "")
	return w.B, losses, nil
}

// replyParts writes the parts of a reply: every seal travels, foreign ones wrapped.
func replyParts(w *rawjson.Writer, lose func(path, why string, grave bool)) *partWriter {
	return &partWriter{w: w, lose: lose, seal: func(s *llm.Seal) string {
		if s == nil {
			return ""
		}
		return wrapped(s)
	}}
}

func writeChoice(w *rawjson.Writer, pw *partWriter, index int, c *llm.Choice) {
	var found grounding
	offset := 0
	w.Open('{')
	w.Name("content")
	w.Open('{')
	w.Name("parts")
	w.Open('[')
	for _, p := range c.Parts {
		if t, ok := p.(llm.Text); ok {
			found.add(offset, len(t.Text), t.Cites)
			offset += len(t.Text)
		}
		if why := unsayable(p); why != "" {
			pw.lose("content", why, false)
			continue
		}
		if !empty(p) {
			pw.part(p, "content")
		}
	}
	w.Close(']')
	w.Some("role", "model")
	w.Close('}')
	own := c.Ext[llm.Gemini]
	writeFinish(w, c.Stop)
	w.Name("index")
	w.Int(int64(index))
	w.Rest(own)
	if rawjson.Get(own, "groundingMetadata") == nil && rawjson.Get(own, "citationMetadata") == nil {
		found.write(w)
	}
	if c.Logprobs != nil && rawjson.Get(own, "logprobsResult") == nil {
		writeLogprobs(w, c.Logprobs)
	}
	w.Close('}')
}

// unsayable says why a part of a reply has no counterpart here; "" when it has.
func unsayable(p llm.Part) string {
	switch p := p.(type) {
	case llm.Opaque:
		if p.From != llm.Gemini {
			return "no counterpart of a part of type " + p.Kind
		}
	case llm.Result:
		return "no counterpart of the result of a tool that the provider ran"
	case llm.Media:
		if len(p.Data) == 0 && p.URL == "" {
			return "a file at another provider"
		}
	case llm.Text, llm.Thought, llm.Call:
	}
	return ""
}

// empty tells whether a part says nothing.
func empty(p llm.Part) bool {
	switch p := p.(type) {
	case llm.Text:
		return p.Text == "" && p.Seal == nil
	case llm.Thought:
		return p.Text == "" && p.Seal == nil
	case llm.Media, llm.Call, llm.Result, llm.Opaque:
	}
	return false
}
