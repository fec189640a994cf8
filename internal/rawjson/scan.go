// Package rawjson reads and edits JSON documents as bytes: what is not asked about is not decoded, and what is not edited
// keeps every byte: spelling of numbers, order of members, white space.
//
// Check is the gate in front: it accepts exactly the documents that every parser reads alike (RFC 8259 with I-JSON's unique
// names, RFC 7493 §2.3), so that policy and upstream can never see two different requests. The functions behind it (Object,
// Array, Patch, …) expect a document that Check accepted, or an upstream's answer, and report what they cannot read.
//
// The package knows JSON and nothing of what a document means.
package rawjson

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// maxDepth bounds nesting. Real requests stay below 30; RFC 8259 §9 allows a limit.
const maxDepth = 512

// Error says what is wrong with a document and where.
type Error struct {
	Offset  int    // byte
	Pointer string // of the member concerned, RFC 6901; "" at the top
	What    string
}

func (e *Error) Error() string {
	if e.Pointer != "" {
		return fmt.Sprintf("%s at %s (byte %d)", e.What, e.Pointer, e.Offset)
	}
	return fmt.Sprintf("%s at byte %d", e.What, e.Offset)
}

// Check accepts one JSON value with valid UTF-8, no duplicate member names at any depth, and nothing but white space after
// it. The error is an *Error.
func Check(doc []byte) error {
	if !utf8.Valid(doc) {
		return &Error{Offset: invalidUTF8(doc), What: "invalid UTF-8"}
	}
	s := checker{doc: doc}
	i, err := s.value(space(doc, 0), 0)
	if err != nil {
		return err
	}
	if i = space(doc, i); i < len(doc) {
		return s.fail(i, "unexpected data after the document")
	}
	return nil
}

func invalidUTF8(doc []byte) int {
	for i := 0; i < len(doc); {
		r, n := utf8.DecodeRune(doc[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(doc)
}

// checker walks one document. path holds where it is: a name or, for arrays, an index.
type checker struct {
	doc   []byte
	path  []step
	names []span // of the objects that are open, innermost last
}

type step struct {
	name  span
	index int // -1 in an object
}

type span struct{ from, to int }

func (s *checker) fail(at int, what string) error {
	var p []byte
	for _, st := range s.path {
		p = append(p, '/')
		if st.index >= 0 {
			p = fmt.Appendf(p, "%d", st.index)
			continue
		}
		name := s.doc[st.name.from:st.name.to]
		name = bytes.ReplaceAll(bytes.ReplaceAll(name, []byte("~"), []byte("~0")), []byte("/"), []byte("~1"))
		p = append(p, name...)
	}
	if at >= len(s.doc) {
		what, at = "unexpected end of the document", len(s.doc)
	}
	return &Error{Offset: at, Pointer: string(p), What: what}
}

func (s *checker) value(i, depth int) (int, error) {
	if i >= len(s.doc) {
		return i, s.fail(i, "")
	}
	if depth > maxDepth {
		return i, s.fail(i, "nested too deeply")
	}
	switch c := s.doc[i]; {
	case c == '"':
		return s.str(i)
	case c == '{':
		return s.object(i, depth)
	case c == '[':
		return s.array(i, depth)
	case c == '-' || '0' <= c && c <= '9':
		return s.number(i)
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(s.doc[i:], []byte(word)) {
			return i + len(word), nil
		}
	}
	return i, s.fail(i, "invalid character")
}

func (s *checker) object(i, depth int) (int, error) {
	base := len(s.names)
	defer func() { s.names = s.names[:base] }()
	var seen map[string]bool // only once there are many
	i = space(s.doc, i+1)
	if i < len(s.doc) && s.doc[i] == '}' {
		return i + 1, nil
	}
	for {
		if i >= len(s.doc) || s.doc[i] != '"' {
			return i, s.fail(i, "expected a member name")
		}
		end, err := s.str(i)
		if err != nil {
			return i, err
		}
		name := span{i + 1, end - 1}
		s.path = append(s.path, step{name: name, index: -1})
		if seen, err = s.unique(base, name, seen); err != nil {
			return i, err
		}
		if i = space(s.doc, end); i >= len(s.doc) || s.doc[i] != ':' {
			return i, s.fail(i, "expected ':'")
		}
		if i, err = s.value(space(s.doc, i+1), depth+1); err != nil {
			return i, err
		}
		s.path = s.path[:len(s.path)-1]
		if i = space(s.doc, i); i >= len(s.doc) {
			return i, s.fail(i, "")
		}
		if s.doc[i] == '}' {
			return i + 1, nil
		}
		if s.doc[i] != ',' {
			return i, s.fail(i, "expected ',' or '}'")
		}
		i = space(s.doc, i+1)
	}
}

// unique refuses a name that the object already has. Few names are compared one by one, many through a map.
func (s *checker) unique(base int, name span, seen map[string]bool) (map[string]bool, error) {
	const few = 24
	text := s.doc[name.from:name.to]
	if bytes.IndexByte(text, '\\') >= 0 || seen != nil || len(s.names)-base >= few {
		if seen == nil {
			seen = make(map[string]bool, 2*few)
			for _, n := range s.names[base:] {
				seen[string(s.doc[n.from:n.to])] = true
			}
		}
		key, ok := Unquote(s.doc[name.from-1 : name.to+1])
		if !ok {
			return seen, s.fail(name.from, "invalid surrogate in a member name")
		}
		if seen[key] {
			return seen, s.fail(name.from, "duplicate member name")
		}
		seen[key] = true
		return seen, nil
	}
	for _, n := range s.names[base:] {
		if n.to-n.from == len(text) && string(s.doc[n.from:n.to]) == string(text) {
			return seen, s.fail(name.from, "duplicate member name")
		}
	}
	s.names = append(s.names, name)
	return seen, nil
}

func (s *checker) array(i, depth int) (int, error) {
	i = space(s.doc, i+1)
	if i < len(s.doc) && s.doc[i] == ']' {
		return i + 1, nil
	}
	s.path = append(s.path, step{})
	for {
		var err error
		if i, err = s.value(i, depth+1); err != nil {
			return i, err
		}
		if i = space(s.doc, i); i >= len(s.doc) {
			return i, s.fail(i, "")
		}
		if s.doc[i] == ']' {
			s.path = s.path[:len(s.path)-1]
			return i + 1, nil
		}
		if s.doc[i] != ',' {
			return i, s.fail(i, "expected ',' or ']'")
		}
		i = space(s.doc, i+1)
		s.path[len(s.path)-1].index++
	}
}

// str checks the string at i and returns the index behind it.
func (s *checker) str(i int) (int, error) {
	doc := s.doc
	for i++; ; {
		i = plain(doc, i)
		if i >= len(doc) {
			return i, s.fail(i, "")
		}
		switch c := doc[i]; {
		case c == '"':
			return i + 1, nil
		case c < 0x20:
			return i, s.fail(i, "control character in a string")
		case c == '\\':
			n := escape(doc[i:])
			if n == 0 {
				return i, s.fail(i, "invalid escape")
			}
			i += n
		}
	}
}

// plain returns the index of the first quote, backslash or control character at or after i, eight bytes at a time.
func plain(doc []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(doc); i += 8 {
		w := binary.LittleEndian.Uint64(doc[i:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		found := (quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w
		if found &= highs; found != 0 { // the lowest bit is true, those above it may be borrowed
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(doc); i++ {
		if c := doc[i]; c == '"' || c == '\\' || c < 0x20 {
			return i
		}
	}
	return i
}

// escape is the length of the escape sequence that b begins with; 0 when it is not one.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 {
			return 0
		}
		for _, c := range b[2:6] {
			if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
				return 0
			}
		}
		return 6
	}
	return 0
}

func (s *checker) number(i int) (int, error) {
	doc, start := s.doc, i
	digits := func() bool {
		from := i
		for i < len(doc) && '0' <= doc[i] && doc[i] <= '9' {
			i++
		}
		return i > from
	}
	if doc[i] == '-' {
		i++
	}
	if i < len(doc) && doc[i] == '0' {
		i++
	} else if !digits() {
		return i, s.fail(start, "invalid number")
	}
	if i < len(doc) && doc[i] == '.' {
		if i++; !digits() {
			return i, s.fail(start, "invalid number")
		}
	}
	if i < len(doc) && doc[i]|0x20 == 'e' {
		if i++; i < len(doc) && (doc[i] == '+' || doc[i] == '-') {
			i++
		}
		if !digits() {
			return i, s.fail(start, "invalid number")
		}
	}
	return i, nil
}

func space(doc []byte, i int) int {
	for i < len(doc) && (doc[i] == ' ' || doc[i] == '\n' || doc[i] == '\r' || doc[i] == '\t') {
		i++
	}
	return i
}
