package tenant

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tidegate/internal/llm"
)

func TestAdmit(t *testing.T) {
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	ci := &Key{ID: "ci"}
	old := &Key{ID: "old", Expires: now}
	fill := func(x *Index) *Index {
		x.With("configured-secret-1", ci)
		x.With("tg-old", old)
		return x
	}
	open, closed := fill(NewIndex([]byte("pepper"), true)), fill(NewIndex([]byte("pepper"), false))
	for _, tt := range []struct {
		name       string
		index      *Index
		credential string
		want       *Key
		code       string
	}{
		{"known, open", open, "configured-secret-1", ci, ""},
		{"known, required", closed, "configured-secret-1", ci, ""},
		{"none, open", open, "", Local, ""},
		{"none, required", closed, "", nil, "missing_api_key"},
		{"a vendor's, open", open, "sk-vendor", Local, ""},
		{"a vendor's, required", closed, "sk-vendor", nil, "invalid_api_key"},
		{"ours but wrong, open", open, "tg-wrong", nil, "invalid_api_key"},
		{"expired, open", open, "tg-old", nil, "expired_api_key"},
		{"expired, required", closed, "tg-old", nil, "expired_api_key"},
	} {
		key, err := tt.index.Admit(tt.credential, now)
		code := ""
		if err != nil {
			e := llm.AsError(err)
			code = e.Code
			if e.HTTPStatus() != 401 {
				t.Errorf("%s: status %d", tt.name, e.HTTPStatus())
			}
			if tt.credential != "" && strings.Contains(err.Error(), tt.credential) {
				t.Errorf("%s: the error repeats the credential", tt.name)
			}
		}
		if key != tt.want || code != tt.code {
			t.Errorf("%s: %v %q, want %v %q", tt.name, key, code, tt.want, tt.code)
		}
	}
	if dump := fmt.Sprintf("%v %+v", open, open.keys); strings.Contains(dump, "configured-secret-1") {
		t.Error("the index holds a secret in the clear")
	}
}

func TestAllows(t *testing.T) {
	for _, tt := range []struct {
		models       []string
		name, target string
		own          bool
		want         bool
	}{
		{nil, "gpt-4", "openai/gpt-4o", true, true},
		{[]string{}, "gpt-4", "openai/gpt-4o", true, false},
		{[]string{"gpt-4"}, "gpt-4", "openai/gpt-4o", true, true},
		{[]string{"gpt-4"}, "gpt-4", "anthropic/claude", false, false}, // a global fallback is not the name's own target
		{[]string{"gpt-4"}, "openai/gpt-4o", "openai/gpt-4o", true, false},
		{[]string{"openai/gpt-4o"}, "gpt-4", "openai/gpt-4o", false, true},
		{[]string{"openai/*"}, "x", "openai/gpt-4o", false, true},
		{[]string{"openrouter/*"}, "x", "openrouter/meta/llama", false, true},
		{[]string{"*"}, "x", "a/b/c", false, true},
		{[]string{"openai/gpt-4o*"}, "x", "openai/gpt-4.1", false, false},
	} {
		k := &Key{Models: tt.models}
		if got := k.Allows(tt.name, tt.target, tt.own); got != tt.want {
			t.Errorf("%v: %s through %s (own %v): %v", tt.models, tt.target, tt.name, tt.own, got)
		}
	}
}

func BenchmarkAdmit(b *testing.B) {
	x := NewIndex([]byte("0123456789abcdef0123456789abcdef"), false)
	x.With("tg-0123456789abcdef", Local)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.Admit("tg-0123456789abcdef", time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
}
