package dialect

import (
	"tidegate/internal/dialect/anthropic"
	"tidegate/internal/dialect/gemini"
	"tidegate/internal/dialect/openaichat"
	"tidegate/internal/llm"
)

// all is the list: a new dialect is a package and a line here.
var all = [...]Codec{
	openaichat.Codec{},
	anthropic.Codec{},
	gemini.Codec{},
}

// For returns the codec of a dialect.
func For(d llm.Dialect) (Codec, bool) {
	for _, c := range all {
		if c.Dialect() == d {
			return c, true
		}
	}
	return nil, false
}
