package anthropic

import (
	"bytes"
	"strings"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// Patch names the target's model, and takes out what an earlier answer of another maker has left in the conversation: its
// seals, which carry our mark and which the target would refuse as invalid signatures.
func (Codec) Patch(body []byte, head *llm.Head, to llm.Target) ([]byte, error) {
	var edits []rawjson.Edit
	if to.Model != head.Model && to.Model != "" {
		edits = append(edits, rawjson.Edit{Name: "model", Value: rawjson.AppendQuote(nil, to.Model)})
	}
	if bytes.Contains(body, []byte(`"`+llm.SealPrefix)) {
		if messages, changed := patchList(rawjson.Get(body, "messages"), to.Issuer, patchMessage); changed {
			edits = append(edits, rawjson.Edit{Name: "messages", Value: messages})
		}
	}
	return rawjson.Patch(body, edits...)
}

// patchList copies an array with each element as patch leaves it; nil drops one.
func patchList(list []byte, issuer string, patch func(v []byte, issuer string) []byte) (out []byte, changed bool) {
	var w writer
	w.Open('[')
	err := rawjson.Array(list, func(_ int, v []byte) bool {
		now := patch(v, issuer)
		changed = changed || !bytes.Equal(now, v)
		if now != nil {
			w.Raw(now)
		}
		return true
	})
	w.Close(']')
	return w.B, changed && err == nil
}

// patchMessage drops a message of which nothing is left.
func patchMessage(v []byte, issuer string) []byte {
	content, changed := patchList(rawjson.Get(v, "content"), issuer, patchBlock)
	if !changed {
		return v
	}
	if string(content) == "[]" {
		return nil
	}
	out, err := rawjson.Patch(v, rawjson.Edit{Name: "content", Value: content})
	if err != nil {
		return v
	}
	return out
}

// patchBlock gives a marked seal back to its issuer as it was, and drops the thought that holds another's.
func patchBlock(v []byte, issuer string) []byte {
	var member string
	switch kind, _ := rawjson.String(rawjson.Get(v, "type")); kind {
	case "thinking":
		member = "signature"
	case "redacted_thinking":
		member = "data"
	default:
		return v
	}
	text, _ := rawjson.String(rawjson.Get(v, member))
	if !strings.HasPrefix(text, llm.SealPrefix) {
		return v
	}
	seal := llm.Unwrap(text, issuer)
	if seal.Issuer != issuer {
		return nil
	}
	out, err := rawjson.Patch(v, rawjson.Edit{Name: member, Value: rawjson.AppendQuote(nil, seal.Data)})
	if err != nil {
		return v
	}
	return out
}
