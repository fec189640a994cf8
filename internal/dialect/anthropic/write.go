package anthropic

import (
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// writer appends JSON, and what was kept for this dialect.
type writer struct{ rawjson.Writer }

// ext writes our own kept members, except those that the caller writes itself.
func (w *writer) ext(x llm.Ext, except func(name string) bool) {
	raw := x[own]
	if len(raw) == 0 {
		return
	}
	// What is in an Ext was an object when it was kept; a user's own extra fields are checked where they come in.
	_ = rawjson.Object(raw, func(name, value []byte) bool {
		if except == nil || !except(string(name)) {
			w.Name(string(name)).Raw(value)
		}
		return true
	})
}
