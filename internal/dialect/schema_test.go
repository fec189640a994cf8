package dialect_test

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
)

// schema is a JSON Schema in one spelling. The codecs may write a schema in other words that mean the same, so those are made
// equal: const and an enum of one; definitions and $defs; a $ref among other keywords and anyOf of it alone; allOf and anyOf of
// one; the exclusive bound of integers and the next one. Anthropic closes every object and knows oneOf as anyOf; whoever takes no
// schema takes one without properties. Whatever else differs must be a loss.
func (v *view) schema(schema jsontext.Value) string {
	var doc any
	d := json.NewDecoder(bytes.NewReader(schema))
	d.UseNumber()
	if d.Decode(&doc) != nil {
		doc = nil
	}
	if root, ok := doc.(map[string]any); ok {
		if _, said := root["type"]; !said && v.target == llm.Anthropic {
			root["type"] = "object"
		}
		if props, ok := root["properties"].(map[string]any); ok && len(props) == 0 && root["type"] == "object" && len(root) == 2 {
			doc = nil
		}
	}
	if doc == nil {
		return ""
	}
	out, err := json.Marshal(v.inOneSpelling(doc))
	if err != nil {
		return err.Error()
	}
	return canonical(out)
}

func (v *view) inOneSpelling(doc any) any {
	s, ok := doc.(map[string]any)
	if !ok {
		return doc
	}
	out := map[string]any{}
	ref := ""
	for name, value := range s {
		switch name {
		case "properties", "$defs", "definitions", "patternProperties", "dependentSchemas":
			if name == "definitions" {
				name = "$defs"
			}
			if named, ok := value.(map[string]any); ok {
				all := map[string]any{}
				for k, inner := range named {
					all[k] = v.inOneSpelling(inner)
				}
				value = all
			}
		case "items", "additionalProperties", "not", "contains", "if", "then", "else", "propertyNames":
			value = v.inOneSpelling(value)
		case "anyOf", "allOf", "oneOf", "prefixItems":
			list, _ := value.([]any)
			all := make([]any, len(list))
			for i, inner := range list {
				all[i] = v.inOneSpelling(inner)
			}
			if name == "allOf" && len(list) == 1 || name == "oneOf" && v.target == llm.Anthropic {
				name = "anyOf"
			}
			value = all
		case "const":
			switch value.(type) {
			case string, json.Number:
				name, value = "enum", []any{value}
			}
		case "$ref":
			ref, _ = value.(string)
			ref = strings.Replace(ref, "#/definitions/", "#/$defs/", 1)
			continue
		case "exclusiveMinimum", "exclusiveMaximum":
			if n, ok := value.(json.Number); ok && s["type"] == "integer" {
				whole, err := n.Int64()
				step := map[string]int64{"exclusiveMinimum": 1, "exclusiveMaximum": -1}[name]
				if err == nil {
					name, value = strings.ToLower(strings.TrimPrefix(name, "exclusive")), whole+step
				}
			}
		}
		out[name] = value
	}
	switch {
	case ref == "":
	case len(out) == 0:
		out["$ref"] = ref
	default:
		out["anyOf"] = append([]any{map[string]any{"$ref": ref}}, list(out["anyOf"])...)
	}
	if _, closed := out["additionalProperties"]; !closed && v.target == llm.Anthropic && out["type"] == "object" {
		out["additionalProperties"] = false
	}
	return out
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}
