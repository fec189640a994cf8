package config

import (
	"github.com/go-json-experiment/json/jsontext"
)

// Size is a number of bytes.
type Size int64

// Ratio is a share: 0.05 is 5 %.
type Ratio float64

// Ref names an upstream model: the provider's name in this file or in the catalogue, and the model as the provider calls it.
type Ref struct{ Provider, Model string }

func (r Ref) String() string { return r.Provider + "/" + r.Model }

// Threshold is a number that is money for some alerts and a share for others.
type Threshold struct {
	Nano int64 // billionths: of a dollar, or of the whole
	Unit string // "$", "%" or "" when the file gives a bare number
}

// Raw is a part of the file that somebody else understands, as JSON.
type Raw struct {
	value jsontext.Value // nil when there is none
	shown jsontext.Value // with variables as written
}

// Reveal is the JSON object, or nil when there is none.
func (r Raw) Reveal() jsontext.Value { return r.value }
