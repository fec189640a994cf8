package openaichat

import (
	"bytes"
	"strings"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// Patch edits a request for a target: the model, the request for usage in a stream, what the target's quirks demand, and what an
// earlier answer of another maker has left in the conversation (see ownSeals).
func (Codec) Patch(body []byte, head *llm.Head, to llm.Target) ([]byte, error) {
	var (
		edits []rawjson.Edit
		q     = quirks(to)
		limit = map[string][]byte{}
	)
	edit := func(name string, value []byte) { edits = append(edits, rawjson.Edit{Name: name, Value: value}) }
	if head.Model != to.Model && to.Model != "" {
		edit("model", rawjson.AppendQuote(nil, to.Model))
	}
	asked := false
	err := rawjson.Object(body, func(name, value []byte) bool {
		switch string(name) {
		case "stream_options":
			asked = true
			if q.NoStreamOptions {
				edit("stream_options", nil)
			} else if head.Stream && !head.Usage {
				edit("stream_options", includeUsage(value))
			}
		case "max_tokens", "max_completion_tokens":
			limit[string(name)] = value
		case "messages":
			messages := value
			if q.NoDeveloper {
				messages = systemRoles(messages)
			}
			if messages = ownSeals(messages, to.Issuer); !same(messages, value) {
				edit("messages", messages)
			}
		}
		return true
	})
	if err != nil {
		return nil, invalidJSON(err)
	}
	if head.Stream && !asked && !q.NoStreamOptions {
		edit("stream_options", includeUsage(nil))
	}
	for _, name := range [...]string{"max_tokens", "max_completion_tokens"} {
		if limit[name] == nil || q.MaxTokens == "" || name == q.MaxTokens {
			continue
		}
		if limit[q.MaxTokens] != nil {
			edit(name, nil)
			continue
		}
		edits = append(edits, rawjson.Edit{Name: name, As: q.MaxTokens, Value: limit[name]})
	}
	return rawjson.Patch(body, edits...)
}

// includeUsage is the client's stream_options with the request for usage in it.
func includeUsage(options []byte) []byte {
	if len(options) > 0 && options[0] == '{' {
		out, err := rawjson.Patch(options, rawjson.Edit{Name: "include_usage", Value: []byte("true")})
		if err == nil {
			return out
		}
	}
	return []byte(`{"include_usage":true}`)
}

// systemRoles writes "system" for every message's "developer".
func systemRoles(messages []byte) []byte {
	var out []byte
	last := 0
	_ = rawjson.Array(messages, func(_ int, message []byte) bool {
		role := rawjson.Get(message, "role")
		if string(role) == `"developer"` {
			at := cap(messages) - cap(role)
			out = append(append(out, messages[last:at]...), `"system"`...)
			last = at + len(role)
		}
		return true
	})
	if last == 0 {
		return messages
	}
	return append(out, messages[last:]...)
}

// ownSeals looks for seals that carry our mark, because another maker's model answered in this conversation. One that the target
// issued itself is given back as it was; a thought with any other is taken out, since the target would refuse it.
func ownSeals(messages []byte, issuer string) []byte {
	if !bytes.Contains(messages, []byte(`"`+llm.SealPrefix)) {
		return messages
	}
	return patchList(messages, func(v []byte) []byte { return patchMessage(v, issuer) })
}

// same tells whether two slices are one and the same: what was not edited is not copied.
func same(a, b []byte) bool { return len(a) == len(b) && &a[0] == &b[0] }

// patchList copies an array with each element as patch leaves it, and returns it as it is when that changes nothing.
func patchList(list []byte, patch func([]byte) []byte) []byte {
	var w writer
	w.Open('[')
	changed := false
	err := rawjson.Array(list, func(_ int, v []byte) bool {
		now := patch(v)
		changed = changed || !same(now, v)
		w.Raw(now)
		return true
	})
	w.Close(']')
	if err != nil || !changed {
		return list
	}
	return w.B
}

func patchMessage(v []byte, issuer string) []byte {
	var edits []rawjson.Edit
	edit := func(name string, value []byte) { edits = append(edits, rawjson.Edit{Name: name, Value: value}) }
	if details := rawjson.Get(v, "reasoning_details"); bytes.Contains(details, []byte(llm.SealPrefix)) {
		details = patchDetails(details, issuer)
		edit("reasoning_details", details)
		if details == nil { // the same thoughts, as text
			edit("reasoning_content", nil)
			edit("reasoning", nil)
		}
	}
	if calls := rawjson.Get(v, "tool_calls"); bytes.Contains(calls, []byte(llm.SealPrefix)) {
		edit("tool_calls", patchList(calls, func(call []byte) []byte { return patched(call, signatureEdit(call, issuer)) }))
	}
	return patched(v, append(edits, signatureEdit(v, issuer)...))
}

func patched(v []byte, edits []rawjson.Edit) []byte {
	out, err := rawjson.Patch(v, edits...)
	if err != nil {
		return v
	}
	return out
}

// patchDetails is what may stay of reasoning_details; nil for nothing.
func patchDetails(details []byte, issuer string) []byte {
	var w writer
	w.Open('[')
	n := 0
	_ = rawjson.Array(details, func(_ int, v []byte) bool {
		d := readDetail(v)
		if !strings.HasPrefix(d.payload, llm.SealPrefix) {
			w.Raw(v)
			n++
		} else if s := llm.Unwrap(d.payload, ""); s.Issuer == issuer {
			w.detail(n, &llm.Thought{Text: d.text, Redacted: d.kind == "reasoning.encrypted"}, s.Data, formatOf(issuer))
			n++
		}
		return true
	})
	w.Close(']')
	if n == 0 {
		return nil
	}
	return w.B
}

// signatureEdit deals with the signature of a call or text.
func signatureEdit(v []byte, issuer string) []rawjson.Edit {
	text, _ := rawjson.String(rawjson.Get(v, "extra_content", "google", "thought_signature"))
	if !strings.HasPrefix(text, llm.SealPrefix) {
		return nil
	}
	e := rawjson.Edit{Name: "extra_content"}
	if s := llm.Unwrap(text, ""); s.Issuer == issuer {
		var w writer
		w.signature(s.Data)
		e.Value = w.B
	}
	return []rawjson.Edit{e}
}
