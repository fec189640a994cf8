package gemini

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/rawjson"
)

// Gemini knows two schema languages. `parameters` and `responseSchema` are protobuf messages modelled on OpenAPI 3.0: type
// names in capitals or as numbers, nullable, 64-bit numbers as strings, and an unknown keyword is refused with "Unknown name".
// `parametersJsonSchema` and `responseJsonSchema` (in v1beta since mid-2025) take JSON Schema; keywords outside of a documented
// list are accepted and not enforced. The neutral model holds JSON Schema, so we read both and write the second.

// types are the words of Schema.type by number.
var types = []string{"", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"}

// fromOpenAPI turns a Schema message into JSON Schema. The order of members is kept.
func fromOpenAPI(schema []byte) jsontext.Value {
	var w rawjson.Writer
	openAPI(&w, schema)
	return jsontext.Value(w.B)
}

func openAPI(w *rawjson.Writer, schema []byte) {
	if len(schema) == 0 || schema[0] != '{' {
		w.Raw(schema) // additionalProperties: true, or nothing we know
		return
	}
	nullable := false
	_ = members(schema, func(name, value []byte) { nullable = nullable || string(name) == "nullable" && isTrue(value) })
	w.Open('{')
	_ = members(schema, func(name, value []byte) {
		switch string(name) {
		case "nullable":
		case "type":
			word := strings.ToLower(enum(value, types))
			if word == "type_unspecified" || word == "" {
				return
			}
			w.Name("type")
			if !nullable {
				w.String(word)
				return
			}
			w.Open('[')
			w.String(word)
			w.String("null")
			w.Close(']')
		case "properties", "defs", "$defs":
			w.Name(map[bool]string{true: "$defs", false: "properties"}[string(name) != "properties"])
			w.Open('{')
			_ = rawjson.Object(value, func(name, value []byte) bool {
				w.Name(string(name))
				openAPI(w, value)
				return true
			})
			w.Close('}')
		case "items", "additionalProperties":
			w.Name(string(name))
			openAPI(w, value)
		case "anyOf", "prefixItems":
			w.Name(string(name))
			w.Open('[')
			_ = list(value, func(_ int, item []byte) { openAPI(w, item) })
			w.Close(']')
		case "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties":
			w.Name(string(name))
			w.Raw(unquoted(value))
		case "ref":
			w.Name("$ref")
			w.Raw(value)
		case "example":
			w.Name("examples")
			w.Open('[')
			w.Raw(value)
			w.Close(']')
		default:
			w.Name(string(name))
			w.Raw(value)
		}
	})
	w.Close('}')
}

// compiler writes a JSON Schema so that Gemini enforces as much of it as it can. Its documentation of responseJsonSchema (seen
// 2026-11-24) lists $id, $defs, $ref, $anchor, type, format, title, description, enum (of strings and numbers), items,
// prefixItems, minItems, maxItems, minimum, maximum, anyOf, oneOf, properties, additionalProperties, required and
// propertyOrdering; a $ref may have no neighbours but those that begin with $. What can be said in those words is; other
// keywords stay as they are, since recorded requests with them (default, pattern, minLength, uniqueItems, $schema) were
// answered; exclusive bounds and discriminator, which other clients had to take out, are taken out and reported.
type compiler struct {
	w    rawjson.Writer
	lost []string // keywords taken out or weakened, in order, each once
}

// compile returns the schema itself when nothing in it needs to change.
func compile(schema jsontext.Value) (out jsontext.Value, lost []string) {
	if !needsCompiling(schema) {
		return schema, nil
	}
	var c compiler
	c.schema(schema)
	return jsontext.Value(c.w.B), c.lost
}

func needsCompiling(schema []byte) bool {
	for _, word := range [...]string{`"const"`, `"definitions"`, `"$ref"`, `"allOf"`, `"exclusiveM`, `"discriminator"`} {
		if bytes.Contains(schema, []byte(word)) {
			return true
		}
	}
	return false
}

func (c *compiler) lose(keyword string) {
	if !slices.Contains(c.lost, keyword) {
		c.lost = append(c.lost, keyword)
	}
}

func (c *compiler) schema(schema []byte) {
	if len(schema) == 0 || schema[0] != '{' {
		c.w.Raw(schema)
		return
	}
	c.w.Open('{')
	get := func(name string) []byte { return rawjson.Get(schema, name) }
	lonely := loneRef(schema)
	_ = rawjson.Object(schema, func(name, value []byte) bool {
		c.keyword(string(name), value, get, lonely)
		return true
	})
	c.w.Close('}')
}

// loneRef tells whether a schema has no neighbours of $ref that Gemini would refuse.
func loneRef(schema []byte) bool {
	lone := true
	_ = rawjson.Object(schema, func(name, _ []byte) bool {
		lone = lone && len(name) > 0 && name[0] == '$'
		return true
	})
	return lone
}

func (c *compiler) keyword(name string, value []byte, get func(string) []byte, loneRef bool) {
	w := &c.w
	switch name {
	case "properties", "$defs", "patternProperties", "dependentSchemas":
		c.named(name, value)
	case "definitions":
		if get("$defs") != nil {
			c.lose(name)
			return
		}
		c.named("$defs", value)
	case "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames":
		w.Name(name)
		if len(value) > 0 && value[0] == '[' { // draft-07 tuples
			c.many(value)
			return
		}
		c.schema(value)
	case "anyOf", "oneOf", "prefixItems":
		w.Name(name)
		c.many(value)
	case "allOf":
		// One alternative is the same as all of one.
		if n := length(value); n == 1 && get("anyOf") == nil && get("$ref") == nil {
			name = "anyOf"
		} else {
			c.lose("allOf")
		}
		w.Name(name)
		c.many(value)
	case "$ref":
		ref := []byte(strings.Replace(string(value), "#/definitions/", "#/$defs/", 1))
		if loneRef {
			w.Name("$ref")
			w.Raw(ref)
			return
		}
		if get("anyOf") != nil {
			c.lose("$ref")
			return
		}
		w.Name("anyOf")
		w.Open('[')
		w.Open('{')
		w.Name("$ref")
		w.Raw(ref)
		w.Close('}')
		w.Close(']')
	case "const":
		if kind := jsontext.Value(value).Kind(); get("enum") != nil || kind != '"' && kind != '0' {
			w.Name(name)
			w.Raw(value)
			return
		}
		w.Name("enum")
		w.Open('[')
		w.Raw(value)
		w.Close(']')
	case "exclusiveMinimum", "exclusiveMaximum":
		c.bound(name, value, get)
	case "discriminator":
		c.lose(name)
	default:
		w.Name(name)
		w.Raw(value)
	}
}

// bound writes an exclusive bound as an inclusive one: the next integer, or the same number, which is weaker.
func (c *compiler) bound(name string, value []byte, get func(string) []byte) {
	inclusive, step := "minimum", int64(1)
	if name == "exclusiveMaximum" {
		inclusive, step = "maximum", -1
	}
	if get(inclusive) != nil || jsontext.Value(value).Kind() != '0' { // draft-04 had a boolean here
		c.lose(name)
		return
	}
	c.w.Name(inclusive)
	if n, ok := rawjson.Int(value); ok && text(get("type")) == "integer" {
		c.w.Int(n + step)
		return
	}
	c.lose(name)
	c.w.Raw(value)
}

func (c *compiler) named(name string, value []byte) {
	c.w.Name(name)
	if len(value) == 0 || value[0] != '{' {
		c.w.Raw(value)
		return
	}
	c.w.Open('{')
	_ = rawjson.Object(value, func(name, value []byte) bool {
		c.w.Name(string(name))
		c.schema(value)
		return true
	})
	c.w.Close('}')
}

func (c *compiler) many(value []byte) {
	if len(value) == 0 || value[0] != '[' {
		c.w.Raw(value)
		return
	}
	c.w.Open('[')
	_ = rawjson.Array(value, func(_ int, item []byte) bool { c.schema(item); return true })
	c.w.Close(']')
}

func length(array []byte) (n int) {
	_ = rawjson.Array(array, func(int, []byte) bool { n++; return true })
	return n
}

// unenforced words a loss for keywords of a schema.
func unenforced(keywords []string) string {
	return "Gemini does not enforce " + strings.Join(keywords, ", ")
}
