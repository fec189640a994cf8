package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"tidegate/internal/llm"
)

// problems are nil where the error is nil or of another type.
func problems(err error) Problems {
	ps, _ := errors.AsType[Problems](err)
	return ps
}

// A flag wins over the environment, which wins over the file, which wins over the default.
func TestPrecedence(t *testing.T) {
	file, vars, flags := "listen: 127.0.0.1:2", map[string]string{"TIDEGATE_LISTEN": "127.0.0.1:3"}, Flags{Listen: "127.0.0.1:4"}
	for _, tt := range []struct {
		doc   string
		vars  map[string]string
		flags Flags
		want  string
	}{
		{"", nil, Flags{}, "127.0.0.1:8080"},
		{file, nil, Flags{}, "127.0.0.1:2"},
		{file, vars, Flags{}, "127.0.0.1:3"},
		{file, vars, flags, "127.0.0.1:4"},
		{"", nil, flags, "127.0.0.1:4"},
	} {
		c, _, err := Loader{Catalog: builtins, Env: env(tt.vars), Flags: tt.flags}.Parse("t.yaml", []byte(tt.doc))
		if err != nil || c.Listen != tt.want {
			t.Errorf("%+v: %v, %v", tt, c, err)
		}
	}
}

// A mistake in a flag is not blamed on the file.
func TestOverrideErrors(t *testing.T) {
	for _, tt := range []struct {
		doc   string
		vars  map[string]string
		flags Flags
		want  string
	}{
		{"listen: 127.0.0.1:1", nil, Flags{Listen: "nowhere"}, `--listen: "nowhere" is not host:port, such as 127.0.0.1:8080`},
		{"", map[string]string{"TIDEGATE_LISTEN": ":99999"}, Flags{}, `TIDEGATE_LISTEN: ":99999" is not host:port, such as 127.0.0.1:8080`},
		{"auth: open", nil, Flags{Listen: ":8080"}, `t.yaml:1:7: auth: open serves anybody and is refused on ":8080", which is not a loopback address; use required`},
	} {
		_, _, err := Loader{Catalog: builtins, Env: env(tt.vars), Flags: tt.flags}.Parse("t.yaml", []byte(tt.doc))
		if err == nil || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}

func TestPath(t *testing.T) {
	t.Chdir(t.TempDir())
	l := loader(map[string]string{"TIDEGATE_CONFIG": "from-env.yaml"})
	if got := loader(nil).Path(); got != "" {
		t.Errorf("without a file: %q", got)
	}
	if err := os.WriteFile(DefaultPath, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := loader(nil).Path(); got != DefaultPath {
		t.Errorf("default: %q", got)
	}
	if got := l.Path(); got != "from-env.yaml" {
		t.Errorf("environment: %q", got)
	}
	l.Flags.Config = "from-flag.yaml"
	if got := l.Path(); got != "from-flag.yaml" {
		t.Errorf("flag: %q", got)
	}
	if _, _, err := l.Load("from-flag.yaml"); err == nil || err.Error() != "from-flag.yaml: no such file or directory" {
		t.Errorf("missing file: %v", err)
	}
	if _, _, err := l.Load(t.TempDir()); err == nil || !strings.HasSuffix(err.Error(), ": is a directory") {
		t.Errorf("folder: %v", err)
	}
}

func TestAuthDefault(t *testing.T) {
	for listen, want := range map[string]Auth{
		"127.0.0.1:0": Open, "localhost:80": Open, "[::1]:80": Open, "127.9.9.9:1": Open,
		":8080": Required, "0.0.0.0:8080": Required, "[::]:80": Required, "10.0.0.1:80": Required, "gateway.example.com:80": Required,
	} {
		if c, _ := parse(t, fmt.Sprintf("listen: %q", listen), nil); c.Auth != want {
			t.Errorf("%s: %s", listen, c.Auth)
		}
	}
}

// A key from the environment goes to its own provider only, never to an address that somebody else chose.
func TestCredentialsFromEnvironment(t *testing.T) {
	vars := map[string]string{"OPENAI_API_KEY": "sk-o", "GOOGLE_API_KEY": "g", "GIVEN": "x"}
	for _, tt := range []struct{ doc, name, want string }{
		{"providers: { openai: { timeout: { total: 1m } } }", "openai", "sk-o"},
		{"providers: { gemini: }", "google", "g"},
		{"providers: { openai: { base_url: http://evil.example } }", "openai", ""},
		{"providers: { mine: { type: openai, base_url: http://127.0.0.1:1 } }", "mine", ""},
		{"providers: { second: { type: openai } }", "second", "sk-o"},
		{`providers: { openai: { api_key: "${GIVEN}" } }`, "openai", "x"},
		{`providers: { openai: { api_key: "${NONE}" } }`, "openai", ""},
		{`providers: { openai: { api_keys: ["${NONE}", "${GIVEN}"] } }`, "openai", "x"},
	} {
		c, _ := parse(t, tt.doc, vars)
		p, ok := c.Provider(tt.name)
		got := ""
		for _, s := range p.Credentials() {
			got += s.Reveal()
		}
		if !ok || got != tt.want {
			t.Errorf("%s: %q", tt.doc, got)
		}
	}
}

// An alias anywhere becomes the provider's own name, so that nobody else has to know aliases.
func TestAliases(t *testing.T) {
	c, _ := parse(t, `
routing: { default_provider: gemini, fallbacks: [gemini, gemini/gemini-2.5-pro, smart], rules: [ { if: stream, use: gemini } ] }
providers: { gemini: { api_key: x } }
models: { smart: { targets: [ { model: gemini/gemini-2.5-flash } ] } }
equivalents: { gpt-4o: { gemini: gemini-2.5-pro } }
prices: [ { model: gemini/x, input: 1 } ]
keys: [ { name: k, key: 0123456789abcdef0, models: [gemini/*, smart] } ]
`, nil)
	got := []any{
		c.Routing.DefaultProvider, c.Routing.Fallbacks, c.Routing.Rules[0].Use, c.Providers[0].Name, c.Providers[0].Type,
		c.Models[0].Targets[0].Model.String(), c.Equivalents, c.Prices[0].Model, c.Keys[0].Models,
	}
	want := []any{
		"google", []string{"google", "google/gemini-2.5-pro", "smart"}, "google", "google", "google",
		"google/gemini-2.5-flash", map[string]map[string]string{"gpt-4o": {"google": "gemini-2.5-pro"}}, "google/x", []string{"google/*", "smart"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A key's models: absent is all, [] is none.
func TestKeyModels(t *testing.T) {
	c, _ := parse(t, `keys: [ { name: all, key: 0123456789abcdef0 }, { name: none, key: 0123456789abcdef1, models: [] } ]`, nil)
	if c.Keys[0].Models != nil || c.Keys[1].Models == nil || len(c.Keys[1].Models) != 0 {
		t.Errorf("%#v", c.Keys)
	}
}

func TestTimeouts(t *testing.T) {
	c, _ := parse(t, `
routing: { timeout: { idle: 90s } }
providers: { local: { type: openai, base_url: "http://h", timeout: { first_byte: 20m, connect: 1 } } }
models: { quick: { targets: [ { model: local/m } ], timeout: { total: 60s } } }
`, nil)
	s := time.Second
	for _, tt := range []struct {
		provider, called string
		want             llm.Timeouts
	}{
		{"other", "other", llm.Timeouts{Connect: 10 * s, FirstByte: 300 * s, Idle: 90 * s, Total: 1800 * s}},
		{"local", "other", llm.Timeouts{Connect: 1 * s, FirstByte: 1200 * s, Idle: 90 * s, Total: 1800 * s}},
		{"local", "quick", llm.Timeouts{Connect: 1 * s, FirstByte: 60 * s, Idle: 60 * s, Total: 60 * s}},
	} {
		if diff := cmp.Diff(tt.want, c.Timeouts(tt.provider, tt.called)); diff != "" {
			t.Errorf("%s for %s: %s", tt.provider, tt.called, diff)
		}
	}
}

func TestRates(t *testing.T) {
	c, _ := parse(t, `prices: [ { model: m, input: $0.15, cache_write_1h: 0.000000001, searches: $10 } ]`, nil)
	want := fmt.Sprint(map[llm.Meter]int64{llm.InputText: 150_000_000, llm.InputCacheWrite1h: 1, llm.Searches: 10_000_000_000_000})
	got := map[llm.Meter]int64{}
	for m, n := range c.Prices[0].Rates() {
		got[m] = int64(n)
	}
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestRestart(t *testing.T) {
	a, _ := parse(t, "", nil)
	b, _ := parse(t, "{ listen: 127.0.0.1:1, data: ./other, server: { max_body: 1MB } }", nil)
	if got := a.Restart(b); !slices.Equal(got, []string{"listen", "data"}) {
		t.Error(got)
	}
	if got := a.Restart(a); got != nil {
		t.Error(got)
	}
}

// The environment sets up channels that the file leaves out.
func TestChannelsFromEnvironment(t *testing.T) {
	doc := "alerts: [ { type: daily_spend, threshold: 1, notify: [slack, email, pagerduty] } ]\nnotifications: { email: { to: \"a@x, b@x\" } }"
	c, warnings := parse(t, doc, map[string]string{"SLACK_WEBHOOK_URL": "u", "TIDEGATE_SMTP_URL": "s", "PAGERDUTY_ROUTING_KEY": "p"})
	if warnings != nil {
		t.Error(warnings)
	}
	want := Notifications{
		Slack: &Slack{URL: NewSecret("u")}, Email: &Email{SMTP: NewSecret("s"), To: []string{"a@x", "b@x"}}, Pagerduty: &Pagerduty{RoutingKey: NewSecret("p")},
	}
	if diff := cmp.Diff(want, c.Notifications, secretText); diff != "" {
		t.Error(diff)
	}
}

func TestFromEnv(t *testing.T) {
	e := FromEnv(env(map[string]string{"TIDEGATE_ADMIN_KEY": " a\n", "TIDEGATE_DATABASE_URL": "d", "TIDEGATE_REDIS_URL": "r", "TIDEGATE_DATA": "x"}))
	if e.AdminKey.Reveal() != "a" || e.Data != "x" || !e.Secret.IsZero() || len(e.Unacted()) != 2 {
		t.Errorf("%+v", e)
	}
}

// The bounds on documents hold, and say so.
func TestBounds(t *testing.T) {
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := range 12 {
		bomb += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d,", i), 9), i)
	}
	bomb += "guardrails: [ { name: n, type: t, x: *a12 } ]"
	deep := "guardrails: [ { name: n, type: t, x: " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + " } ]"
	loop := "guardrails: [ &g { name: n, type: t, x: *g } ]"
	for name, tt := range map[string]struct{ doc, want string }{
		"aliases": {bomb, "aliases counted"},
		"depth":   {deep, "nested too deeply"},
		"loop":    {loop, "nested too deeply"},
		"errors":  {"keys:\n" + strings.Repeat("- { a: 1 }\n", 2_000), "so many mistakes"},
		"size":    {strings.Repeat("#\n", maxDocument/2+1), "larger than 4MB"},
	} {
		_, _, err := loader(nil).Parse("t.yaml", []byte(tt.doc))
		if n := len(problems(err)); n == 0 || n > maxErrors+1 || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}

// Each example is valid in an empty environment, but for the keys that it takes from it.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if _, _, err := loader(map[string]string{"CI_KEY": "ci-key-0123456789"}).Load(file); err != nil {
			t.Error(err)
		}
	}
}

// What a config shows of itself is a config again: the same one, as far as it has no secrets.
func TestRedactedRoundTrip(t *testing.T) {
	blank := cmp.Transformer("blank", func(s Secret) bool { return s.IsZero() })
	raw := cmp.Transformer("raw", func(r Raw) string { return r.String() })
	zone := cmp.Transformer("zone", func(l *time.Location) string { return l.String() })
	files, _ := filepath.Glob("../../examples/*.yaml")
	for _, file := range files {
		doc := strings.NewReplacer("${CI_KEY}", "ci-key-0123456789").Replace(read1(t, file))
		first, _ := parse(t, doc, nil)
		shown := string(first.Redacted())
		if strings.Contains(shown, "ci-key") {
			t.Errorf("%s shows a secret: %s", file, shown)
		}
		again, _ := parse(t, strings.ReplaceAll(shown, `"key":"•••"`, `"key":"0123456789abcdef"`), nil)
		again.Version = first.Version
		if diff := cmp.Diff(first, again, blank, raw, zone); diff != "" {
			t.Errorf("%s: %s\n%s", file, shown, diff)
		}
	}
}

// Every scalar type shows its values in a form that it reads back.
func TestScalarsRoundTrip(t *testing.T) {
	for typ, texts := range map[reflect.Type][]string{
		reflect.TypeFor[time.Duration](): {"0", "1", "0.5", "0d", "90s", "1h30m", "7d", "1d12h", "1h", "10m", "1ms", "36h5s"},
		reflect.TypeFor[Size]():          {"0", "1", "1023", "512KB", "64MB", "1 GB", "1KiB", "3MiB", "2GiB", "10B"},
		reflect.TypeFor[Threshold]():     {"$100", "100", "5%", "0.05", "$0.000000001", "12.5%", "0"},
		reflect.TypeFor[time.Time]():     {"2027-01-31", "2027-01-31T12:00:00Z", "2027-01-31T12:00:00.5+02:00"},
	} {
		kind := scalars[typ]
		for _, text := range texts {
			v, ok := kind.parse(text)
			again, ok2 := kind.parse(kind.show(v))
			if !ok || !ok2 || v != again {
				t.Errorf("%s: %q is %v, shown as %q", typ, text, v, kind.show(v))
			}
		}
	}
	for typ, texts := range map[reflect.Type][]string{
		reflect.TypeFor[time.Duration](): {"", "-1", "-1s", "d", "1d-2h", "99999999d", "1e3", "9223372037", "1w"},
		reflect.TypeFor[Size]():          {"", "-1", "1.5MB", "MB", "9223372036854775808", "9007199254740993GB", "1mb"},
		reflect.TypeFor[Threshold]():     {"", "$", "%", "$5%", "-5%", "0.00000000001%", "5 dollars"},
		reflect.TypeFor[Ref]():           {"", "a", "/a", "a/"},
		reflect.TypeFor[time.Time]():     {"", "tomorrow", "2027-13-01"},
	} {
		for _, text := range texts {
			if v, ok := scalars[typ].parse(text); ok {
				t.Errorf("%s: %q is taken for %v", typ, text, v)
			}
		}
	}
}

// No value of a variable can change more than the one text it stands in.
func TestVariablesAreNoStructure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"x\nlisten: 0.0.0.0:1", `x", evil: "y`, "${OTHER}", "{a: b}", "[a]", "*x", "&x y", "# no", "~", "null", "true", "a: b", "- a",
		})).Draw(t, "value")
		vars := map[string]string{"V": value, "OTHER": "other"}
		c, _, err := loader(vars).Parse("t.yaml", []byte("keys:\n- name: k\n  key: 0123456789abcdef0\n  team: \"${V}\"\n  user: ${V}\n"))
		if err != nil {
			t.Fatal(err)
		}
		plain := slices.ContainsFunc(c.Keys, func(k Key) bool { return k.Team == value && k.User == value })
		if len(c.Keys) != 1 || !plain || c.Listen != "127.0.0.1:8080" {
			t.Fatalf("%+v", c.Keys)
		}
	})
}

func TestExpand(t *testing.T) {
	vars := env(map[string]string{"A": "1", "EMPTY": "", "B_2": "${A}"})
	for _, tt := range []struct {
		in, want string
		unset    string
		bad      bool
	}{
		{in: "plain $A $ {A} }", want: "plain $A $ {A} }"},
		{in: "x${A}y${A}", want: "x1y1"},
		{in: "${B_2}", want: "${A}"},
		{in: "$${A}", want: "${A}"},
		{in: "$$${A}", want: "$${A}"},
		{in: "${EMPTY}", want: ""},
		{in: "${EMPTY:-e}${NO:-f}${A:-g}", want: "ef1"},
		{in: "${NO:-}", want: ""},
		{in: "${NO:-https://h:1/p?a=b}", want: "https://h:1/p?a=b"},
		{in: "${NO}${A}", want: "1", unset: "NO"},
		{in: "${", want: "${", bad: true},
		{in: "${}", want: "${}", bad: true},
		{in: "${A", want: "${A", bad: true},
		{in: "${a-b}", want: "${a-b}", bad: true},
		{in: "${1}", want: "${1}", bad: true},
	} {
		x := expand(tt.in, vars)
		if x.text != tt.want || strings.Join(x.unset, ",") != tt.unset || x.bad != tt.bad {
			t.Errorf("%s: %+v", tt.in, x)
		}
	}
}

func TestSnake(t *testing.T) {
	for in, want := range map[string]string{"Listen": "listen", "MaxBody": "max_body", "BaseURL": "base_url", "APIKeys": "api_keys", "RPM": "rpm", "URL": "url"} {
		if got := snake(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

// Whatever the bytes, Parse does not panic, and every complaint about the content says where.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("../../examples/*.yaml")
	golden, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range append(files, golden...) {
		doc, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		text := string(doc)
		if _, after, ok := strings.Cut(text, "-- in.yaml --\n"); ok {
			text, _, _ = strings.Cut(after, "-- want --")
		}
		f.Add(text)
	}
	l := loader(map[string]string{"CI_KEY": "ci-key-0123456789"})
	f.Fuzz(func(t *testing.T, doc string) {
		c, warnings, err := l.Parse("t.yaml", []byte(doc))
		if err != nil {
			ps := problems(err)
			if len(ps) == 0 || c != nil {
				t.Fatalf("%v, %v", ps, c)
			}
			for _, p := range append(ps, warnings...) {
				if p.File != "t.yaml" || p.Line == 0 && !strings.HasPrefix(p.Text, "not YAML") {
					t.Fatalf("no place: %+v", p)
				}
			}
			return
		}
		var node yaml.Node
		if err := yaml.Unmarshal(c.Redacted(), &node); err != nil {
			t.Fatalf("%s: %v", c.Redacted(), err)
		}
	})
}

// Every tag says something that its type can read. A wrong one would panic on a user's machine.
func TestTags(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var visit func(t reflect.Type)
	visit = func(typ reflect.Type) {
		for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer && scalars[typ].want == "" || typ.Kind() == reflect.Map {
			typ = typ.Elem()
		}
		if seen[typ] || !composite(typ) {
			return
		}
		seen[typ] = true
		d := &decoder{report: &report{at: map[string]place{}}, env: env(nil)}
		d.defaults(reflect.New(typ).Elem())
		for _, f := range fields(typ) {
			for _, bound := range []string{f.tag.Get("min"), f.tag.Get("max")} {
				if base := f.typ; bound != "" {
					if base.Kind() == reflect.Pointer {
						base = base.Elem()
					}
					d.bound(base, bound)
				}
			}
			visit(f.typ)
		}
	}
	visit(reflect.TypeFor[Config]())
	if len(seen) < 20 {
		t.Error("only seen", len(seen))
	}
}
