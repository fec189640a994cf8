package anthropic

import (
	"encoding/base64"
	"hash/fnv"
	"strconv"
	"strings"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// item is a part that is to be written, and the way back to where it came from.
type item struct {
	part  llm.Part
	inner []item        // the parts of a Result that can be written
	path  func() string // in the caller's document; only called for losses
	used  bool          // a result that has found its call
}

// sendable tells whether a part can be written in a turn of the role, and reports what will be missing from it.
func (e *encoder) sendable(it *item, role llm.Role) bool {
	switch p := it.part.(type) {
	case llm.Text:
		return e.sendText(it, p, role)
	case llm.Thought:
		e.losses = p.Ext.Losses(e.losses, own, it.path())
		if p.Seal == nil || p.Seal.Issuer != e.issuer || role != llm.RoleAssistant {
			e.lose(it.path(), "a thought goes back only to the model family that signed it")
			return false
		}
	case llm.Call:
		e.losses = p.Ext.Losses(e.losses, own, it.path())
		if p.Seal != nil {
			e.lose(it.path()+".signature", "a seal goes back only to its issuer")
		}
		if !noArgs(p) && !isObject(p) {
			e.lose(it.path()+".arguments", "the arguments are not a JSON object; sent as text in one")
		}
	case llm.Result:
		e.losses = p.Ext.Losses(e.losses, own, it.path())
		for i, q := range p.Parts {
			inner := item{part: q, path: func() string { return it.path() + ".content." + strconv.Itoa(i) }}
			if e.sendable(&inner, llm.RoleUser) {
				it.inner = append(it.inner, inner)
			}
		}
	case llm.Media:
		return e.sendMedia(it, p, role)
	case llm.Opaque:
		if p.From != own {
			e.refuse(it.path(), p.Kind+" is understood by "+string(p.From)+" only")
			return false
		}
	}
	return true
}

func (e *encoder) sendText(it *item, p llm.Text, role llm.Role) bool {
	switch {
	case p.Text == "":
		if p.Seal != nil {
			e.lose(it.path()+".signature", "a seal goes back only to its issuer")
		}
		return false
	case blank(p) && role != llm.RoleAssistant: // refused, but for the model's own (recorded)
		e.lose(it.path(), "white space alone")
		return false
	}
	e.losses = p.Ext.Losses(e.losses, own, it.path())
	if len(ownCites(p.Cites)) < len(p.Cites) {
		e.lose(it.path()+".citations", "sources of another provider")
	}
	if p.Seal != nil {
		e.lose(it.path()+".signature", "a seal goes back only to its issuer")
	}
	return true
}

// sendMedia follows the vendor's pages on vision, PDF support and files (2026-11): JPEG, PNG, GIF and WebP; PDF and plain
// text; by value, address, or the id of its own Files API; from users only.
func (e *encoder) sendMedia(it *item, p llm.Media, role llm.Role) bool {
	e.losses = p.Ext.Losses(e.losses, own, it.path())
	if p.Detail != "" && p.Detail != "auto" {
		e.lose(it.path()+".detail", "no counterpart in "+string(own))
	}
	if p.Type == "" && p.FileID == "" {
		p.Type = guess(p.URL)
	}
	if p.Type == "image/jpg" {
		p.Type = "image/jpeg"
	}
	it.part = p
	why := ""
	switch {
	case role == llm.RoleAssistant:
		why = "the assistant's turn holds no media here"
	case p.FileID != "":
		if !strings.HasPrefix(p.FileID, "file_") {
			why = "the file is another provider's"
		}
	case len(p.Data) == 0:
		if !strings.HasPrefix(p.URL, "https://") && !strings.HasPrefix(p.URL, "http://") {
			why = "the address is not one that the provider fetches"
		} else if !strings.HasPrefix(p.Type, "image/") && p.Type != "application/pdf" {
			why = p.Type + " is not taken by address"
		}
	default:
		switch p.Type {
		case "image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf":
		default:
			if !isPlain(p) {
				why = p.Type + " is not taken"
			}
		}
	}
	if why != "" {
		e.refuse(it.path(), why)
	}
	return why == ""
}

// guess tells the kind of what is behind an address whose type nobody said; pictures are by far the most common.
func guess(address string) string {
	path, _, _ := strings.Cut(address, "?")
	if strings.HasSuffix(strings.ToLower(path), ".pdf") {
		return "application/pdf"
	}
	return "image/*"
}

// ownCites are the citations that may go back to the vendor. Those that we made up for a client of this dialect out of
// another provider's sources have no encrypted_index, and would be refused.
func ownCites(cites []llm.Citation) []llm.Citation {
	var out []llm.Citation
	for _, c := range cites {
		if index := rawjson.Get(c.Raw, "encrypted_index"); c.From == own && string(index) != `""` {
			out = append(out, c)
		}
	}
	return out
}

func writeCites(w *writer, cites []llm.Citation) {
	if len(cites) == 0 {
		return
	}
	w.Name("citations").Open('[')
	for _, c := range cites {
		w.Raw(c.Raw)
	}
	w.Close(']')
}

func appendBase64(dst, data []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, data)
	return append(dst, '"')
}

// cleanID keeps an id inside the vendor's alphabet ("String should match pattern '^[a-zA-Z0-9_-]+$'"). Others issue ids such
// as functions.get:0; the same id always becomes the same, and two ids stay two.
func cleanID(id string) string {
	ok := func(r rune) bool {
		return r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	if strings.IndexFunc(id, func(r rune) bool { return !ok(r) }) < 0 {
		return id
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // cannot fail
	clean := strings.Map(func(r rune) rune {
		if ok(r) {
			return r
		}
		return '_'
	}, id)
	return clean + "_" + strconv.FormatUint(uint64(h.Sum32()), 36)
}
