package openaichat

import (
	"strings"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// Reasoning comes as a string (reasoning_content of DeepSeek and others, reasoning of OpenRouter, Groq, Cerebras) and, where it
// is signed or encrypted, as reasoning_details: elements of type reasoning.text {text, signature}, reasoning.summary {summary}
// and reasoning.encrypted {data}, each with a format that names the vendor (openrouter.ai/docs, "Preserving reasoning",
// seen 2026-11).

// detail is one element of reasoning_details.
type detail struct {
	kind, text, payload, format string
	index                       int64
	raw                         []byte
}

func readDetail(raw []byte) detail {
	d := detail{raw: raw, index: -1}
	_ = rawjson.Object(raw, func(name, v []byte) bool {
		switch string(name) {
		case "type":
			d.kind, _ = rawjson.String(v)
		case "text", "summary":
			d.text, _ = rawjson.String(v)
		case "signature", "data":
			if s, ok := rawjson.String(v); ok && s != "" {
				d.payload = s
			}
		case "format":
			d.format, _ = rawjson.String(v)
		case "index":
			d.index, _ = rawjson.Int(v)
		}
		return true
	})
	return d
}

// continues tells whether d goes on with the thought that prev belongs to: streams cut thoughts in pieces, and clients send
// the pieces back.
func (d *detail) continues(prev *detail) bool {
	return d.kind == prev.kind && d.index == prev.index && d.kind != "reasoning.encrypted" && prev.payload == ""
}

// sealer says whose the seals are.
type sealer struct{ issuer string }

// seal makes the seal of a detail; nil when it has none. A provider that issues seals of its own gets back its whole element,
// without the text, since it knows it only like that. Otherwise the format names the vendor behind the provider.
func (s sealer) seal(d *detail) *llm.Seal {
	if d.payload == "" {
		return nil
	}
	vendor := vendorOf(d.format)
	seal := llm.Unwrap(d.payload, vendor)
	if s.issuer == "" || seal.Issuer != vendor || seal.Data != d.payload {
		return seal
	}
	var rest extra
	_ = rawjson.Object(d.raw, func(name, v []byte) bool {
		if n := string(name); n != "text" && n != "summary" && n != "index" {
			rest.add(name, v)
		}
		return true
	})
	return &llm.Seal{Issuer: s.issuer, Data: string(rest.raw)}
}

// formats are the vendors whose reasoning OpenRouter's format names.
var formats = [...]struct{ prefix, vendor, format string }{
	{"anthropic-", "anthropic", "anthropic-claude-v1"},
	{"openai-", "openai", "openai-responses-v1"},
	{"azure-openai-", "openai", "openai-responses-v1"},
	{"google-", "google", "google-gemini-v1"},
	{"xai-", "xai", "xai-responses-v1"},
}

// vendorOf is the issuer behind a format. One that is not known accepts nothing back.
func vendorOf(format string) string {
	for _, f := range formats {
		if strings.HasPrefix(format, f.prefix) {
			return f.vendor
		}
	}
	return "unknown"
}

func formatOf(vendor string) string {
	for _, f := range formats {
		if f.vendor == vendor {
			return f.format
		}
	}
	return "unknown"
}

// thoughts reads the reasoning of a message. The details say the same text as the string, better; where they hold no text, the
// string does.
func thoughts(reasoning, details []byte, seals sealer) []llm.Part {
	var (
		parts []llm.Part
		prev  detail
		texts bool
	)
	if !rawjson.IsNull(details) {
		_ = rawjson.Array(details, func(i int, v []byte) bool {
			d := readDetail(v)
			texts = texts || d.text != ""
			seal := seals.seal(&d)
			if i > 0 && d.continues(&prev) && len(parts) > 0 {
				t := parts[len(parts)-1].(llm.Thought)
				t.Text += d.text
				t.Seal = seal
				parts[len(parts)-1] = t
			} else if d.text != "" || seal != nil {
				parts = append(parts, llm.Thought{Text: d.text, Seal: seal, Redacted: d.text == "" && d.kind == "reasoning.encrypted"})
			}
			prev = d
			return true
		})
	}
	if text, _ := rawjson.String(reasoning); text != "" && !texts {
		parts = append([]llm.Part{llm.Thought{Text: text}}, parts...)
	}
	return parts
}
