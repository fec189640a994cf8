package dialect_test

import (
	"strings"

	"tidegate/internal/rawjson"
)

// pretty writes a JSON document for people: in its own order and words, what fits on a line on one.
func pretty(doc []byte) string {
	if rawjson.Check(doc) != nil {
		return string(doc)
	}
	var b strings.Builder
	prettyValue(&b, doc, "")
	return b.String() + "\n"
}

const lineWidth = 120

func prettyValue(b *strings.Builder, v []byte, indent string) {
	flat := tight(v)
	if len(flat) == 0 || len(indent)+len(flat) <= lineWidth || flat[0] != '{' && flat[0] != '[' {
		b.WriteString(flat)
		return
	}
	inner, first := indent+"  ", true
	next := func() {
		if !first {
			b.WriteByte(',')
		}
		first = false
		b.WriteString("\n" + inner)
	}
	b.WriteByte(flat[0])
	if flat[0] == '{' {
		_ = rawjson.Object(v, func(name, value []byte) bool {
			next()
			b.Write(rawjson.AppendQuote(nil, string(name)))
			b.WriteString(": ")
			prettyValue(b, value, inner)
			return true
		})
	} else {
		_ = rawjson.Array(v, func(_ int, value []byte) bool {
			next()
			prettyValue(b, value, inner)
			return true
		})
	}
	b.WriteString("\n" + indent + map[byte]string{'{': "}", '[': "]"}[flat[0]])
}

// tight is a document on one line, with a space behind commas and colons.
func tight(doc []byte) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(doc); i++ {
		c := doc[i]
		switch {
		case quoted && c == '\\' && i+1 < len(doc):
			b.WriteByte(c)
			i++
			c = doc[i]
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\n' || c == '\r' || c == '\t'):
			continue
		}
		b.WriteByte(c)
		if !quoted && (c == ',' || c == ':') {
			b.WriteByte(' ')
		}
	}
	return b.String()
}
