package anthropic

import (
	"strconv"
	"strings"

	"tidegate/internal/rawjson"
)

// What the vendor refuses of the schemas that it compiles, as recorded: "Too many strict tools (21). The maximum number of strict
// tools supported is 20", "Schemas contains too many parameters with union types (… limit: 16 …)", "Circular reference detected in
// schema definitions", and a property that may be anything.
const (
	maxStrict = 20
	maxUnions = 16
)

// lax says why a tool cannot be strict; "" when it can, and is then counted.
func (e *encoder) lax(schema []byte) string {
	unions, anything := measure(schema)
	switch {
	case !e.traits.schema:
		return "the model does not support strict tools"
	case e.strict == maxStrict:
		return "no more than " + strconv.Itoa(maxStrict) + " tools can be strict"
	case e.unions+unions > maxUnions:
		return "no more than " + strconv.Itoa(maxUnions) + " parameters of strict tools can have several types"
	case anything:
		return "a strict tool cannot have a parameter that may be anything"
	case circular(schema):
		return "a strict tool cannot have a schema that refers to itself"
	}
	e.strict++
	e.unions += unions
	return ""
}

// each calls f for the schemas right inside of one, with the keyword that they are in.
func each(schema []byte, f func(keyword string, inner []byte)) {
	_ = rawjson.Object(schema, func(name, v []byte) bool {
		switch keyword := string(name); keyword {
		case "properties", "$defs", "definitions":
			_ = rawjson.Object(v, func(_, inner []byte) bool { f(keyword, inner); return true })
		case "anyOf", "oneOf", "allOf", "prefixItems":
			_ = rawjson.Array(v, func(_ int, inner []byte) bool { f(keyword, inner); return true })
		case "items", "not", "contains":
			f(keyword, v)
		}
		return true
	})
}

// measure counts the parameters of several types, and tells whether one may be anything at all.
func measure(schema []byte) (unions int, anything bool) {
	_ = rawjson.Object(schema, func(name, v []byte) bool {
		if n := string(name); n == "anyOf" || n == "oneOf" || n == "type" && len(v) > 0 && v[0] == '[' {
			unions++
		}
		return true
	})
	each(schema, func(keyword string, inner []byte) {
		n, free := measure(inner)
		unions += n
		anything = anything || free || string(inner) == "true" || keyword == "properties" && strings.TrimSpace(string(inner)) == "{}"
	})
	return unions, anything
}

// circular tells whether a definition leads back to itself, or to the whole.
func circular(schema []byte) bool {
	defs := map[string][]byte{"#": schema}
	for _, member := range [...]string{"$defs", "definitions"} {
		_ = rawjson.Object(rawjson.Get(schema, member), func(name, v []byte) bool {
			defs["#/"+member+"/"+string(name)] = v
			return true
		})
	}
	const (
		open = 1
		done = 2
	)
	state := map[string]int{}
	var visit func(ref string) bool
	var walk func(s []byte) bool
	walk = func(s []byte) (found bool) {
		if ref, ok := rawjson.String(rawjson.Get(s, "$ref")); ok && visit(ref) {
			return true
		}
		each(s, func(keyword string, inner []byte) {
			if keyword != "$defs" && keyword != "definitions" { // those count where they are used
				found = found || walk(inner)
			}
		})
		return found
	}
	visit = func(ref string) bool {
		def, known := defs[ref]
		if !known || state[ref] == done {
			return false
		}
		if state[ref] == open {
			return true
		}
		state[ref] = open
		found := walk(def)
		state[ref] = done
		return found
	}
	return visit("#")
}

// flatten takes the unions off the top of a tool's schema ("input_schema does not support oneOf, allOf, or anyOf at the top level",
// anthropics/claude-code issue 40075): what they say goes into the description, where the model reads it, and the properties of
// their alternatives become properties of the whole. It names the keywords that it took; "" for none.
func flatten(schema []byte) (flat []byte, taken string) {
	var names, notes []string
	var description string
	properties := map[string]bool{}
	var w, props writer
	props.Open('{')
	add := func(s []byte) {
		_ = rawjson.Object(rawjson.Get(s, "properties"), func(name, v []byte) bool {
			if !properties[string(name)] {
				properties[string(name)] = true
				props.Name(string(name)).Raw(v)
			}
			return true
		})
	}
	add(schema)
	w.Open('{')
	_ = rawjson.Object(schema, func(name, v []byte) bool {
		switch n := string(name); n {
		case "oneOf", "anyOf", "allOf":
			names, notes = append(names, n), append(notes, n+": "+string(v))
			_ = rawjson.Array(v, func(_ int, inner []byte) bool { add(inner); return true })
		case "description":
			description, _ = rawjson.String(v)
		case "properties":
		default:
			w.Name(n).Raw(v)
		}
		return true
	})
	if len(names) == 0 {
		return schema, ""
	}
	props.Close('}')
	w.Name("properties").Raw(props.B)
	w.Member("description", strings.TrimSpace(description+" {"+strings.Join(notes, ", ")+"}"))
	w.Close('}')
	return w.B, strings.Join(names, ", ")
}
