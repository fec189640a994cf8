package openaichat

import (
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// writer appends JSON, and what was kept for this dialect.
type writer struct{ rawjson.Writer }

// ext writes the members that were kept for this dialect, except those that have a place of their own.
func (w *writer) ext(x llm.Ext, except ...string) {
	w.Rest(x[own], except...)
}

// memberOf is what was kept inside one member of the object; nil for nothing.
func memberOf(x llm.Ext, name string) llm.Ext {
	if rest := rawjson.Get(x[own], name); rest != nil {
		return llm.Ext{own: rest}
	}
	return nil
}
