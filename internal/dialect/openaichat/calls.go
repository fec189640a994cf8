package openaichat

import (
	"slices"
	"strings"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// call is one tool call of a streamed choice.
type call struct {
	key      int64 // the upstream's index; noKey when it gave none
	id, name string
	custom   bool
	begun    bool
	ended    bool
	part     int
	held     string // arguments that came before the name
	args     bool   // there were some
	last     byte   // the last of them
}

const (
	noKey     = -1
	legacyKey = -2 // function_call
)

// callDelta is one element of a delta's tool_calls.
type callDelta struct {
	key            int64
	id, name, args string
	custom         bool
	seal           *llm.Seal
}

func readCallDelta(value []byte) callDelta {
	d := callDelta{key: noKey}
	var function, custom []byte
	kind := ""
	_ = rawjson.Object(value, func(name, v []byte) bool {
		switch string(name) {
		case "index":
			if n, ok := rawjson.Int(v); ok && n >= 0 {
				d.key = n
			}
		case "id":
			d.id, _ = rawjson.String(v)
		case "type":
			if string(v) == `"custom"` {
				kind = "custom"
			}
		case "function":
			function = v
		case "custom":
			custom = v
		case "extra_content":
			if s, ok := rawjson.String(rawjson.Get(v, "google", "thought_signature")); ok {
				d.seal = llm.Unwrap(s, "google")
			}
		}
		return true
	})
	if kind == "custom" || function == nil && custom != nil {
		function, d.custom = custom, true
	}
	var c llm.Call
	callBody(&c, function)
	d.name, d.args = c.Name, c.Args
	return d
}

// of finds the call that a delta belongs to; nil for a new one. Providers have been seen to use one index for several calls, to
// leave out index or id, and to repeat id and name with every delta.
func (d *callDelta) of(calls []*call) *call {
	if len(calls) == 0 {
		return nil
	}
	for _, c := range slices.Backward(calls) {
		switch {
		case d.key != noKey && c.key == d.key:
			if d.another(c) {
				return nil
			}
			return c
		case d.key == noKey && d.id != "" && c.id == d.id:
			return c
		}
	}
	last := calls[len(calls)-1]
	if d.key != noKey || d.id != "" && last.id != "" || d.another(last) || d.name != "" && last.args {
		return nil
	}
	return last
}

// another tells whether the delta begins a new call although its index is taken: it has a name, and either an id or a name that
// differs, or whole arguments after whole arguments.
func (d *callDelta) another(c *call) bool {
	if d.name == "" {
		return false
	}
	return d.id != "" && c.id != "" && d.id != c.id ||
		c.name != "" && d.name != c.name ||
		d.id == "" && c.last == '}' && strings.HasPrefix(d.args, "{")
}

func (c *choice) callDelta(dst []llm.Event, value []byte, reply string) []llm.Event {
	d := readCallDelta(value)
	return c.addCall(dst, &d, reply)
}

func (c *choice) legacyDelta(dst []llm.Event, value []byte, reply string) []llm.Event {
	var whole llm.Call
	callBody(&whole, value)
	d := callDelta{key: legacyKey, name: whole.Name, args: whole.Args}
	if d.name == "" && len(c.calls) == 0 {
		return dst
	}
	return c.addCall(dst, &d, reply)
}

func (c *choice) addCall(dst []llm.Event, d *callDelta, reply string) []llm.Event {
	it := d.of(c.calls)
	if it == nil {
		if d.id == "" && d.name == "" && d.args == "" {
			return dst
		}
		dst = c.close(dst)
		dst = c.taken(dst, d.key)
		it = &call{key: d.key, custom: d.custom}
		c.calls = append(c.calls, it)
	}
	if it.id == "" {
		it.id = d.id
	}
	if it.name == "" {
		it.name = d.name
	}
	if !it.begun && it.name != "" {
		dst = c.beginCall(dst, it, len(c.calls)-1, reply)
	}
	if d.args != "" {
		it.args, it.last = true, d.args[len(d.args)-1]
		if !it.begun {
			it.held += d.args
		} else {
			e := c.event(llm.Delta, it.part)
			e.Delta = d.args
			dst = append(dst, e)
		}
	}
	if d.seal != nil && it.begun {
		e := c.event(llm.Sealed, it.part)
		e.Seal = d.seal
		dst = append(dst, e)
	}
	return dst
}

// taken ends the call whose index a new one takes over.
func (c *choice) taken(dst []llm.Event, key int64) []llm.Event {
	for _, it := range c.calls {
		if key != noKey && it.key == key && it.begun && !it.ended {
			it.ended = true
			dst = append(dst, c.event(llm.End, it.part))
		}
	}
	return dst
}

// beginCall says who is called, once that is known, and what was held back until then.
func (c *choice) beginCall(dst []llm.Event, it *call, n int, reply string) []llm.Event {
	it.begun = true
	if it.id == "" {
		it.id = madeID(reply, c.index, n)
	}
	dst, it.part = c.begin(dst, llm.Call{ID: it.id, Name: it.name, Custom: it.custom})
	if it.held != "" {
		e := c.event(llm.Delta, it.part)
		e.Delta = it.held
		dst = append(dst, e)
		it.held = ""
	}
	return dst
}
