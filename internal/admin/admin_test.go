package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"tidegate/internal/llm"
	"tidegate/internal/login"
	"tidegate/internal/logs"
	"tidegate/internal/price"
	"tidegate/internal/store/sqlite"
)

var update = flag.Bool("update", false, "write testdata anew")

// tail is a journal's live view.
type tail chan *logs.Record

func (c tail) Subscribe(context.Context, logs.Filter) <-chan *logs.Record { return c }

type office struct {
	*httptest.Server
	log  *sqlite.Log
	desk *login.Desk
	tail tail
}

func open(t *testing.T) *office {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	o := &office{log: db.Log(), desk: login.New("the-admin-key", time.Now), tail: make(tail, 1)}
	o.Server = httptest.NewServer(Handler(Options{
		Desk: o.desk, Logs: o.log, Tail: o.tail, Version: "test", Config: func() jsontext.Value { return jsontext.Value(`{"listen":"x"}`) },
	}))
	t.Cleanup(func() { o.Close(); db.Close() })
	return o
}

func record(at time.Time, model string, nano price.Nano, state price.State) *logs.Record {
	id := uuid.Must(uuid.NewV7()).String()
	u := llm.Usage{}
	u.N[llm.InputText], u.N[llm.OutputText] = 10, 5
	return &logs.Record{
		ID: id, At: at, Surface: llm.OpenAIChat, Method: "POST", Path: "/v1/chat/completions", Called: model, Provider: "demo", Model: model,
		Status: 200, Outcome: logs.OK, Total: 20 * time.Millisecond, Tags: []string{"a"}, Bodies: true,
		Attempts: []logs.Attempt{{N: 1, Provider: "demo", Model: model, At: at, Status: 200, Sent: true, Usage: u, Cost: price.Cost{Nano: nano, State: state, Version: "v"}}},
	}
}

func (o *office) put(t *testing.T, records ...*logs.Record) {
	t.Helper()
	if err := o.log.Put(t.Context(), &logs.Batch{Records: records}); err != nil {
		t.Fatal(err)
	}
}

func (o *office) do(t *testing.T, method, path, body string, change func(*http.Request)) (*http.Response, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, o.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer the-admin-key")
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var doc map[string]any
	_ = json.NewDecoder(resp.Body).Decode(&doc)
	return resp, doc
}

// Whoever is not known sees nothing but the API's description, whatever the method and the path.
func TestClosed(t *testing.T) {
	o := open(t)
	paths := []string{"/admin/v1/logs", "/admin/v1/logs/x", "/admin/v1/logs/stream", "/admin/v1/spend", "/admin/v1/usage", "/admin/v1/config", "/admin/v1/nothing", "/admin/v1//logs"}
	for _, path := range paths {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "HEAD"} {
			for name, change := range map[string]func(*http.Request){
				"nothing":   func(r *http.Request) { r.Header.Del("Authorization") },
				"wrong key": func(r *http.Request) { r.Header.Set("Authorization", "Bearer the-admin-kez") },
				"empty key": func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") },
				"cookie": func(r *http.Request) {
					r.Header.Del("Authorization")
					r.AddCookie(&http.Cookie{Name: cookie, Value: "guess"})
				},
			} {
				if resp, _ := o.do(t, method, path, "", change); resp.StatusCode != 401 {
					t.Errorf("%s %s with %s: %d", method, path, name, resp.StatusCode)
				}
			}
		}
	}
	if resp, doc := o.do(t, "GET", "/admin/v1/openapi.json", "", func(r *http.Request) { r.Header.Del("Authorization") }); resp.StatusCode != 200 || doc["paths"] == nil {
		t.Errorf("the description: %d", resp.StatusCode)
	}
	if resp, _ := o.do(t, "GET", "/admin/v1/nothing", "", nil); resp.StatusCode != 404 {
		t.Errorf("an unknown path: %d", resp.StatusCode)
	}
}

func TestSession(t *testing.T) {
	o := open(t)
	signIn := func(body string) *http.Response {
		resp, _ := o.do(t, "POST", "/admin/v1/session", body, func(r *http.Request) { r.Header.Del("Authorization") })
		return resp
	}
	if resp := signIn(`{"key":"wrong"}`); resp.StatusCode != 401 || len(resp.Cookies()) != 0 {
		t.Errorf("wrong key: %d", resp.StatusCode)
	}
	if resp := signIn(`nonsense`); resp.StatusCode != 400 {
		t.Errorf("nonsense: %d", resp.StatusCode)
	}
	link := o.desk.Link()
	for _, body := range []string{`{"key":"the-admin-key"}`, `{"link":"` + link + `"}`} {
		resp := signIn(body)
		if resp.StatusCode != 204 || len(resp.Cookies()) != 1 {
			t.Fatalf("%s: %d", body, resp.StatusCode)
		}
		c := resp.Cookies()[0]
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" {
			t.Errorf("the cookie is %+v", c)
		}
		with := func(r *http.Request) { r.Header.Del("Authorization"); r.AddCookie(c) }
		if resp, doc := o.do(t, "GET", "/admin/v1/session", "", with); resp.StatusCode != 200 || doc["user"] != "admin" {
			t.Errorf("signed in: %d %v", resp.StatusCode, doc)
		}
		if resp, _ := o.do(t, "GET", "/admin/v1/logs", "", with); resp.StatusCode != 200 {
			t.Errorf("logs by session: %d", resp.StatusCode)
		}
		if resp, _ := o.do(t, "DELETE", "/admin/v1/session", "", func(r *http.Request) { with(r); r.Header.Set("Sec-Fetch-Site", "cross-site") }); resp.StatusCode != 403 {
			t.Errorf("another site signs out: %d", resp.StatusCode)
		}
		o.do(t, "DELETE", "/admin/v1/session", "", with)
		if resp, _ := o.do(t, "GET", "/admin/v1/session", "", with); resp.StatusCode != 401 {
			t.Errorf("after signing out: %d", resp.StatusCode)
		}
	}
	if resp := signIn(`{"link":"` + link + `"}`); resp.StatusCode != 401 {
		t.Errorf("the link works twice: %d", resp.StatusCode)
	}
}

func TestLogs(t *testing.T) {
	o := open(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	a, b, c := record(now.Add(-2*time.Minute), "m1", 1500, price.Priced), record(now.Add(-time.Minute), "m2", 0, price.Unpriced), record(now, "m1", 500, price.Priced)
	b.Outcome, b.Class, b.Code, b.Message = logs.Failed, "overloaded", "x", "too busy"
	o.put(t, a, b, c)

	_, doc := o.do(t, "GET", "/admin/v1/logs?limit=2", "", nil)
	items, next := doc["items"].([]any), doc["next"]
	first := items[0].(map[string]any)
	if len(items) != 2 || next == nil || first["id"] != c.ID || first["cost_usd"] != "0.0000005" || first["input_tokens"] != 10.0 {
		t.Errorf("the newest page: %v", doc)
	}
	if second := items[1].(map[string]any); second["cost_usd"] != nil || second["cost_state"] != "unpriced" {
		t.Errorf("an unknown price must not look like one: %v", second)
	}
	_, doc = o.do(t, "GET", "/admin/v1/logs?limit=2&cursor="+next.(string), "", nil)
	if items := doc["items"].([]any); len(items) != 1 || doc["next"] != nil {
		t.Errorf("the second page: %v", doc)
	}
	for query, want := range map[string]int{"model=m1": 2, "outcome=error": 1, "q=busy": 1, "q=" + a.ID: 1, "from=90s": 2, "tag=a": 3, "provider=other": 0} {
		if _, doc := o.do(t, "GET", "/admin/v1/logs?"+query, "", nil); len(doc["items"].([]any)) != want {
			t.Errorf("%s: %v", query, doc)
		}
	}
	for _, query := range []string{"from=yesterday", "limit=0", "limit=5000", "cursor=%00", "outcome=strange"} {
		if resp, doc := o.do(t, "GET", "/admin/v1/logs?"+query, "", nil); resp.StatusCode < 400 || resp.StatusCode > 422 {
			t.Errorf("%s: %d %v", query, resp.StatusCode, doc)
		}
	}
	_, doc = o.do(t, "GET", "/admin/v1/logs/"+a.ID, "", nil)
	if attempts := doc["attempts"].([]any); doc["id"] != a.ID || doc["request"] != nil || attempts[0].(map[string]any)["usage"].(map[string]any)["input_text"] != 10.0 {
		t.Errorf("one: %v", doc)
	}
	if resp, _ := o.do(t, "GET", "/admin/v1/logs/"+uuid.NewString(), "", nil); resp.StatusCode != 404 {
		t.Errorf("none: %d", resp.StatusCode)
	}
}

func TestMoney(t *testing.T) {
	o := open(t)
	now := time.Now().UTC()
	o.put(t, record(now, "m1", 1500, price.Priced), record(now, "m1", 500, price.Billed), record(now, "m2", 0, price.Unpriced))
	_, doc := o.do(t, "GET", "/admin/v1/spend?group_by=model", "", nil)
	got := map[string]any{}
	for _, item := range doc["items"].([]any) {
		row := item.(map[string]any)
		got[row["model"].(string)] = []any{row["requests"], row["cost_usd"], row["unpriced"], row["input_tokens"]}
	}
	want := map[string]any{"m1": []any{2.0, "0.000002", 0.0, 20.0}, "m2": []any{1.0, "0", 1.0, 10.0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, doc = o.do(t, "GET", "/admin/v1/usage?from=1h&bucket=hour", "", nil)
	requests := 0.0
	for _, item := range doc["items"].([]any) {
		requests += item.(map[string]any)["requests"].(float64)
	}
	if requests != 3 {
		t.Errorf("usage: %v", doc)
	}
	for _, path := range []string{"/admin/v1/spend?group_by=password", "/admin/v1/usage?timezone=Mars/Base", "/admin/v1/usage?bucket=year"} {
		if resp, _ := o.do(t, "GET", path, "", nil); resp.StatusCode < 400 || resp.StatusCode > 422 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	if _, doc := o.do(t, "GET", "/admin/v1/config", "", nil); doc["listen"] != "x" {
		t.Errorf("config: %v", doc)
	}
}

func TestLive(t *testing.T) {
	o := open(t)
	req, err := http.NewRequestWithContext(t.Context(), "GET", o.URL+"/admin/v1/logs/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer the-admin-key")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer o.CloseClientConnections()
	rec := record(time.Now(), "m1", 1, price.Priced)
	o.tail <- rec
	r := bufio.NewReader(resp.Body)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			if !strings.Contains(data, rec.ID) {
				t.Errorf("got %s", data)
			}
			return
		}
	}
}

// The description is kept beside the code, so that a change of the API is seen in review: go test -run OpenAPI -update.
func TestOpenAPI(t *testing.T) {
	o := open(t)
	_, doc := o.do(t, "GET", "/admin/v1/openapi.json", "", nil)
	delete(doc["info"].(map[string]any), "version")
	got, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "openapi.json")
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(path, append(got, '\n'), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
		t.Errorf("run with -update if this is meant: %s", diff)
	}
}
