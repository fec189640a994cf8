package gemini

import (
	"strconv"
	"strings"

	"tidegate/internal/rawjson"
)

// pieceTree assembles arguments that come in pieces: FunctionCall.partialArgs, each with a JSON path and a value, strings
// possibly in several parts (Vertex AI v1beta1, seen 2026-11-24).
type pieceTree struct{ root node }

// node is one value. Objects keep the order in which their members came.
type node struct {
	kind  byte // 0 nothing yet, 'o' object, 'a' array, 's' string, 'v' any other value
	names []string
	kids  []*node
	text  strings.Builder // of a string, or the raw value
}

// maxItems bounds array indexes, which a broken upstream could make enormous.
const maxItems = 10_000

func (t *pieceTree) add(partialArgs []byte) {
	_ = rawjson.Array(partialArgs, func(_ int, item []byte) bool {
		var n *node
		_ = members(item, func(name, value []byte) {
			if string(name) == "jsonPath" {
				n = t.at(text(value))
			}
		})
		if n == nil {
			return true
		}
		_ = rawjson.Object(item, func(name, value []byte) bool { n.set(string(camel(name)), value); return true })
		return true
	})
}

func (n *node) set(name string, value []byte) {
	switch name {
	case "stringValue":
		n.kind = 's'
		n.text.WriteString(text(value))
	case "numberValue", "boolValue":
		n.kind = 'v'
		n.text.Reset()
		n.text.Write(unquoted(value))
	case "nullValue":
		n.kind = 'v'
		n.text.Reset()
		n.text.WriteString("null")
	}
}

// at walks $.name['name'][3] and makes what is not there; nil for a path that is not understood.
func (t *pieceTree) at(path string) *node {
	rest, ok := strings.CutPrefix(path, "$")
	n := &t.root
	for ok && rest != "" && n != nil {
		switch {
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			n, rest = n.member(rest[1:1+end]), rest[1+end:]
		case strings.HasPrefix(rest, "['") || strings.HasPrefix(rest, `["`):
			end := strings.Index(rest[2:], rest[1:2]+"]")
			if end < 0 {
				return nil
			}
			n, rest = n.member(rest[2:2+end]), rest[2+end+2:]
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return nil
			}
			i, err := strconv.Atoi(rest[1:end])
			if err != nil || i < 0 || i > maxItems {
				return nil
			}
			n, rest = n.item(i), rest[end+1:]
		default:
			return nil
		}
	}
	if !ok {
		return nil
	}
	return n
}

func (n *node) member(name string) *node {
	if n.kind != 0 && n.kind != 'o' {
		return nil
	}
	n.kind = 'o'
	for i, have := range n.names {
		if have == name {
			return n.kids[i]
		}
	}
	kid := new(node)
	n.names, n.kids = append(n.names, name), append(n.kids, kid)
	return kid
}

func (n *node) item(i int) *node {
	if n.kind != 0 && n.kind != 'a' {
		return nil
	}
	n.kind = 'a'
	for len(n.kids) <= i {
		n.kids = append(n.kids, new(node))
	}
	return n.kids[i]
}

// json writes what has come.
func (t *pieceTree) json() string {
	if t.root.kind == 0 {
		return "{}"
	}
	var w rawjson.Writer
	t.root.write(&w)
	return string(w.B)
}

func (n *node) write(w *rawjson.Writer) {
	switch n.kind {
	case 'o':
		w.Open('{')
		for i, kid := range n.kids {
			w.Name(n.names[i])
			kid.write(w)
		}
		w.Close('}')
	case 'a':
		w.Open('[')
		for _, kid := range n.kids {
			kid.write(w)
		}
		w.Close(']')
	case 's':
		w.String(n.text.String())
	case 'v':
		w.Raw([]byte(n.text.String()))
	default:
		w.Raw([]byte("null"))
	}
}
