package app

import (
	"testing"

	"tidegate/internal/config"
	"tidegate/internal/provider"
)

func upstreams(t *testing.T, yaml string, env map[string]string) map[string]*provider.Upstream {
	t.Helper()
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	cfg, _, err := config.Loader{Catalog: Builtins{}, Env: lookup}.Parse("test.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	list, err := Upstreams(cfg, lookup)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*provider.Upstream{}
	for _, u := range list {
		byName[u.Name] = u
	}
	return byName
}

// Keys in the environment switch providers on; a key never goes to an address that is not its vendor's.
func TestUpstreams(t *testing.T) {
	env := map[string]string{"ANTHROPIC_API_KEY": "key-of-anthropic", "OPENAI_API_KEY": "key-of-openai", "GOOGLE_API_KEY": "key-of-google"}
	ups := upstreams(t, `
providers:
  openai: {}
  local: { type: openai, base_url: http://127.0.0.1:11434/v1 }
  remote: { type: openai, base_url: https://llm.example/v1 }
  spare: { type: openai, api_keys: [ first-key-of-two, second-key-of-two ] }
`, env)
	for name, keys := range map[string]int{"openai": 1, "anthropic": 1, "google": 1, "local": 0, "remote": 0, "spare": 2} {
		u := ups[name]
		if u == nil || len(u.Credentials) != keys || !u.Usable() {
			t.Errorf("%s: %+v", name, u)
		}
	}
	if len(ups) != 6 {
		t.Errorf("%d providers: %v", len(ups), ups)
	}
	if !ups["local"].Local || ups["remote"].Local {
		t.Error("what runs on this machine costs nothing; what runs elsewhere has an unknown price")
	}
	// A server that only speaks the dialect is not held to what OpenAI's own models refuse.
	if ups["local"].Issuer != "" || ups["openai"].Issuer != "openai" || ups["spare"].Issuer != "openai" {
		t.Errorf("issuers %q, %q, %q", ups["local"].Issuer, ups["openai"].Issuer, ups["spare"].Issuer)
	}
}
