package price

import (
	"bytes"
	"errors"
	"strings"
)

// pattern is a name, or a part of one: text, text*, *text, *text*. A # in it is any digit, for the dates of snapshots.
// Patterns and names are in lower case.
type pattern struct {
	text        string
	front, back bool // anything may stand before, behind
}

func parsePattern(s string) (pattern, error) {
	p := pattern{text: strings.ToLower(s)}
	p.text, p.back = strings.CutSuffix(p.text, "*")
	if p.back || p.text != "" {
		p.text, p.front = strings.CutPrefix(p.text, "*")
	}
	if p.text == "" && !p.back {
		return p, errors.New("empty pattern")
	}
	if strings.Contains(p.text, "*") {
		return p, errors.New("a * may only begin or end a pattern")
	}
	return p, nil
}

// literal tells whether the pattern is a plain name.
func (p *pattern) literal() bool { return !p.front && !p.back && !strings.Contains(p.text, "#") }

func (p *pattern) match(name []byte) bool {
	spare := len(name) - len(p.text)
	switch {
	case spare < 0 || spare > 0 && !p.front && !p.back:
		return false
	case p.front && p.back:
		for i := range spare + 1 {
			if same(p.text, name[i:]) {
				return true
			}
		}
		return false
	case p.front:
		return same(p.text, name[spare:])
	}
	return same(p.text, name)
}

// same tells whether name begins with text.
func same(text string, name []byte) bool {
	for i := range len(text) {
		if c := name[i]; c != text[i] && (text[i] != '#' || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// appendLower appends s in lower case. Model names are ASCII; other bytes are kept.
func appendLower(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

var modelsSlash = []byte("models/")

// bare is the name behind a resource path: models/gemini-2.5-pro, publishers/google/models/….
func bare(name []byte) []byte {
	if i := bytes.LastIndex(name, modelsSlash); i >= 0 {
		return name[i+len(modelsSlash):]
	}
	return name
}

// undated is the name without the date of a snapshot: -2025-09-29, -20250929 or @20250929.
func undated(name []byte) []byte {
	for _, form := range [...]string{"-####-##-##", "-########", "@########"} {
		if cut := len(name) - len(form); cut > 0 && same(form, name[cut:]) {
			return name[:cut]
		}
	}
	return name
}
