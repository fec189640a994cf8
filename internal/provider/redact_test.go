package provider

import (
	"encoding/base64"
	"net/url"
	"testing"

	"tidegate/internal/llm"
)

func TestRedact(t *testing.T) {
	const key, second, header = "sk-1/2+3==abc", "other-key/é", "Basic user:pa/ss"
	u, err := New(Row{Name: "x", BaseURL: "https://x.test"}, Options{
		Name: "x", Credentials: []Credential{{Key: key}, {Key: second}}, Header: map[string]string{"X-Auth": header, "X-Short": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{
		key, second, header, "user:pa/ss", `sk-1\/2+3==abc`, url.QueryEscape(key), url.PathEscape(second),
		base64.StdEncoding.EncodeToString([]byte(key)), base64.RawURLEncoding.EncodeToString([]byte(second)),
	} {
		text := "1 bad " + form + "!"
		e := &llm.Error{Message: text, Code: text, Kind: text, Param: text, Raw: []byte(text)}
		u.Redact(e)
		for _, got := range []string{e.Message, e.Code, e.Kind, e.Param, string(e.Raw)} {
			if got != "1 bad •••!" {
				t.Errorf("%s: %q", form, got)
			}
		}
	}
	plain, err := New(Row{Name: "x", BaseURL: "https://x.test"}, Options{Credentials: []Credential{{Key: "short"}}})
	if err != nil {
		t.Fatal(err)
	}
	e := &llm.Error{Message: "short of breath"}
	if plain.Redact(e); e.Message != "short of breath" {
		t.Errorf("%q", e.Message)
	}
}
