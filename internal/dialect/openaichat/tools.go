package openaichat

import (
	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

func (d *request) tools(value []byte) {
	err := rawjson.Array(value, func(i int, v []byte) bool {
		d.tool(at("tools", i), v)
		return d.err == nil
	})
	if err != nil {
		d.fail(wrongType("tools", "an array"))
	}
}

// functions are tools as they were until 2023.
func (d *request) functions(value []byte) {
	err := rawjson.Array(value, func(i int, v []byte) bool {
		var t llm.Tool
		var rest extra
		d.function(&t, &rest, at("functions", i), v)
		t.Ext = rest.ext()
		d.chat.Tools = append(d.chat.Tools, t)
		return d.err == nil
	})
	if err != nil {
		d.fail(wrongType("functions", "an array"))
	}
}

// tool reads one tool. Members of its inner object that have no word are kept under that object's name.
func (d *request) tool(path string, value []byte) {
	t := llm.Tool{From: own}
	var kind, inner []byte
	var rest, innerRest extra
	err := rawjson.Object(value, func(name, v []byte) bool {
		switch string(name) {
		case "type":
			kind = v
		case "function", "custom":
			inner = v
		case "cache_control":
			t.Mark = d.mark(path, v)
		default:
			rest.add(name, v)
		}
		return true
	})
	if err != nil {
		d.fail(wrongType(path, "an object"))
		return
	}
	word, _ := rawjson.String(kind)
	switch word {
	case "function", "":
		t.From = ""
		if inner == nil { // flat, as in the Responses API; some clients mix the two up
			rest, inner = extra{}, value
		}
		d.function(&t, &innerRest, path, inner)
	case "custom":
		t.From, t.Kind = "", "custom"
		d.function(&t, &innerRest, path, inner)
	default:
		t.Kind, t.Name, t.Raw = word, word, value
		d.chat.Tools = append(d.chat.Tools, t)
		return
	}
	if innerRest.raw != nil {
		name := word
		if name == "" {
			name = "function"
		}
		rest.add([]byte(name), innerRest.raw)
	}
	t.Ext = rest.ext()
	d.chat.Tools = append(d.chat.Tools, t)
}

func (d *request) function(t *llm.Tool, rest *extra, path string, value []byte) {
	err := rawjson.Object(value, func(name, v []byte) bool {
		if rawjson.IsNull(v) {
			return true
		}
		switch string(name) {
		case "name":
			t.Name = d.str(path+".name", v)
		case "description":
			t.Description = d.str(path+".description", v)
		case "parameters":
			t.Schema = jsontext.Value(v)
		case "strict":
			t.Strict = new(d.bool(path+".strict", v))
		case "cache_control":
			t.Mark = d.mark(path, v)
		case "type":
		default:
			rest.add(name, v)
		}
		return true
	})
	if err != nil || t.Name == "" {
		d.fail(badRequest(path, "invalid_value", path+" must be an object with a name"))
	}
}

// toolChoice reads tool_choice, and function_call before it. A form that is not known is kept whole.
func (d *request) toolChoice(param string, value []byte) {
	c := &d.chat.Choice
	if word, ok := rawjson.String(value); ok {
		switch word {
		case "auto":
			c.Mode = llm.ToolAuto
		case "none":
			c.Mode = llm.ToolNone
		case "required", "any":
			c.Mode = llm.ToolAny
		default:
			d.keep([]byte(param), value, true)
		}
		return
	}
	if param == "function_call" {
		c.Mode, c.Name = llm.ToolThis, d.str(param+".name", rawjson.Get(value, "name"))
		return
	}
	kind, _ := rawjson.String(rawjson.Get(value, "type"))
	name := rawjson.Get(value, "function", "name")
	if kind == "custom" {
		name = rawjson.Get(value, "custom", "name")
	}
	allowed := rawjson.Get(value, "allowed_tools")
	switch {
	case name != nil:
		c.Mode, c.Name = llm.ToolThis, d.str(param+".name", name)
	case kind == "allowed_tools" && allowed != nil:
		d.allowedTools(value, allowed)
	default:
		d.keep([]byte(param), value, true)
	}
}

// allowedTools keeps the choice whole when it names tools that are not functions.
func (d *request) allowedTools(value, allowed []byte) {
	c := &d.chat.Choice
	switch mode, _ := rawjson.String(rawjson.Get(allowed, "mode")); mode {
	case "required":
		c.Mode = llm.ToolAny
	default:
		c.Mode = llm.ToolAuto
	}
	whole := true
	_ = rawjson.Array(rawjson.Get(allowed, "tools"), func(_ int, v []byte) bool {
		name, ok := rawjson.String(rawjson.Get(v, "function", "name"))
		if ok {
			c.Allowed = append(c.Allowed, name)
		}
		whole = whole && ok
		return true
	})
	if !whole {
		d.keep([]byte("tool_choice"), value, true)
	}
}
