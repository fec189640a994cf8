package program

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sync/errgroup"

	"tidegate/test/rig"
)

// The secrets that must never be seen again. Their characters are written differently in URLs, in JSON and in base64.
const (
	canaryClient   = "tg-canary+client/1234567890=="
	canaryOpenAI   = "sk-canary+openai/1234567890=="
	canaryClaude   = "sk-canary+anthropic/1234567890=="
	canaryGoogle   = "sk-canary+google/1234567890=="
	canaryMistral  = "sk-canary+mistral/1234567890=="
	canaryHeader   = "hd-canary+header/1234567890=="
	canaryAdmin    = "ad-canary+admin/1234567890=="
	canarySecret   = "se-canary+secret/1234567890=="
	canarySlack    = "https://hooks.example/services/canary+slack/1234567890=="
	canaryStranger = "sk-canary+stranger/1234567890=="
)

var canaries = []string{
	canaryClient, canaryOpenAI, canaryClaude, canaryGoogle, canaryMistral, canaryHeader, canaryAdmin, canarySecret, canarySlack, canaryStranger,
}

// ways are the ways in which a secret may be written.
func ways(secret string) []string {
	quoted, _ := json.Marshal(secret)
	return []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), strings.Trim(string(quoted), `"`),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		strings.TrimPrefix(secret, "https://"), secret[3:],
	}
}

// echo is an upstream that repeats the credential it was called with, in every place where some vendor has been seen to.
func echo(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") + r.Header.Get("X-Api-Key") + r.Header.Get("X-Goog-Api-Key")
	all := fmt.Sprintf("bad key %s, %s, %s, header %s", key, url.QueryEscape(key), base64.StdEncoding.EncodeToString([]byte(key)), r.Header.Get("X-Extra"))
	body, _ := io.ReadAll(r.Body)
	how := string(body) + r.URL.Path
	fail := func(status int) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		switch {
		case strings.HasSuffix(r.URL.Path, "/messages"):
			fmt.Fprintf(w, `{"type":"error","error":{"type":"invalid_request_error","message":%q}}`, all)
		case strings.Contains(r.URL.Path, "models/"):
			fmt.Fprintf(w, `{"error":{"code":%d,"message":%q,"status":"INVALID_ARGUMENT"}}`, status, all)
		default:
			fmt.Fprintf(w, `{"error":{"message":%q,"type":"invalid_request_error","code":%q,"param":%q}}`, all, key, key)
		}
	}
	switch {
	case strings.Contains(how, "leak-401"):
		fail(401)
	case strings.Contains(how, "leak-400"):
		fail(400)
	case strings.Contains(how, "leak-429"):
		fail(429)
	case strings.Contains(how, "leak-500"):
		fail(500)
	case strings.Contains(how, "leak-200"):
		fail(200)
	case strings.Contains(how, "leak-text"):
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(502)
		io.WriteString(w, "<html>"+all+"</html>")
	case strings.Contains(how, "leak-html"):
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<html>"+all+"</html>")
	case strings.Contains(how, "leak-cut"):
		w.Header().Set("Content-Length", "9999")
		io.WriteString(w, all)
	case strings.Contains(how, "leak-head"):
		w.Header().Set("X-Echo", all)
		w.Header().Set("Location", "http://127.0.0.1:1/"+url.PathEscape(key))
		w.WriteHeader(307)
	case strings.Contains(how, "leak-stream"):
		w.Header().Set("Content-Type", "text/event-stream")
		switch {
		case strings.HasSuffix(r.URL.Path, "/messages"):
			io.WriteString(w, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"x\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n"+
				"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"+
				"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"so far\"}}\n\n")
			fmt.Fprintf(w, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":%q}}\n\n", all)
		case strings.Contains(r.URL.Path, "models/"):
			io.WriteString(w, "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"so far\"}]}}]}\n\n")
			fmt.Fprintf(w, "data: {\"error\":{\"code\":500,\"message\":%q,\"status\":\"INTERNAL\"}}\n\n", all)
		default:
			io.WriteString(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"so far\"}}]}\n\n")
			fmt.Fprintf(w, "data: {\"error\":{\"message\":%q,\"type\":\"server_error\",\"code\":%q}}\n\n", all, key)
		}
	default:
		fail(404)
	}
}

// TestCanaries uses secrets that are easy to find, has everything fail that can, with the program's own log at its most
// talkative, and then looks for them in all that anybody could read.
func TestCanaries(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(echo))
	defer upstream.Close()
	fake := rig.Fake(t)
	dead := httptest.NewServer(nil)
	dead.Close()
	g := rig.Serve(t, rig.Setup{
		Env: []string{
			"TIDEGATE_ADMIN_KEY=" + canaryAdmin, "TIDEGATE_SECRET=" + canarySecret, "MISTRAL_API_KEY=" + canaryMistral, "CLIENT=" + canaryClient,
			"OPENAI=" + canaryOpenAI, "ANTHROPIC=" + canaryClaude, "GOOGLE=" + canaryGoogle, "EXTRA=" + canaryHeader, "SLACK_WEBHOOK_URL=" + canarySlack,
		},
		Config: replace(`
log: { level: debug }
keys: [ { name: app, key: "${CLIENT}" } ]
providers:
  openai:     { base_url: URL/v1, api_key: "${OPENAI}", headers: { X-Extra: "${EXTRA}" } }
  anthropic:  { base_url: URL/v1, api_key: "${ANTHROPIC}", headers: { X-Extra: "${EXTRA}" } }
  google:     { base_url: URL/v1beta, api_key: "${GOOGLE}", headers: { X-Extra: "${EXTRA}" } }
  healthy:    { type: openai, base_url: FAKE/v1, api_key: "${OPENAI}" }
  unreachable: { type: openai, base_url: DEAD/v1, api_key: "${OPENAI}" }
alerts: [ { type: daily_spend, threshold: $1, notify: slack } ]
`, upstream.URL, fake.URL, dead.URL),
	})

	var (
		mu   sync.Mutex
		seen strings.Builder // everything that came over HTTP
	)
	note := func(a *rig.Answer, err error) {
		if a == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for name, v := range a.Header {
			fmt.Fprintln(&seen, name, v)
		}
		fmt.Fprintln(&seen, a.Status, a.Body, err)
	}
	surfaces := map[string]func(model string, stream bool) (path, body string){
		"openai": func(model string, stream bool) (string, string) { return chat, ask(model, stream) },
		"anthropic": func(model string, stream bool) (string, string) {
			return "/v1/messages", fmt.Sprintf(`{"model":%q,"max_tokens":99,"stream":%t,"messages":[{"role":"user","content":"a"}]}`, model, stream)
		},
		"google": func(model string, stream bool) (string, string) {
			action := map[bool]string{false: ":generateContent", true: ":streamGenerateContent?alt=sse"}[stream]
			return "/v1beta/models/" + model + action, `{"contents":[{"role":"user","parts":[{"text":"a"}]}]}`
		},
	}
	requests := 0
	var many errgroup.Group // most of the time goes into waiting before the next attempt
	many.SetLimit(16)
	for _, surface := range surfaces {
		for _, provider := range []string{"openai", "anthropic", "google"} {
			for _, leak := range []string{"leak-400", "leak-401", "leak-429", "leak-500", "leak-200", "leak-text", "leak-html", "leak-cut", "leak-head", "leak-stream"} {
				for _, stream := range []bool{false, true} {
					path, body := surface(provider+"/"+leak, stream)
					requests++
					many.Go(func() error {
						a, err := g.Try(t, http.MethodPost, path, body, "Authorization", "Bearer "+canaryClient)
						note(a, err)
						if a == nil || a.Status < 400 && !strings.Contains(a.Body, "error") {
							t.Errorf("%s of %s did not fail: %+v, %v", leak, provider, a, err)
						}
						return nil
					})
				}
			}
		}
		for _, model := range []string{"unreachable/x", "healthy/echo", "healthy/fail:status=400,leak=1", "healthy/chat+error_event:after=4", "healthy/chat+cut:after=3", "nothing/x", "gpt-99"} {
			path, body := surface(model, false)
			for _, place := range []string{"Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"} {
				value := canaryClient
				if place == "Authorization" {
					value = "Bearer " + value
				}
				many.Go(func() error {
					note(g.Try(t, http.MethodPost, path, body, place, value))
					return nil
				})
			}
		}
		path, body := surface("healthy/echo", true)
		note(g.Try(t, http.MethodPost, path, body, "Authorization", "Bearer "+canaryStranger, "Cookie", "session="+canaryStranger, "Proxy-Authorization", canaryStranger))
		sep := map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]
		note(g.Try(t, http.MethodPost, path+sep+"key="+url.QueryEscape(canaryClient), body))
		note(g.Try(t, http.MethodPost, "/nowhere?key="+url.QueryEscape(canaryClient), body))
		note(g.Try(t, http.MethodPost, path, `{"model":`, "Authorization", "Bearer "+canaryClient))
	}
	_ = many.Wait()
	for _, key := range []string{canaryStranger, canaryClient} {
		note(g.Try(t, http.MethodGet, "/admin/v1/logs", "", "Authorization", "Bearer "+key))
		note(g.Try(t, http.MethodPost, "/admin/v1/session", `{"key":"`+key+`"}`))
	}
	in := g.Post(t, "/admin/v1/session", `{"key":"`+canaryAdmin+`"}`)
	if in.Status != 204 {
		t.Fatalf("the admin key does not sign in: %d", in.Status)
	}
	note(in, nil)
	g.Signal(t, syscall.SIGHUP)
	rig.WriteFile(t, g.Config(), "provders: { x: { api_key: \""+canaryOpenAI+"\" } }\nkeys: [ { name: a, key: "+canaryClient+", limits: "+canaryClient+" } ]\n")
	g.Err.Find(t, `the changed configuration is not used`)

	rig.Until(t, "all rows in the log", func() bool { return len(g.Rows(t, "")) >= requests })
	admin := []string{"Authorization", "Bearer " + canaryAdmin}
	for _, path := range []string{
		"/metrics", "/admin/v1/config", "/admin/v1/logs?limit=1000", "/admin/v1/spend?group_by=key,model", "/admin/v1/usage", "/admin/v1/openapi.json",
		"/v1/models", "/healthz", "/readyz", "/console/",
	} {
		a := g.Get(t, path, admin...)
		if a.Status != 200 {
			t.Errorf("%s: status %d: %.300s", path, a.Status, a.Body)
		}
		note(a, nil)
	}
	for _, row := range g.Rows(t, "")[:50] {
		note(g.Get(t, "/admin/v1/logs/"+row.ID, admin...), nil)
	}
	check := rig.Run(t, g.Dir, nil, "check")
	g.Stop(t)
	export := rig.Run(t, g.Dir, nil, "export", "--bodies", "--data", filepath.Join(g.Dir, "data"), "--config", emptyConfig(t))
	if export.Code != 0 || strings.Count(export.Out, "\n") < requests {
		t.Fatalf("export: code %d, %d rows for %d requests, %s", export.Code, strings.Count(export.Out, "\n"), requests, export.Err)
	}

	places := map[string]string{
		"standard output": g.Out.String(), "standard error": g.Err.String(), "answers": seen.String(), "export": export.Out,
		"check": check.Out + check.Err,
	}
	err := filepath.WalkDir(filepath.Join(g.Dir, "data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		places["data/"+d.Name()] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for place, text := range places {
		for _, canary := range canaries {
			for _, way := range ways(canary) {
				if at := strings.Index(text, way); at >= 0 {
					t.Errorf("%s holds %q (%d times): …%s…", place, way, strings.Count(text, way), text[max(0, at-300):min(len(text), at+len(way)+100)])
					break
				}
			}
		}
	}
	if len(places) < 8 || !strings.Contains(places["answers"], "so far") {
		t.Errorf("%d places were searched: not what this test wants", len(places))
	}
}

// replace puts the addresses of the upstreams into a configuration.
func replace(config, url, fake, dead string) string {
	return strings.NewReplacer("URL", url, "FAKE", fake, "DEAD", dead).Replace(config)
}

// emptyConfig is a configuration that says nothing, for commands that need none.
func emptyConfig(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "empty.yaml")
	rig.WriteFile(t, path, "{}\n")
	return path
}
