package config

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

const canary = "canary-5f2d1c"

const canaryDoc = `
providers:
  openai:
    api_key: "${CANARY}"
    api_keys: [ "${CANARY}2" ]
    headers: { X-Secret: "${CANARY}" }
    extra_body: { from_env: "${CANARY}", api_key: canary-5f2d1c, nested: [ { password: canary-5f2d1c, token: 1 } ], plain: shown }
notifications:
  slack: { url: "https://hooks/${CANARY}" }
  email: { smtp: "smtp://u:${CANARY}@h", to: x }
  pagerduty: { routing_key: "${CANARY}" }
  webhook: { url: "https://${CANARY}", secret: "${CANARY}" }
guardrails:
  - { name: judge, type: webhook, url: "https://${CANARY}", secret: canary-5f2d1c }
keys:
  - { name: k, key: "${CANARY}-0123456789" }
`

// Whatever prints a config, or a part of it, prints no secret; also from where fmt cannot call methods.
func TestSecretsAreNeverPrinted(t *testing.T) {
	c, _ := parse(t, canaryDoc, map[string]string{"CANARY": canary})
	hidden := struct{ s any }{c.Providers[0]}
	unexported := struct {
		s Secret
		p Provider
		r Raw
	}{c.Keys[0].Key, c.Providers[0], c.Guardrails[0].Settings}
	var out bytes.Buffer
	for _, v := range []any{
		c, *c, c.Providers, c.Providers[0], c.Providers[0].APIKey, &c.Providers[0].APIKey, c.Providers[0].ExtraBody, c.Keys, c.Keys[0],
		c.Guardrails[0], c.Notifications, *c.Notifications.Email, hidden, unexported, []any{c.Keys[0].Key}, c.Providers[0].Headers,
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
		if b, err := stdjson.Marshal(v); err == nil {
			out.Write(b)
		}
	}
	out.Write(c.Redacted())
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]")} {
		if strings.Contains(out.String(), form) {
			t.Errorf("%q is printed", form)
		}
	}
	if shown := string(c.Redacted()); !strings.Contains(shown, mask) || !strings.Contains(shown, `"from_env":"${CANARY}","api_key":"•••","nested":[{"password":"•••","token":"•••"}],"plain":"shown"`) {
		t.Error(shown)
	}
	if got := string(c.Providers[0].ExtraBody.Reveal()); got != `{"from_env":"canary-5f2d1c","api_key":"canary-5f2d1c","nested":[{"password":"canary-5f2d1c","token":1}],"plain":"shown"}` {
		t.Error(got)
	}
}

// Errors quote what the file says, and then neither secrets nor values of variables.
func TestSecretsAreNotInErrors(t *testing.T) {
	_, warnings, err := loader(map[string]string{"CANARY": canary, "LINES": canary + "\n" + canary, "SLIP": "opnai"}).Parse("t.yaml", []byte(`
listen: "${CANARY}"
data: ["canary-5f2d1c"]
auth: "${CANARY}"
server: { max_body: "${CANARY}", heartbeat: "${CANARY}" }
routing: { default_provider: "p", fallbacks: "canary-5f2d1c", rules: [ { if: a, use: "${SLIP}" }, { if: b, use: "${CANARY}" } ] }
providers:
  openai: { api_key: "a${LINES}", api_keys: "canary-5f2d1c", base_url: "http://u:canary-5f2d1c@h", timeout: "canary-5f2d1c" }
  other: { type: "${CANARY}" }
  mistral: { api_key: [canary-5f2d1c], headers: { A: { b: canary-5f2d1c } }, apikey: canary-5f2d1c, api_key: canary-5f2d1c }
keys: [ canary-5f2d1c, { name: a, key: canary }, { name: b, key: "canary-5f2d1c${NONE}" }, { name: c, key: "canary-5f2d1c canary-5f2d1c" } ]
prices: [ { model: m, input: "${CANARY}" } ]
models: { m: { strategy: "${CANARY}", targets: [ { model: "${CANARY}" }, { model: "${CANARY}/x" } ] } }
alerts: [ { type: "${CANARY}", threshold: "${CANARY}", notify: "${CANARY}" } ]
equivalents: { a: "${CANARY}" }
notifications: { email: { smtp: "canary-5f2d1c${NONE}" } }
`))
	if err == nil || len(problems(err)) < 15 {
		t.Fatal(err)
	}
	if all := err.Error() + fmt.Sprint(warnings); strings.Contains(all, canary) || strings.Contains(all, "opnai") {
		t.Error(all)
	}
}

func TestSecret(t *testing.T) {
	a, b := NewSecret("x"), NewSecret("x")
	if a != b || a == NewSecret("y") || !NewSecret("").IsZero() || a.Reveal() != "x" || (Secret{}).Reveal() != "" || (Secret{}).String() != "" {
		t.Error("secrets do not compare")
	}
}
