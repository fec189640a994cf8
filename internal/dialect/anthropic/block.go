package anthropic

import (
	"encoding/base64"
	"errors"
	"strconv"
	"time"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// block reads one content block. It is nil for text without text.
func (d *decoder) block(v []byte) (llm.Part, error) {
	kind, _ := rawjson.String(rawjson.Get(v, "type"))
	switch kind {
	case "":
		return nil, &fault{"type", "required"}
	case "text":
		return d.text(v)
	case "thinking":
		return d.thoughtBlock(v)
	case "redacted_thinking":
		return d.redacted(v)
	case "tool_use":
		return d.call(v)
	case "tool_result":
		return d.result(v)
	case "image", "document":
		return d.media(kind, v)
	}
	// Server tools and their results, compaction, search results, …: only this dialect understands them.
	return llm.Opaque{From: own, Kind: kind, Raw: keep(v)}, nil
}

func (d *decoder) text(v []byte) (llm.Part, error) {
	var p llm.Text
	var x extras
	err := members(v, func(name, v []byte) (err error) {
		switch string(name) {
		case "type":
		case "text":
			return text(v, &p.Text)
		case "citations":
			p.Cites, err = citations(v)
		case "cache_control":
			p.Mark = markOr(v, name, &x)
		default:
			x.add(name, v)
		}
		return err
	})
	if err != nil || p.Text == "" {
		return nil, err
	}
	p.Ext = x.ext()
	return p, nil
}

func (d *decoder) thoughtBlock(v []byte) (llm.Part, error) {
	var p llm.Thought
	var x extras
	err := members(v, func(name, v []byte) error {
		switch string(name) {
		case "type":
		case "thinking":
			return text(v, &p.Text)
		case "signature":
			var s string
			err := text(v, &s)
			p.Seal = d.seal(s)
			return err
		default:
			x.add(name, v)
		}
		return nil
	})
	if err != nil || p.Text == "" && p.Seal == nil {
		return nil, err
	}
	p.Ext = x.ext()
	return p, nil
}

func (d *decoder) redacted(v []byte) (llm.Part, error) {
	p := llm.Thought{Redacted: true}
	var x extras
	err := members(v, func(name, v []byte) error {
		switch string(name) {
		case "type":
		case "data":
			var s string
			err := text(v, &s)
			p.Seal = d.seal(s)
			return err
		default:
			x.add(name, v)
		}
		return nil
	})
	p.Ext = x.ext()
	return p, err
}

func (d *decoder) call(v []byte) (llm.Part, error) {
	var p llm.Call
	var x extras
	err := members(v, func(name, v []byte) error {
		switch string(name) {
		case "type":
		case "id":
			return text(v, &p.ID)
		case "name":
			return text(v, &p.Name)
		case "input":
			p.Args = arguments(v)
		case "cache_control":
			p.Mark = markOr(v, name, &x)
		default:
			x.add(name, v)
		}
		return nil
	})
	if p.Args == "" {
		p.Args = "{}"
	}
	p.Ext = x.ext()
	return p, err
}

// arguments is the input of a call as text. Some servers send it as a string that holds JSON.
func arguments(v []byte) string {
	if s, ok := rawjson.String(v); ok {
		return s
	}
	if rawjson.IsNull(v) {
		return ""
	}
	return string(v)
}

func (d *decoder) result(v []byte) (llm.Part, error) {
	var p llm.Result
	var x extras
	err := members(v, func(name, v []byte) (err error) {
		switch string(name) {
		case "type":
		case "tool_use_id":
			return text(v, &p.CallID)
		case "content":
			if rawjson.IsNull(v) {
				return nil
			}
			p.Parts, err = d.content(v)
		case "is_error":
			return boolean(v, &p.Failed)
		case "cache_control":
			p.Mark = markOr(v, name, &x)
		default:
			x.add(name, v)
		}
		return err
	})
	p.Ext = x.ext()
	return p, err
}

// media reads an image or document. A document made of blocks, and a source of a kind not known here, stays opaque.
func (d *decoder) media(kind string, v []byte) (llm.Part, error) {
	var p llm.Media
	var x extras
	known := false
	err := members(v, func(name, v []byte) (err error) {
		switch string(name) {
		case "type":
		case "source":
			known, err = source(kind, v, &p)
		case "title":
			return text(v, &p.Name)
		case "cache_control":
			p.Mark = markOr(v, name, &x)
		default:
			x.add(name, v)
		}
		return err
	})
	if err == nil && !known {
		return llm.Opaque{From: own, Kind: kind, Raw: keep(v)}, nil
	}
	p.Ext = x.ext()
	return p, err
}

func source(kind string, v []byte, p *llm.Media) (known bool, err error) {
	var form, data string
	n := 0
	err = members(v, func(name, v []byte) error {
		n++
		switch string(name) {
		case "type":
			return text(v, &form)
		case "media_type":
			return text(v, &p.Type)
		case "data":
			return text(v, &data)
		case "url":
			return text(v, &p.URL)
		case "file_id":
			return text(v, &p.FileID)
		}
		n = 99 // a member that would be lost
		return nil
	})
	if err != nil {
		return false, err
	}
	switch {
	case n > 3:
		return false, nil
	case form == "base64":
		if p.Data, err = base64.StdEncoding.DecodeString(data); err != nil {
			return false, &fault{"data", "invalid base64"}
		}
	case form == "text" && p.Type == "text/plain":
		p.Data = []byte(data)
	case form == "url" && kind == "image":
		p.Type = "image/*"
	case form == "url":
		p.Type = "application/pdf"
	case form == "file" && kind == "image":
		p.Type = "image/*"
	case form == "file":
	default:
		return false, nil
	}
	return true, nil
}

// citations reads what this dialect calls locations. Their indexes count in the cited document, not in our text, so Start and
// End stay unknown.
func citations(v []byte) (cites []llm.Citation, err error) {
	if rawjson.IsNull(v) {
		return nil, nil
	}
	err = elements(v, func(_ int, v []byte) error {
		cites = append(cites, citation(v))
		return nil
	})
	return cites, err
}

func citation(v []byte) llm.Citation {
	c := llm.Citation{From: own, Raw: keep(v)}
	_ = rawjson.Object(v, func(name, v []byte) bool {
		switch string(name) {
		case "url", "source":
			c.URL, _ = rawjson.String(v)
		case "title", "document_title":
			c.Title, _ = rawjson.String(v)
		case "cited_text":
			c.Text, _ = rawjson.String(v)
		}
		return true
	})
	return c
}

// mark reads cache_control; nil for what is not an ephemeral mark.
func mark(v []byte) *llm.CacheMark {
	var kind, ttl string
	n := 0
	err := members(v, func(name, v []byte) error {
		n++
		switch string(name) {
		case "type":
			return text(v, &kind)
		case "ttl":
			return text(v, &ttl)
		}
		n = 99
		return nil
	})
	if err != nil || n > 2 || kind != "ephemeral" {
		return nil
	}
	if ttl == "" {
		return &llm.CacheMark{}
	}
	life, err := time.ParseDuration(ttl)
	if err != nil || life != 5*time.Minute && life != time.Hour {
		return nil
	}
	return &llm.CacheMark{TTL: life}
}

// markOr keeps a cache_control of an unknown kind among the extras.
func markOr(v, name []byte, x *extras) *llm.CacheMark {
	m := mark(v)
	if m == nil && !rawjson.IsNull(v) {
		x.add(name, v)
	}
	return m
}

// text reads a string; null is the same as absent. So in boolean.
func text(v []byte, to *string) error {
	if rawjson.IsNull(v) {
		return nil
	}
	s, ok := rawjson.String(v)
	if !ok {
		return errors.New("expected a string")
	}
	*to = s
	return nil
}

func boolean(v []byte, to *bool) error {
	if rawjson.IsNull(v) {
		return nil
	}
	b, err := strconv.ParseBool(string(v))
	if err != nil || v[0] != 't' && v[0] != 'f' { // ParseBool takes more
		return errors.New("expected true or false")
	}
	*to = b
	return nil
}

func integer(v []byte) (*int64, error) {
	n, ok := rawjson.Int(v)
	if !ok || v[0] == '"' {
		return nil, errors.New("expected a whole number")
	}
	return &n, nil
}

func number(v []byte) (*float64, error) {
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil {
		return nil, errors.New("expected a number")
	}
	return &f, nil
}
