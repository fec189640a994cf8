package openaichat

import (
	"tidegate/internal/rawjson"
)

// strict tells whether a schema can be held to as strictly as was asked. OpenAI refuses to where it could be met in several ways:
// every object must be closed and every property required, and some keywords are unknown (structured outputs guide, 2026-11:
// "Supported schemas"). Other vendors are not so strict about schemas, and nor are OpenAI's imitators.
func (e *encoder) strict(asked bool, schema []byte, path string) bool {
	if asked && e.to.Issuer == "openai" && !closed(schema) {
		e.lose(false, path+".strict", "OpenAI holds to schemas only whose objects are closed and have no optional properties")
		return false
	}
	return asked
}

// closed tells whether a schema, and all in it, is one that OpenAI can be strict about.
func closed(schema []byte) bool {
	if len(schema) == 0 || schema[0] != '{' {
		return false
	}
	var properties, required [][]byte
	object, shut, known := false, false, true
	_ = rawjson.Object(schema, func(name, v []byte) bool {
		switch string(name) {
		case "type":
			kind, _ := rawjson.String(v)
			object = kind == "object"
		case "additionalProperties":
			shut = string(v) == "false"
		case "required":
			_ = rawjson.Array(v, func(_ int, name []byte) bool { required = append(required, name); return true })
		case "properties":
			_ = rawjson.Object(v, func(_, inner []byte) bool {
				properties = append(properties, inner)
				known = known && closed(inner)
				return true
			})
		case "$defs", "definitions":
			_ = rawjson.Object(v, func(_, inner []byte) bool { known = known && closed(inner); return true })
		case "items":
			known = known && closed(v)
		case "anyOf":
			_ = rawjson.Array(v, func(_ int, inner []byte) bool { known = known && closed(inner); return true })
		case "oneOf", "allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties":
			known = false
		}
		return known
	})
	return known && (!object || shut && len(required) == len(properties))
}
