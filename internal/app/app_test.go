package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tidegate/internal/config"
	"tidegate/internal/rawjson"
)

// program is a gateway in this process.
type program struct {
	url    string
	dir    string
	out    *bytes.Buffer
	reload chan struct{}
	stop   context.CancelFunc
	done   chan error
}

func loader(file, dir string, env map[string]string) config.Loader {
	return config.Loader{
		Catalog: Builtins{}, Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Flags: config.Flags{Config: file, Listen: "127.0.0.1:0", Data: dir},
	}
}

func start(t *testing.T, dir, file string, env map[string]string) *program {
	t.Helper()
	p := &program{dir: dir, out: &bytes.Buffer{}, reload: make(chan struct{}), done: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	p.stop = cancel
	ready := make(chan string, 1)
	go func() {
		p.done <- Serve(ctx, Options{
			Loader: loader(file, dir, env), Version: "test", Out: p.out, Log: slog.New(slog.DiscardHandler), Level: new(slog.LevelVar),
			Reload: p.reload, Ready: func(url string) { ready <- url },
		})
	}()
	select {
	case p.url = <-ready:
	case err := <-p.done:
		t.Fatalf("it did not start: %v", err)
	}
	return p
}

// end stops the program and waits for it.
func (p *program) end(t *testing.T) {
	t.Helper()
	p.stop()
	if err := <-p.done; err != nil {
		t.Errorf("it ended with %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
}

func (p *program) ask(t *testing.T, method, path, body, key string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

const hello = `{"model":"demo/chat","messages":[{"role":"user","content":"Hello!"}]}`

// A newcomer starts it without anything, gets an answer, and finds it logged and priced, also after a restart.
func TestServe(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := filepath.Join(t.TempDir(), "data")
	p := start(t, dir, "", nil)
	if status, body := p.ask(t, "POST", "/v1/chat/completions", hello, ""); status != 200 || !strings.Contains(body, `"assistant"`) {
		t.Errorf("%d %s", status, body)
	}
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/metrics": "tidegate_requests_total", "/console/": "<html", "/v1/models": "demo/echo"} {
		if status, body := p.ask(t, "GET", path, "", ""); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.200s", path, status, body)
		}
	}
	link := regexp.MustCompile(`#link=(\w+)`).FindStringSubmatch(p.out.String())
	if link == nil {
		t.Fatalf("no sign-in link in %s", p.out)
	}
	if status, body := p.ask(t, "POST", "/admin/v1/session", `{"link":"`+link[1]+`"}`, ""); status != 204 {
		t.Errorf("the link: %d %s", status, body)
	}
	p.end(t)

	for _, file := range []string{"admin.key", "secret.key", "tidegate.db"} {
		info, err := os.Stat(filepath.Join(dir, file))
		if err != nil || strings.HasSuffix(file, ".key") && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info, err)
		}
	}
	key, err := os.ReadFile(filepath.Join(dir, "admin.key"))
	if err != nil {
		t.Fatal(err)
	}
	p = start(t, dir, "", nil)
	status, body := p.ask(t, "GET", "/admin/v1/logs", "", strings.TrimSpace(string(key)))
	if status != 200 || strings.Count(body, `"called":"demo/chat"`) != 1 || !strings.Contains(body, `"cost_state":"priced"`) {
		t.Errorf("after a restart: %d %s", status, body)
	}
	if status, body := p.ask(t, "GET", "/admin/v1/config", "", strings.TrimSpace(string(key))); status != 200 || strings.Contains(body, strings.TrimSpace(string(key))) {
		t.Errorf("config: %d %s", status, body)
	}
	p.end(t)
}

// What keeps it from starting is said in a way that helps, and nothing is left running.
func TestStartErrors(t *testing.T) {
	defer goleak.VerifyNone(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tmp := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(tmp, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	running := start(t, filepath.Join(tmp, "running"), "", nil)
	defer running.end(t)
	for _, tt := range []struct {
		name, listen, data, file, want string
	}{
		{"port taken", taken.Addr().String(), filepath.Join(tmp, "a"), "", "is taken by another program"},
		{"data is a file", "127.0.0.1:0", write("file", "x"), "", "cannot be made: not a directory; choose another with --data"},
		{"data in use", "127.0.0.1:0", filepath.Join(tmp, "running"), "", "in use by another process"},
		{"unknown provider", "127.0.0.1:0", filepath.Join(tmp, "b"), write("c.yaml", "routing: {default_provider: opnai}\n"), `did you mean "openai"`},
		{"no such file", "127.0.0.1:0", filepath.Join(tmp, "b"), filepath.Join(tmp, "none.yaml"), "none.yaml"},
		{"open to the world", "0.0.0.0:0", filepath.Join(tmp, "b"), write("d.yaml", "auth: open\n"), "auth"},
		{"broken price book", "127.0.0.1:0", filepath.Dir(write("prices.json", "{")), "", "price book"},
	} {
		l := loader(tt.file, tt.data, nil)
		l.Flags.Listen = tt.listen
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err := Serve(ctx, Options{Loader: l, Out: io.Discard, Log: slog.New(slog.DiscardHandler)})
		cancel()
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// A changed file is taken while requests are under way, without an error to anybody; a broken one leaves the old in force.
func TestReload(t *testing.T) {
	defer goleak.VerifyNone(t)
	file := filepath.Join(t.TempDir(), "tidegate.yaml")
	write := func(keys ...string) {
		text := "auth: required\nkeys:\n"
		for _, k := range keys {
			text += fmt.Sprintf("  - { name: %s, key: %s-0123456789abcdef }\n", k, k)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	p := start(t, filepath.Join(t.TempDir(), "data"), file, map[string]string{"TIDEGATE_ADMIN_KEY": "admin-0123456789abcdef"})
	defer p.end(t)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var bad sync.Map
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if status, body := p.ask(t, "POST", "/v1/chat/completions", hello, "one-0123456789abcdef"); status != 200 {
					bad.Store(body, status)
				}
			}
		})
	}
	become := func(key string, want int) {
		t.Helper()
		deadline := time.Now().Add(20 * time.Second)
		for status := 0; status != want; {
			if time.Now().After(deadline) {
				t.Fatalf("%s never became %d", key, want)
			}
			status, _ = p.ask(t, "POST", "/v1/chat/completions", hello, key+"-0123456789abcdef")
		}
	}
	become("two", 401)
	write("one", "two")
	become("two", 200)
	if err := os.WriteFile(file, []byte("auth: [nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.reload <- struct{}{}
	become("two", 200)
	write("one")
	become("two", 401)
	cancel()
	wg.Wait()
	bad.Range(func(body, status any) bool { t.Errorf("%v %v", status, body); return true })
}

// Streams that are under way when it stops are finished; those that outlast the patience get an error event.
func TestDrain(t *testing.T) {
	for _, tt := range []struct {
		patience, model, want string
	}{
		{"1m", "demo/stream:chunks=30,gap=20ms", "[DONE]"},
		{"300ms", "demo/stream:chunks=1000,gap=20ms", "gateway_stopping"},
	} {
		file := filepath.Join(t.TempDir(), "tidegate.yaml")
		if err := os.WriteFile(file, []byte("server: { drain_timeout: "+tt.patience+" }\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		p := start(t, filepath.Join(t.TempDir(), "data"), file, nil)
		var wg sync.WaitGroup
		begun := make(chan struct{}, 10)
		for range 10 {
			wg.Go(func() {
				body := fmt.Sprintf(`{"model":%q,"stream":true,"messages":[{"role":"user","content":"hi"}]}`, tt.model)
				resp, err := http.Post(p.url+"/v1/chat/completions", "application/json", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				first := make([]byte, 1)
				_, _ = io.ReadFull(resp.Body, first)
				begun <- struct{}{}
				rest, _ := io.ReadAll(resp.Body) // a stream that was cut says so in its last event
				if !strings.Contains(string(rest), tt.want) {
					t.Errorf("%s: ended with %q", tt.model, rest[max(0, len(rest)-200):])
				}
			})
		}
		for range 10 {
			<-begun
		}
		p.end(t)
		wg.Wait()
	}
}

// A newer price book in the data folder is taken on SIGHUP.
func TestPriceBook(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := start(t, dir, "", map[string]string{"TIDEGATE_ADMIN_KEY": "admin-0123456789abcdef"})
	defer p.end(t)
	book, err := os.ReadFile(filepath.Join("..", "price", "book.json"))
	if err != nil {
		t.Fatal(err)
	}
	date, _ := rawjson.String(rawjson.Get(book, "date"))
	if date == "" {
		t.Fatalf("no date in %.100s", book)
	}
	newer := bytes.Replace(book, []byte(`"date":"`+date), []byte(`"date":"2999-01-01`), 1)
	if err := os.WriteFile(filepath.Join(dir, "prices.json"), newer, 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := Book(dir)
	if err != nil || taken.Date() != "2999-01-01" {
		t.Errorf("%s %v", taken.Date(), err)
	}
	p.reload <- struct{}{} // twice: the second is heard only when the first is dealt with
	p.reload <- struct{}{}
	if status, _ := p.ask(t, "POST", "/v1/chat/completions", hello, ""); status != 200 {
		t.Errorf("after the reload: %d", status)
	}
}
