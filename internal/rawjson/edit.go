package rawjson

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Edit changes one top-level member. Value replaces it (and is appended as the last member when the object lacks it); a nil
// Value removes it. With As, the member is renamed as well.
type Edit struct {
	Name  string
	As    string
	Value []byte
}

// Patch applies edits to an object that Check accepted and copies every other byte. Without edits it returns doc itself.
func Patch(doc []byte, edits ...Edit) ([]byte, error) {
	if len(edits) == 0 {
		return doc, nil
	}
	var (
		out  = make([]byte, 0, len(doc)+64*len(edits))
		done = make([]bool, len(edits))
		last = 0 // doc[:last] is dealt with
		left = 0 // members that stay
	)
	err := Object(doc, func(name, value []byte) bool {
		from, to := offset(doc, value), offset(doc, value)+len(value)
		for k, e := range edits {
			if string(name) != e.Name {
				continue
			}
			done[k] = true
			start := nameStart(doc, from)
			switch {
			case e.Value == nil:
				out = append(out, doc[last:start]...)
				last = to
				if left == 0 { // the comma behind it goes, else the one in front
					if next := space(doc, to); next < len(doc) && doc[next] == ',' {
						last = space(doc, next+1)
					}
				} else {
					out = bytes.TrimRight(out, " \t\r\n")
					out = bytes.TrimSuffix(out, []byte(","))
				}
				return true
			case e.As != "":
				out = append(out, doc[last:start]...)
				out = AppendQuote(out, e.As)
				out = append(out, ':')
			default:
				out = append(out, doc[last:from]...)
			}
			out = append(out, e.Value...)
			last = to
			break
		}
		left++
		return true
	})
	if err != nil {
		return nil, err
	}
	end := bytes.LastIndexByte(doc, '}')
	room := end - len(bytes.TrimRight(doc[last:end], " \t\r\n")) - last // white space in front of the brace
	out = append(out, doc[last:end-room]...)
	for k, e := range edits {
		if done[k] || e.Value == nil || e.As != "" {
			continue
		}
		if left > 0 {
			out = append(out, ',')
		}
		left++
		out = append(AppendQuote(out, e.Name), ':')
		out = append(out, e.Value...)
	}
	return append(out, doc[end-room:]...), nil
}

// AppendQuote appends s as a JSON string. Invalid UTF-8 becomes U+FFFD.
func AppendQuote(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // the error only says that U+FFFD was put in
	return dst
}

// offset is where part, a slice of doc, begins.
func offset(doc, part []byte) int { return cap(doc) - cap(part) }

// nameStart finds the quote that opens the name of the member whose value starts at from.
func nameStart(doc []byte, from int) int {
	colon := bytes.LastIndexByte(doc[:from], ':')
	end := bytes.LastIndexByte(doc[:colon], '"')
	for i := end - 1; ; i-- {
		if doc[i] != '"' {
			continue
		}
		n := 0
		for j := i - 1; j >= 0 && doc[j] == '\\'; j-- {
			n++
		}
		if n%2 == 0 {
			return i
		}
	}
}
