package provider

import (
	"encoding/base64"
	"net/url"
	"strings"

	"tidegate/internal/llm"
)

// shortest is how long a text must be to be taken for a secret: shorter ones also occur in harmless words.
const shortest = 8

// redactor finds what must not be seen of an upstream, in the ways in which errors have been seen to quote it: as it is,
// escaped for JSON and URLs, and in base64. Without such secrets it is nil.
func redactor(credentials []Credential, header map[string]string) *strings.Replacer {
	var pairs []string
	add := func(secret string) {
		if len(secret) < shortest {
			return
		}
		raw := []byte(secret)
		for _, form := range []string{
			secret, strings.ReplaceAll(secret, "/", `\/`), url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString(raw),
			base64.RawStdEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
		} {
			pairs = append(pairs, form, "•••")
		}
	}
	for _, c := range credentials {
		add(c.Key)
	}
	for _, value := range header {
		add(value)
		if _, rest, ok := strings.Cut(value, " "); ok { // a scheme before it
			add(rest)
		}
	}
	if pairs == nil {
		return nil
	}
	return strings.NewReplacer(pairs...)
}

// Redact takes the upstream's credentials, and the values of headers that the configuration gives it, out of all that an
// error says (pitfall K1).
func (u *Upstream) Redact(e *llm.Error) {
	if u.secrets == nil {
		return
	}
	for _, text := range []*string{&e.Message, &e.Code, &e.Kind, &e.Param} {
		*text = u.secrets.Replace(*text)
	}
	if len(e.Raw) > 0 {
		e.Raw = []byte(u.secrets.Replace(string(e.Raw)))
	}
}
