package anthropic

import (
	"slices"
	"strings"

	"tidegate/internal/rawjson"
)

// compile makes a JSON Schema acceptable for structured outputs: objects must be closed, and some constraints are refused
// (structured outputs page, 2026-11). As the vendor's SDKs do, objects are closed and the constraints move into the
// description, where the model reads them. A schema that needs nothing keeps every byte.
func (e *encoder) compile(schema []byte, path string) []byte {
	c := compiler{}
	out := c.schema(schema)
	if len(c.moved) > 0 {
		e.lose(path, "not enforced but described: "+strings.Join(c.moved, ", "))
	}
	if !c.changed {
		return schema
	}
	return out
}

type compiler struct {
	changed bool
	moved   []string // the constraints, each once
}

// refused are the keywords that the vendor does not take.
func refusedKeyword(name string, v []byte) bool {
	switch name {
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
		"minLength", "maxLength", "maxItems", "uniqueItems", "minProperties", "maxProperties":
		return true
	case "minItems":
		n, ok := rawjson.Int(v)
		return !ok || n > 1
	}
	return false
}

// schema rewrites one schema and those in it. Whatever is not a schema is copied.
func (c *compiler) schema(schema []byte) []byte {
	if len(schema) == 0 || schema[0] != '{' {
		return schema
	}
	var w writer
	var notes []string
	var description string
	object, closed := false, false
	w.Open('{')
	_ = rawjson.Object(schema, func(name, v []byte) bool {
		n := string(name)
		switch {
		case refusedKeyword(n, v):
			c.move(n)
			notes = append(notes, n+": "+string(v))
			return true
		case n == "description":
			if s, ok := rawjson.String(v); ok {
				description = s
				return true
			}
		case n == "type":
			object = strings.Contains(string(v), `"object"`)
		case n == "additionalProperties":
			closed = true
			if string(v) != "false" {
				c.move(n)
				v = []byte("false")
			}
		case (n == "oneOf" || n == "allOf" && alone(v)) && rawjson.Get(schema, "anyOf") == nil:
			name, c.changed = []byte("anyOf"), true
		}
		w.Name(string(name)).Raw(c.value(n, v))
		return true
	})
	if object && !closed {
		c.changed = true
		w.Name("additionalProperties").Bool(false)
	}
	if len(notes) > 0 {
		description = strings.TrimSpace(description + " {" + strings.Join(notes, ", ") + "}")
	}
	if description != "" {
		w.Member("description", description)
	}
	w.Close('}')
	return w.B
}

// alone tells whether a list has one element: then all of it is the same as any of it, and a $ref may be in it.
func alone(list []byte) bool {
	n := 0
	_ = rawjson.Array(list, func(int, []byte) bool { n++; return true })
	return n == 1
}

func (c *compiler) move(keyword string) {
	c.changed = true
	if !slices.Contains(c.moved, keyword) {
		c.moved = append(c.moved, keyword)
	}
}

// value rewrites the schemas inside a keyword's value.
func (c *compiler) value(keyword string, v []byte) []byte {
	var w writer
	switch keyword {
	case "properties", "$defs", "definitions":
		if len(v) == 0 || v[0] != '{' {
			return v
		}
		w.Open('{')
		_ = rawjson.Object(v, func(name, v []byte) bool {
			w.Name(string(name)).Raw(c.schema(v))
			return true
		})
		w.Close('}')
		return w.B
	case "anyOf", "allOf", "oneOf", "prefixItems":
		if len(v) == 0 || v[0] != '[' {
			return v
		}
		w.Open('[')
		_ = rawjson.Array(v, func(_ int, v []byte) bool {
			w.Raw(c.schema(v))
			return true
		})
		w.Close(']')
		return w.B
	case "items", "not", "contains":
		return c.schema(v)
	}
	return v
}
