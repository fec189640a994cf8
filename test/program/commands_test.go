package program

import (
	"encoding/csv"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"tidegate/test/rig"
)

// TestCommands has the terminal's view of a gateway that has served some, while it runs and after.
func TestCommands(t *testing.T) {
	up := rig.Fake(t)
	g := rig.Serve(t, rig.Setup{Config: "keys:\n  - { name: web, key: tg-the-key-of-the-website, team: shop }\n  - { name: ops, key: tg-the-key-of-operations, team: infra }\n" + rig.Providers(up.URL)})
	call := func(key, model, session string, status int) string {
		t.Helper()
		a := g.Post(t, chat, ask(model, false), "Authorization", "Bearer "+key, "X-Tidegate-Session", session, "X-Tidegate-Tags", "nightly")
		if a.Status != status {
			t.Fatalf("%s: status %d: %s", model, a.Status, a.Body)
		}
		g.Logged(t, a.ID())
		return a.ID()
	}
	web, ops := "tg-the-key-of-the-website", "tg-the-key-of-operations"
	first := call(web, "openai/echo+usage:in=1000,out=100", "s1", 200) // $0.02
	call(web, "anthropic/echo+usage:in=2000,out=100", "s1", 200)       // $0.03
	call(ops, "openai/echo+usage:in=1000,out=100", "s2", 200)          // $0.02
	bad := call(ops, "openai/fail:status=400", "s2", 400)
	call("", "demo/echo", "s3", 200)

	run := func(args ...string) string {
		t.Helper()
		r := rig.Run(t, g.Dir, nil, args...)
		if r.Code != 0 {
			t.Fatalf("%v: %+v", args, r)
		}
		return r.Out
	}
	says := func(out string, patterns ...string) {
		t.Helper()
		for _, p := range patterns {
			if !regexp.MustCompile(`(?m)` + p).MatchString(out) {
				t.Errorf("no %q in:\n%s", p, out)
			}
		}
	}
	lines := func(out string) int { return strings.Count(out, "\n") }

	out := run("logs")
	says(out, `^TIME +ID +CALLED`, first+` +openai/echo\S+ +openai/echo\S+ +ok +1000 +100 +\$0\.02 `, bad+` .* error bad_request +0 +0 +\$0 `)
	if lines(out) != 6 {
		t.Errorf("logs:\n%s", out)
	}
	for args, n := range map[string]int{
		"--key web": 3, "--provider anthropic": 2, "--outcome error": 2, "--session s2": 3, "-n 2": 3, "--class bad_request": 2, "--tag nightly": 6, "--from 1h": 6, "--to 1h": 1,
	} {
		if out := run(append([]string{"logs"}, strings.Fields(args)...)...); lines(out) != n {
			t.Errorf("logs %s:\n%s", args, out)
		}
	}
	var whole struct {
		ID       string
		Request  struct{ Body string }
		Response struct{ Body string }
	}
	if err := json.Unmarshal([]byte(run("logs", first)), &whole); err != nil || whole.ID != first || !strings.Contains(whole.Request.Body, "Tell me about the sea.") || !strings.Contains(whole.Response.Body, "Tell me about the sea.") {
		t.Errorf("logs ID: %v, %+v", err, whole)
	}
	if r := rig.Run(t, g.Dir, nil, "logs", "nothing-like-it"); r.Code != 1 || !strings.Contains(r.Err, "there is no request nothing-like-it") {
		t.Errorf("logs of an unknown id: %+v", r)
	}
	if r := rig.Run(t, g.Dir, nil, "logs", "--from", "yesteryear"); r.Code != 1 || !strings.Contains(r.Err, "yesteryear") {
		t.Errorf("logs --from: %+v", r)
	}

	says(run("spend"), `^MODEL +REQUESTS +ERRORS +IN +OUT +COST`, `^echo\+usage:in=1000,out=100 +2 +0 +2000 +200 +\$0\.04 +0`, `^echo\+usage:in=2000,out=100 +1 +0 +2000 +100 +\$0\.03 +0`, `^total .*\$0\.07\d*`)
	says(run("spend", "--by", "team"), `^shop +2 +0 +3000 +200 +\$0\.05 `, `^infra +2 +1 +1000 +100 +\$0\.02 `, `^- +1 +0 `)
	says(run("spend", "--by", "key,provider", "--key", "web"), `^web +openai +1 .*\$0\.02`, `^web +anthropic +1 .*\$0\.03`)
	for _, by := range []string{"user", "end_user", "session", "task", "tag", "day", "hour", "called", "endpoint"} {
		run("spend", "--by", by)
	}
	if r := rig.Run(t, g.Dir, nil, "spend", "--by", "colour"); r.Code != 1 || !strings.Contains(r.Err, "colour") {
		t.Errorf("spend by nothing: %+v", r)
	}

	records, err := csv.NewReader(strings.NewReader(run("export", "--format", "csv"))).ReadAll()
	if err != nil || len(records) != 6 || records[0][0] != "id" {
		t.Errorf("export as CSV: %v, %d records", err, len(records))
	}
	if rows := exported(t, g.Dir); len(rows) != 5 || *rows[first][0].CostUSD != "0.02" || rows[first][0].Request != nil {
		t.Errorf("export: %+v", rows)
	}
	run("export", "--bodies", "-o", "out.jsonl")
	doctor := run("doctor")
	says(doctor, `^ok +configuration`, `^ok +data folder \S+ can be written`, `^ok +database can be read`, `^ok +price book`, `openai can be reached at 127\.0\.0\.1`)

	g.Stop(t)
	if out := run("logs"); lines(out) != 6 {
		t.Errorf("logs of a gateway that is off:\n%s", out)
	}
	empty := rig.Run(t, t.TempDir(), nil, "logs")
	if empty.Code != 1 || !strings.Contains(empty.Err, "nothing was logged") {
		t.Errorf("logs of nothing: %+v", empty)
	}
}

// TestDoctor finds what is in the way.
func TestDoctor(t *testing.T) {
	up := rig.Fake(t)
	dir := t.TempDir()
	if r := rig.Run(t, dir, nil, "doctor"); r.Code != 0 || !strings.Contains(r.Out, "no provider has a key") || !strings.Contains(r.Out, "does not exist yet") {
		t.Errorf("doctor in an empty folder: %+v", r)
	}
	rig.WriteFile(t, dir+"/tidegate.yaml", "listen: "+strings.TrimPrefix(up.URL, "http://")+"\nproviders: { far: { type: openai, base_url: http://127.0.0.1:1, api_key: a-key-not-to-be-shown } }\n")
	r := rig.Run(t, dir, nil, "doctor")
	if r.Code != 1 || !strings.Contains(r.Out, "BAD  far cannot be reached at 127.0.0.1:1") || !regexp.MustCompile(`BAD +127\.0\.0\.1:\d+ answers 404`).MatchString(r.Out) {
		t.Errorf("doctor: %+v", r)
	}
	if strings.Contains(r.Out+r.Err, "a-key-not-to-be-shown") {
		t.Errorf("doctor shows a key: %+v", r)
	}
	if r := rig.Run(t, dir, nil, "doctor", "--offline"); strings.Contains(r.Out, "cannot be reached") {
		t.Errorf("doctor --offline: %+v", r)
	}
	rig.WriteFile(t, dir+"/tidegate.yaml", "lisen: x\n")
	if r := rig.Run(t, dir, nil, "doctor"); r.Code != 1 || !strings.Contains(r.Out, `did you mean "listen"`) {
		t.Errorf("doctor with a broken file: %+v", r)
	}
}
