package llm

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// However providers break their totals down, no token is lost and none is negative.
func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(-10, 1000)
		u := Usage{}
		u.N[InputText] = max(0, n.Draw(t, "input"))
		want := u.Input()
		for _, m := range []Meter{InputCacheRead, InputCacheWrite5m, InputAudio} {
			u.Split(InputText, m, n.Draw(t, m.String()))
		}
		if u.Input() != want {
			t.Fatalf("%d became %d: %+v", want, u.Input(), u)
		}
		for m, n := range u.N {
			if n < 0 {
				t.Fatalf("%s is %d", Meter(m), n)
			}
		}
	})
}

// A seal survives a foreign field, and what is not ours is left as it is.
func TestSeal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &Seal{Issuer: rapid.StringMatching(`[a-z-]{1,20}`).Draw(t, "issuer"), Data: rapid.String().Draw(t, "data")}
		if got := Unwrap(s.Wrap(), "other"); *got != *s {
			t.Fatalf("%+v became %+v", s, got)
		}
	})
	for _, text := range []string{"EqQBCg==", "tg1.", "tg1.x", "tg1.x.***", ""} {
		if got := Unwrap(text, "own"); got.Issuer != "own" || got.Data != text {
			t.Errorf("%q became %+v", text, got)
		}
	}
}

func TestExtLosses(t *testing.T) {
	x := Ext{OpenAIChat: jsontext.Value(`{"store":true,"logit_bias":{"1":2}}`), Gemini: jsontext.Value(`{"labels":{}}`)}
	var paths []string
	for _, l := range x.Losses(nil, Gemini, "messages.0") {
		paths = append(paths, l.Path)
		if l.Grave || l.Why == "" {
			t.Errorf("%+v", l)
		}
	}
	if diff := cmp.Diff([]string{"messages.0.store", "messages.0.logit_bias"}, paths); diff != "" {
		t.Error(diff)
	}
}

// A provider that refuses our key is not the client's 401; our own refusal is.
func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		err  Error
		want int
	}{
		{Error{Class: Credential, Status: 401, Dialect: OpenAIChat}, 502},
		{Error{Class: Credential, Status: 401}, 401},
		{Error{Class: RateLimited}, 429},
		{Error{Class: Overloaded, Status: 529}, 529},
		{Error{Class: Network, Status: 200}, 502},
		{Error{Class: Internal}, 500},
	} {
		if got := tt.err.HTTPStatus(); got != tt.want {
			t.Errorf("%+v: %d", tt.err, got)
		}
	}
	for c := BadRequest; c < NumClasses; c++ {
		if c.String() == "" || c.Status() < 400 {
			t.Errorf("class %d is %q, %d", c, c, c.Status())
		}
	}
	secret := errors.New("dial tcp 10.1.2.3: refused")
	if e := AsError(secret); e.Class != Internal || strings.Contains(e.Message, "10.1.2.3") || !errors.Is(e, secret) {
		t.Errorf("%+v", e)
	}
}

// What commits a stream (pitfall C2): the first thing that a caller would miss, and nothing before it.
func TestContent(t *testing.T) {
	for _, tt := range []struct {
		ev   Event
		want bool
	}{
		{Event{Kind: Start}, false}, {Event{Kind: Begin, Part: Text{}}, false}, {Event{Kind: Begin, Part: Thought{}}, false},
		{Event{Kind: Begin, Part: Call{}}, true}, {Event{Kind: Begin, Part: Media{}}, true}, {Event{Kind: Delta}, false},
		{Event{Kind: Delta, Delta: "x"}, true}, {Event{Kind: Metered}, false}, {Event{Kind: Done}, false}, {Event{Kind: Other}, false},
		{Event{Kind: Finish}, false}, {Event{Kind: Finish, Stop: Stop{Reason: StopEnd}}, true}, {Event{Kind: Finish, Stop: Stop{Raw: "odd"}}, true},
	} {
		if got := tt.ev.Content(); got != tt.want {
			t.Errorf("%+v: %v", tt.ev, got)
		}
	}
}
