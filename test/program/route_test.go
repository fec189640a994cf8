package program

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"tidegate/test/rig"
)

// TestFallback has targets that fail before the one that answers: the client sees one good answer, the log what it took.
func TestFallback(t *testing.T) {
	up := rig.Fake(t)
	g := rig.Serve(t, rig.Setup{Config: `
models:
  smart:
    targets: [ { model: openai/fail:status=503 }, { model: anthropic/fail:status=401 }, { model: google/echo } ]
  strict: { targets: [ { model: anthropic/echo } ] }
  lax: { targets: [ { model: anthropic/echo } ], on_loss: allow }
  doomed: { targets: [ { model: openai/fail:status=503 }, { model: google/fail:status=500 } ] }
` + rig.Providers(up.URL)})
	for _, stream := range []bool{false, true} {
		a := g.Post(t, chat, ask("smart", stream))
		if a.Status != 200 || !strings.Contains(a.Body, "Tell") || a.Header.Get("X-Tidegate-Provider") != "google" || a.Header.Get("X-Tidegate-Attempts") != "3" {
			t.Errorf("status %d, %v: %s", a.Status, a.Header, a.Body)
		}
		if route := a.Header.Get("X-Tidegate-Route"); !strings.Contains(route, "openai/fail:status=503 overloaded") || !strings.Contains(route, "anthropic/fail:status=401 credential") {
			t.Errorf("route %q", route)
		}
		row := g.Logged(t, a.ID())
		var classes []string
		for _, attempt := range row.Attempts {
			classes = append(classes, attempt.Provider+" "+attempt.Class)
		}
		if got := strings.Join(classes, ", "); got != "openai overloaded, anthropic credential, google " || row.Outcome != "ok" || row.Called != "smart" || row.Model != "echo" {
			t.Errorf("log row: %+v", row)
		}
	}
	if a := g.Post(t, chat, ask("doomed", false)); a.Status < 500 || !strings.Contains(a.Body, `"error"`) || a.Header.Get("X-Tidegate-Attempts") != "3" {
		t.Errorf("status %d, %v: %s", a.Status, a.Header, a.Body)
	}

	const alternatives = `{"model":"MODEL","n":2,"messages":[{"role":"user","content":"a"}]}`
	strict := g.Post(t, chat, strings.Replace(alternatives, "MODEL", "strict", 1))
	if code, _ := problem(t, chat, strict.Body); strict.Status != 400 || code != "unsupported_parameter" {
		t.Errorf("a grave loss: status %d: %s", strict.Status, strict.Body)
	}
	lax := g.Post(t, chat, strings.Replace(alternatives, "MODEL", "lax", 1))
	if lax.Status != 200 || lax.Header.Get("X-Tidegate-Dropped") != "n" {
		t.Errorf("a loss that was allowed: status %d, dropped %q: %s", lax.Status, lax.Header.Get("X-Tidegate-Dropped"), lax.Body)
	}
	if row := g.Logged(t, lax.ID()); len(row.Dropped) != 1 || row.Dropped[0] != "n" {
		t.Errorf("log row: %+v", row.Dropped)
	}
}

// TestUnpriced has a model whose price nobody knows: that is a state of its own, and never a zero.
func TestUnpriced(t *testing.T) {
	up := rig.Fake(t)
	g := rig.Serve(t, rig.Setup{Config: "providers: { house: { type: openai, base_url: " + up.URL + "/v1, api_key: key-of-the-house } }\n"})
	a := g.Post(t, chat, ask("house/echo", false))
	if a.Status != 200 || a.Header.Get("X-Tidegate-Cost-Usd") != "unknown" {
		t.Errorf("status %d, cost %q", a.Status, a.Header.Get("X-Tidegate-Cost-Usd"))
	}
	if row := g.Logged(t, a.ID()); row.CostUSD != nil || row.CostState != "unpriced" || row.InputTokens == 0 {
		t.Errorf("log row: %+v", row)
	}
	if r := rig.Run(t, g.Dir, nil, "spend"); !regexp.MustCompile(`(?m)^echo +1 +0 +\d+ +\d+ +\$0 +1$`).MatchString(r.Out) {
		t.Errorf("spend does not count it as unpriced:\n%s", r.Out)
	}
}

// TestPrivacy has bodies switched off in each of the ways there are. Not a byte of them may be kept.
func TestPrivacy(t *testing.T) {
	up := rig.Fake(t)
	config := func(log string) string {
		return log + "\nkeys:\n  - { name: open, key: tg-the-key-that-is-logged }\n  - { name: shy, key: tg-the-key-that-is-not-logged, log: { bodies: off } }\n" + rig.Providers(up.URL)
	}
	for _, tc := range []struct {
		name, log, key, header string
		kept                   bool
	}{
		{"by default", "", "tg-the-key-that-is-logged", "", true},
		{"off for the request", "", "tg-the-key-that-is-logged", "off", false},
		{"off for the key", "", "tg-the-key-that-is-not-logged", "", false},
		{"off for all", "log: { bodies: off }", "tg-the-key-that-is-logged", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			g := rig.Serve(t, rig.Setup{Config: config(tc.log)})
			secret := "a-very-private-matter-" + strings.ReplaceAll(tc.name, " ", "-")
			for i, provider := range []string{"openai", "anthropic", "google"} {
				for _, stream := range []bool{false, true} {
					body := fmt.Sprintf(`{"model":"%s/echo","stream":%t,"messages":[{"role":"user","content":%q}]}`, provider, stream, secret+strconv.Itoa(i))
					head := []string{"Authorization", "Bearer " + tc.key}
					if tc.header != "" {
						head = append(head, "X-Tidegate-Log", tc.header)
					}
					a := g.Post(t, chat, body, head...)
					if a.Status != 200 {
						t.Fatalf("status %d: %s", a.Status, a.Body)
					}
					row := g.Logged(t, a.ID())
					if row.Bodies != tc.kept || (row.Request != nil) != tc.kept || row.InputTokens == 0 {
						t.Errorf("bodies %t, request %v", row.Bodies, row.Request)
					}
				}
			}
			g.Stop(t)
			export := rig.Run(t, g.Dir, nil, "export", "--bodies")
			if got := strings.Contains(export.Out, secret); got != tc.kept || strings.Count(export.Out, "\n") != 6 {
				t.Errorf("the export shows it: %t", got)
			}
			if tc.kept {
				return // compressed in the files
			}
			files, err := filepath.Glob(filepath.Join(g.Dir, "data", "*"))
			spool, err2 := filepath.Glob(filepath.Join(g.Dir, "data", "spool", "*"))
			if err != nil || err2 != nil || len(files) < 3 {
				t.Fatal(files, err, err2)
			}
			for _, path := range append(files, spool...) {
				b, err := os.ReadFile(path)
				if err == nil && strings.Contains(string(b), "very-private") {
					t.Errorf("%s holds it", path)
				}
			}
		})
	}
}
