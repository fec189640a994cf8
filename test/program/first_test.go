package program

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tidegate/test/rig"
)

// TestFirstStart is what a newcomer sees who has nothing: no configuration, no environment, no account, no network. On Linux
// it runs in a network namespace of its own, which has only a loopback.
func TestFirstStart(t *testing.T) {
	if !isolated(t) {
		return
	}
	g := rig.Serve(t, rig.Setup{Bare: true})
	for _, line := range []string{`console +http://127\.0\.0\.1:\d+/console/`, `data +\./data`, `providers demo`, `auth +open`, `curl http://127\.0\.0\.1:\d+/v1/chat/completions`} {
		g.Out.Find(t, line)
	}
	if left := strings.TrimSpace(g.Err.String()); left != "" {
		t.Errorf("a start without anything wrong prints %q on standard error", left)
	}

	whole := g.Post(t, chat, hello)
	if whole.Status != 200 || !strings.Contains(whole.Body, `"content":"`) {
		t.Fatalf("status %d: %s", whole.Status, whole.Body)
	}
	if cost := whole.Header.Get("X-Tidegate-Cost-Usd"); !regexp.MustCompile(`^0\.0*[1-9]`).MatchString(cost) {
		t.Errorf("the demo costs %q", cost)
	}
	stream := g.Post(t, chat, strings.Replace(hello, `{`, `{"stream":true,`, 1))
	if stream.Status != 200 || !strings.HasSuffix(stream.Body, "data: [DONE]\n\n") {
		t.Errorf("status %d: %s", stream.Status, stream.Body)
	}
	models := g.Get(t, "/v1/models")
	if !strings.Contains(models.Body, `"demo/chat"`) {
		t.Errorf("models: %s", models.Body)
	}
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/console/": "<html", "/metrics": "tidegate_"} {
		if a := g.Get(t, path); a.Status != 200 || !strings.Contains(a.Body, want) {
			t.Errorf("%s: status %d: %.200s", path, a.Status, a.Body)
		}
	}

	cookie := signIn(t, g)
	if a := g.Get(t, "/admin/v1/logs"); a.Status != 401 {
		t.Errorf("the log is open to all: status %d", a.Status)
	}
	var rows struct{ Items []rig.Row }
	rig.Until(t, "two rows in the log", func() bool {
		a := g.Get(t, "/admin/v1/logs", "Cookie", cookie)
		if err := json.Unmarshal([]byte(a.Body), &rows); err != nil {
			t.Fatalf("status %d: %s", a.Status, a.Body)
		}
		return len(rows.Items) == 2
	})
	for _, row := range rows.Items {
		if row.CostUSD == nil || *row.CostUSD == "0" || row.CostState != "priced" || row.Outcome != "ok" || row.InputTokens == 0 || row.OutputTokens == 0 {
			t.Errorf("row %+v", row)
		}
	}
	for _, file := range []string{"admin.key", "secret.key"} {
		info, err := os.Stat(filepath.Join(g.Dir, "data", file))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
	g.Stop(t)

	again := rig.Serve(t, rig.Setup{Dir: g.Dir, Bare: true})
	key, err := os.ReadFile(filepath.Join(g.Dir, "data", "admin.key"))
	if err != nil {
		t.Fatal(err)
	}
	if a := again.Get(t, "/admin/v1/logs", "Authorization", "Bearer "+strings.TrimSpace(string(key))); a.Status != 200 || strings.Count(a.Body, `"trace"`) != 2 {
		t.Errorf("after a restart with the admin key of the file: status %d: %.300s", a.Status, a.Body)
	}
	again.Stop(t)
}

// signIn follows the link that the start prints, which works once, and returns the session's cookie.
func signIn(t *testing.T, g *rig.Gateway) (cookie string) {
	t.Helper()
	link := g.Out.Find(t, `sign in +http://\S+/console/#link=(\w+)`)[1]
	in := g.Post(t, "/admin/v1/session", `{"link":"`+link+`"}`)
	if in.Status != http.StatusNoContent {
		t.Fatalf("status %d: %s", in.Status, in.Body)
	}
	set := in.Header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(set, want) {
			t.Errorf("the cookie %q lacks %s", set, want)
		}
	}
	if again := g.Post(t, "/admin/v1/session", `{"link":"`+link+`"}`); again.Status != 401 || again.Header.Get("Set-Cookie") != "" {
		t.Errorf("the link works twice: status %d", again.Status)
	}
	cookie, _, _ = strings.Cut(set, ";")
	if a := g.Get(t, "/admin/v1/session", "Cookie", cookie); a.Status != 200 {
		t.Errorf("the session does not hold: status %d", a.Status)
	}
	if a := g.Get(t, "/admin/v1/session", "Cookie", cookie+"x"); a.Status != 401 {
		t.Errorf("any session holds: status %d", a.Status)
	}
	return cookie
}

// TestWebPages keeps pages of other sites from spending the money of a gateway that is open on its machine.
func TestWebPages(t *testing.T) {
	g := rig.Serve(t, rig.Setup{})
	req := func(host, origin string) *rig.Answer {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL+chat, strings.NewReader(hello))
		if err != nil {
			t.Fatal(err)
		}
		q.Host = host
		if origin != "" {
			q.Header.Set("Origin", origin)
		}
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return &rig.Answer{Status: resp.StatusCode, Header: resp.Header}
	}
	_, port, err := net.SplitHostPort(g.Host())
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		host, origin string
		status       int
	}{
		{g.Host(), "", 200}, {"localhost:" + port, "", 200}, {g.Host(), g.URL, 200},
		{"evil.example", "", 403}, {"127.0.0.1.evil.example:" + port, "", 403},
		{g.Host(), "https://evil.example", 403}, {g.Host(), "http://localhost:3000", 403}, {g.Host(), "null", 403},
	} {
		if a := req(tc.host, tc.origin); a.Status != tc.status {
			t.Errorf("host %q, origin %q: status %d, want %d", tc.host, tc.origin, a.Status, tc.status)
		}
	}
}

// TestCannotStart has the ways in which a start fails: each says what to do, and exits at once.
func TestCannotStart(t *testing.T) {
	busy := rig.Serve(t, rig.Setup{})
	file := filepath.Join(t.TempDir(), "a-file")
	rig.WriteFile(t, file, "")
	for _, tc := range []struct {
		name, config string
		env          []string
		args         []string
		says         string
	}{
		{name: "port taken", args: []string{"--listen", busy.Host()}, says: `the address \S+ is taken by another program`},
		{name: "data folder in use", args: []string{"--data", filepath.Join(busy.Dir, "data")}, says: `(?i)another|in use|lock`},
		{name: "data folder cannot be made", args: []string{"--data", filepath.Join(file, "data")}, says: `data folder \S+ cannot be made: .*choose another with --data`},
		{name: "no such address", args: []string{"--listen", "203.0.113.7:1"}, says: `cannot listen on 203.0.113.7:1`},
		{name: "bad address", args: []string{"--listen", "here"}, says: `listen`},
		{name: "unknown member", config: "provders: {}\n", says: `tidegate.yaml:1:1: provders: .*did you mean "providers"`},
		{name: "unknown provider", config: "routing: { default_provider: opnai }\n", says: `tidegate.yaml:1:30: routing.default_provider: unknown provider "opnai"; did you mean "openai"`},
		{name: "not YAML", config: "a: [\n", says: `tidegate.yaml:\d+`},
		{name: "member twice", config: "data: a\ndata: b\n", says: `tidegate.yaml:2:1: data`},
		{name: "no such file", args: []string{"--config", "nowhere.yaml"}, says: `nowhere.yaml`},
		{name: "variable not set", config: "keys: [ { name: a, key: \"${NOT_SET_ANYWHERE}\" } ]\n", says: `NOT_SET_ANYWHERE`},
		{name: "open on a public address", config: "auth: open\n", args: []string{"--listen", "0.0.0.0:0"}, says: `auth`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := rig.Launch(t, rig.Setup{Config: tc.config, Env: tc.env, Args: tc.args})
			if code := g.Wait(t); code != 1 {
				t.Errorf("exit code %d", code)
			}
			said := g.Err.String()
			if !regexp.MustCompile(tc.says).MatchString(said) {
				t.Errorf("it says %q, which does not match %q", said, tc.says)
			}
			if strings.Count(strings.TrimSpace(said), "\n") > 3 || strings.Contains(said, "goroutine") {
				t.Errorf("it says too much: %s", said)
			}
		})
	}
	if a := busy.Post(t, chat, hello); a.Status != 200 {
		t.Errorf("the gateway that runs was disturbed: status %d", a.Status)
	}
}

// TestFolderNotWritable needs a folder that this user may not write to, and root may write everywhere but on a read-only mount.
func TestFolderNotWritable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	s := rig.Setup{Args: []string{"--data", dir}}
	if os.Getuid() == 0 {
		s.Wrap = asNobody(t, dir)
	}
	g := rig.Launch(t, s)
	if code := g.Wait(t); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if said := g.Err.String(); !strings.Contains(said, "data folder "+dir+" cannot be written: permission denied; choose another with --data") {
		t.Errorf("it says %q", said)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestHelp has every command say what it does.
func TestHelp(t *testing.T) {
	top := rig.Run(t, t.TempDir(), nil, "--help")
	bare := rig.Run(t, t.TempDir(), nil)
	if top.Code != 0 || bare.Out != top.Out {
		t.Errorf("without arguments: %+v", bare)
	}
	for _, name := range []string{"serve", "check", "logs", "spend", "export", "doctor", "fake", "version"} {
		if !regexp.MustCompile(`(?m)^ +` + name + `\b.*\S`).MatchString(top.Out) {
			t.Errorf("--help does not list %s:\n%s", name, top.Out)
		}
		r := rig.Run(t, t.TempDir(), nil, name, "--help")
		if r.Code != 0 || r.Err != "" || !strings.HasPrefix(r.Out, "Usage: tidegate "+name) {
			t.Errorf("%s --help: %+v", name, r)
		}
		wrong := rig.Run(t, t.TempDir(), nil, name, "--no-such-flag")
		if wrong.Code != 2 || !strings.Contains(wrong.Err, "--no-such-flag") {
			t.Errorf("%s --no-such-flag: %+v", name, wrong)
		}
	}
	if r := rig.Run(t, t.TempDir(), nil, "srve"); r.Code != 2 || !strings.Contains(r.Err, "srve") {
		t.Errorf("unknown command: %+v", r)
	}
	if r := rig.Run(t, t.TempDir(), nil, "version"); r.Code != 0 || !strings.HasPrefix(r.Out, "tidegate ") {
		t.Errorf("version: %+v", r)
	}
}

// TestCheck has the examples checked, and mistakes told with their place.
func TestCheck(t *testing.T) {
	root, err := rig.Root()
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Glob(filepath.Join(root, "examples", "*.yaml"))
	if err != nil || len(examples) < 4 {
		t.Fatalf("%d examples, %v", len(examples), err)
	}
	env := []string{"CI_KEY=tg-a-key-of-some-length", "OPENAI_API_KEY=a", "AZURE_KEY=b", "KEY_A=c", "KEY_B=d"}
	for _, path := range examples {
		r := rig.Run(t, t.TempDir(), env, "check", "--config", path)
		if r.Code != 0 || !strings.Contains(r.Out, path+": ok (") || r.Err != "" {
			t.Errorf("%s: %+v", filepath.Base(path), r)
		}
	}
	dir := t.TempDir()
	rig.WriteFile(t, filepath.Join(dir, "tidegate.yaml"), "server: { max_body: 5 apples }\nkeys: [ { name: a } ]\n")
	r := rig.Run(t, dir, nil, "check")
	for _, want := range []string{`tidegate.yaml:1:21: server.max_body: `, `tidegate.yaml:2:9: keys[0]`} {
		if r.Code != 1 || !strings.Contains(r.Err, want) {
			t.Errorf("no %q in %+v", want, r)
		}
	}
	if r := rig.Run(t, t.TempDir(), nil, "check"); r.Code != 0 || !strings.Contains(r.Out, "no configuration file") {
		t.Errorf("without a file: %+v", r)
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); !os.IsNotExist(err) {
		t.Errorf("check made a data folder: %v", err)
	}
}
