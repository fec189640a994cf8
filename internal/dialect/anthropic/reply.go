package anthropic

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// DecodeReply reads a whole answer.
func (Codec) DecodeReply(body []byte, from llm.Target) (*llm.Reply, error) {
	if err := rawjson.Check(body); err != nil {
		return nil, unreadable(body, err)
	}
	if e := errorIn(body); e != nil {
		return nil, e
	}
	d := decoder{reply: true, issuer: from.Issuer}
	var (
		r       llm.Reply
		parts   []llm.Part
		use     tally
		x       extras
		content bool
	)
	err := members(body, func(name, v []byte) (err error) {
		switch string(name) {
		case "id":
			err = text(v, &r.ID)
		case "model":
			err = text(v, &r.Model)
		case "content":
			if content = !rawjson.IsNull(v); content {
				parts, err = d.content(v)
			}
		case "usage":
			use.add(v)
		case "type", "role", "stop_reason", "stop_sequence", "stop_details":
		default:
			if !rawjson.IsNull(v) {
				x.add(name, v)
			}
		}
		return err
	})
	stop, said := readStop(body, hasCalls(parts))
	if err == nil && (!content || len(parts) == 0 && !said) {
		err = errors.New("no answer in it")
	}
	if err != nil {
		return nil, unreadable(body, err)
	}
	r.Usage, r.Ext = use.usage(), x.ext()
	r.Choices = []llm.Choice{{Parts: parts, Stop: stop}}
	return &r, nil
}

func hasCalls(parts []llm.Part) bool {
	for _, p := range parts {
		if _, ok := p.(llm.Call); ok {
			return true
		}
	}
	return false
}

// unreadable is an answer of status 2xx that is none: empty, cut off, or HTML of something in between.
func unreadable(body []byte, err error) *llm.Error {
	message := "the provider's answer is not readable"
	if len(bytes.TrimSpace(body)) == 0 {
		message = "the provider's answer is empty"
	}
	return &llm.Error{
		Class: llm.Network, Code: "upstream_invalid_response", Message: message, Sent: true, Err: err,
	}
}

// EncodeReply writes a whole answer as a message.
func (Codec) EncodeReply(r *llm.Reply) ([]byte, []llm.Loss, error) {
	var w writer
	var lost losses
	var choice llm.Choice
	if len(r.Choices) > 0 {
		choice = r.Choices[0]
	}
	if len(r.Choices) > 1 {
		lost.add("choices", "one answer at a time")
	}
	if choice.Logprobs != nil {
		lost.add("logprobs", "log probabilities have no place here")
	}
	w.Open('{')
	w.Member("id", r.ID)
	w.Member("type", "message")
	w.Member("role", "assistant")
	w.Member("model", r.Model)
	w.Name("content").Open('[')
	for i, p := range choice.Parts {
		writeReplyPart(&w, p, "content."+strconv.Itoa(i), &lost)
	}
	w.Close(']')
	writeStop(&w, choice.Stop)
	writeUsage(&w, r.Usage)
	w.ext(r.Ext, nil)
	w.Close('}')
	lost.all = choice.Ext.Losses(r.Ext.Losses(lost.all, own, ""), own, "")
	return w.B, lost.all, nil
}

// losses collects what a reply could not say, each thing once.
type losses struct{ all []llm.Loss }

func (l *losses) add(path, why string) {
	for _, have := range l.all {
		if have.Path == path {
			return
		}
	}
	l.all = append(l.all, llm.Loss{Path: path, Why: why})
}

func writeReplyPart(w *writer, p llm.Part, path string, lost *losses) {
	switch p := p.(type) {
	case llm.Text:
		if p.Text == "" {
			return
		}
		sealCarrier(w, p.Seal)
		w.Open('{')
		w.Member("type", "text")
		w.Member("text", p.Text)
		if cites := replyCites(p.Cites); len(cites) > 0 {
			w.Name("citations").Open('[')
			for _, c := range cites {
				w.Raw(c)
			}
			w.Close(']')
		}
		w.ext(p.Ext, nil)
		w.Close('}')
	case llm.Thought:
		if p.Text == "" && p.Seal == nil {
			return
		}
		w.Open('{')
		if redacted(p) {
			w.Member("type", "redacted_thinking")
			w.Member("data", sealText(p.Seal))
		} else {
			w.Member("type", "thinking")
			w.Member("thinking", p.Text)
			w.Member("signature", sealText(p.Seal))
		}
		w.ext(p.Ext, nil)
		w.Close('}')
	case llm.Call:
		if !noArgs(p) && !isObject(p) {
			lost.add(path+".arguments", "not a JSON object; sent as text in one")
		}
		sealCarrier(w, p.Seal)
		w.Open('{')
		w.Member("type", "tool_use")
		w.Member("id", p.ID)
		w.Member("name", p.Name)
		w.Name("input").Raw(input(p))
		w.ext(p.Ext, nil)
		w.Close('}')
	case llm.Opaque:
		if p.From != own {
			lost.add(path, p.Kind+" is understood by "+string(p.From)+" only")
			return
		}
		w.Raw(p.Raw)
	case llm.Media:
		lost.add(path, "an answer holds no media here")
	case llm.Result:
		lost.add(path, "an answer holds no tool results here")
	}
}

// redacted tells whether a thought goes out as a redacted one. A foreign thought without text does, so that an empty thinking
// block with our mark can only be a sealCarrier.
func redacted(p llm.Thought) bool {
	return p.Redacted || p.Text == "" && p.Seal != nil && p.Seal.Issuer != issuer
}

// sealText is a seal as the client will echo it. Another issuer's carries our mark, by which DecodeRequest knows it again.
func sealText(s *llm.Seal) string {
	switch {
	case s == nil:
		return ""
	case s.Issuer == issuer:
		return s.Data
	}
	return s.Wrap()
}

// sealCarrier writes the seal of a text or call, which have no member for one that clients echo, as a thinking block without
// text in front of it. Clients send thinking blocks back as they came; joinSeals puts the seal back where it belongs.
func sealCarrier(w *writer, s *llm.Seal) {
	if s == nil || s.Issuer == issuer {
		return
	}
	w.Open('{')
	w.Member("type", "thinking")
	w.Member("thinking", "")
	w.Member("signature", s.Wrap())
	w.Close('}')
}

// replyCites are citations in the vendor's forms. A foreign source with an address becomes a web search result.
func replyCites(cites []llm.Citation) (out [][]byte) {
	for _, c := range cites {
		switch {
		case c.From == own:
			out = append(out, c.Raw)
		case c.URL != "":
			var w writer
			w.Open('{')
			w.Member("type", "web_search_result_location")
			w.Member("url", c.URL)
			w.Member("title", c.Title)
			w.Member("cited_text", c.Text)
			w.Member("encrypted_index", "") // ownCites knows by this that it is not the vendor's
			w.Close('}')
			out = append(out, w.B)
		}
	}
	return out
}

// bound keeps vendors' messages to a size that is fit for clients and logs.
func bound(s string) string {
	const most = 2048
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// splitInput takes the input out of a server tool's call, which streams apart; "" for any other block.
func splitInput(raw []byte) (rest []byte, input string) {
	v := rawjson.Get(raw, "input")
	if len(v) == 0 || v[0] != '{' || string(v) == "{}" {
		return raw, ""
	}
	rest, err := rawjson.Patch(raw, rawjson.Edit{Name: "input", Value: []byte("{}")})
	if err != nil {
		return raw, ""
	}
	return rest, string(v)
}
