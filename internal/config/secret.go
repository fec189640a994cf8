package config

import (
	"log/slog"
	"unique"
)

const mask = "•••"

// Secret is text that must not be seen: whatever prints it, prints three dots. Two secrets are equal (==) when their texts
// are. The zero value is "not given".
//
// It holds a handle and not the text, since fmt does not call the methods of what sits in an unexported field.
type Secret struct{ h unique.Handle[string] }

// NewSecret hides text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{unique.Make(text)}
}

// Reveal is the text. Every use of it is a place to check.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return s.h.Value()
}

// IsZero tells whether there is no secret.
func (s Secret) IsZero() bool { return s == Secret{} }

// Equal is ==, for go-cmp.
func (s Secret) Equal(t Secret) bool { return s == t }

func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return mask
}

// GoString is String: %#v shows no more than %v.
func (s Secret) GoString() string { return s.String() }

// LogValue is String, for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String, for JSON and every other encoding.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
