package rig

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// AdminKey is the admin key of gateways that were not given another.
const AdminKey = "admin-key-of-the-tests"

// Setup says how a gateway is started.
type Setup struct {
	Dir    string // working directory; a new one when empty. tidegate.yaml and data are in it
	Config string // YAML; "" leaves the file as it is
	Env    []string
	Args   []string
	Bare   bool            // without the admin key that the others are given
	Wrap   func(*exec.Cmd) // changes the command before it runs
}

// Gateway is a running gateway.
type Gateway struct {
	*Process
	URL string // without a path
	Dir string
	Key string // of the admin API
}

// Serve starts a gateway on a free port and returns once it serves.
func Serve(t testing.TB, s Setup) *Gateway {
	t.Helper()
	g := Launch(t, s)
	g.URL = g.Out.Find(t, `gateway +(http://\S+)/v1`)[1]
	return g
}

// Launch starts a gateway without waiting for it.
func Launch(t testing.TB, s Setup) *Gateway {
	t.Helper()
	if s.Dir == "" {
		s.Dir = t.TempDir()
	}
	if s.Config != "" {
		WriteFile(t, filepath.Join(s.Dir, "tidegate.yaml"), s.Config)
	}
	g := &Gateway{Dir: s.Dir, Key: AdminKey}
	env := s.Env
	if !s.Bare {
		env = append([]string{"TIDEGATE_ADMIN_KEY=" + AdminKey}, env...)
	}
	for _, e := range env {
		if key, ok := strings.CutPrefix(e, "TIDEGATE_ADMIN_KEY="); ok {
			g.Key = key
		}
	}
	cmd := Command(t, s.Dir, env, append([]string{"serve", "--listen", "127.0.0.1:0"}, s.Args...)...)
	if s.Wrap != nil {
		s.Wrap(cmd)
	}
	g.Process = start(t, cmd)
	return g
}

// Host is the gateway's address as host and port.
func (g *Gateway) Host() string { return strings.TrimPrefix(g.URL, "http://") }

// Config is the path of its configuration file.
func (g *Gateway) Config() string { return filepath.Join(g.Dir, "tidegate.yaml") }

// Admin gets a path of the admin API and decodes the answer into v.
func (g *Gateway) Admin(t testing.TB, path string, v any) {
	t.Helper()
	if status := g.admin(t, path, v); status != http.StatusOK {
		t.Fatalf("GET %s: status %d", path, status)
	}
}

func (g *Gateway) admin(t testing.TB, path string, v any) (status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.URL+"/admin/v1"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+g.Key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, v); err != nil {
			t.Fatalf("GET %s: %v in %s", path, err, body)
		}
	}
	return resp.StatusCode
}

// Row is a row of the log, as far as tests look at it.
type Row struct {
	ID           string    `json:"id"`
	Key          string    `json:"key"`
	Session      string    `json:"session"`
	Called       string    `json:"called"`
	Stream       bool      `json:"stream"`
	Provider     string    `json:"provider"`
	Model        string    `json:"model"`
	Route        string    `json:"route"`
	Status       int       `json:"status"`
	Outcome      string    `json:"outcome"`
	Class        string    `json:"class"`
	Code         string    `json:"code"`
	Message      string    `json:"message"`
	Dropped      []string  `json:"dropped"`
	Stop         string    `json:"stop"`
	Bodies       bool      `json:"bodies"`
	InputTokens  int64     `json:"input_tokens"`
	OutputTokens int64     `json:"output_tokens"`
	CostUSD      *string   `json:"cost_usd"`
	CostState    string    `json:"cost_state"`
	Attempts     []Attempt `json:"attempts"`
	Request      *Body     `json:"request"`
	Response     *Body     `json:"response"`
}

// Attempt is a ledger line.
type Attempt struct {
	N           int              `json:"n"`
	Provider    string           `json:"provider"`
	Model       string           `json:"model"`
	Status      int              `json:"status"`
	Class       string           `json:"class"`
	Sent        bool             `json:"sent"`
	Usage       map[string]int64 `json:"usage"`
	UsageSource string           `json:"usage_source"`
	CostUSD     *string          `json:"cost_usd"`
	CostState   string           `json:"cost_state"`
}

// Body is a logged body.
type Body struct {
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Cut     bool              `json:"cut"`
}

// Logged waits for the row of a request and returns it with its bodies.
func (g *Gateway) Logged(t testing.TB, id string) *Row {
	t.Helper()
	if id == "" {
		t.Fatal("there is no request id to look up")
	}
	row := new(Row)
	Until(t, "the log row of "+id, func() bool { return g.admin(t, "/logs/"+id, row) == http.StatusOK })
	return row
}

// Rows are the newest rows that a query picks, such as session=s1.
func (g *Gateway) Rows(t testing.TB, query string) []Row {
	t.Helper()
	var list struct {
		Items []Row `json:"items"`
	}
	g.Admin(t, "/logs?limit=1000&"+query, &list)
	return list.Items
}

// Answer is an answer read whole.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// ID is the gateway's id of the request.
func (a *Answer) ID() string { return a.Header.Get("X-Tidegate-Request-Id") }

// Post sends a document and reads the answer whole; headers are name and value in turn.
func (g *Gateway) Post(t testing.TB, path, body string, headers ...string) *Answer {
	t.Helper()
	a, err := g.Try(t, http.MethodPost, path, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Get is Post without a document.
func (g *Gateway) Get(t testing.TB, path string, headers ...string) *Answer {
	t.Helper()
	a, err := g.Try(t, http.MethodGet, path, "", headers...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Try is Post for answers that may break off.
func (g *Gateway) Try(t testing.TB, method, path, body string, headers ...string) (*Answer, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, g.URL+path, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	return &Answer{resp.StatusCode, resp.Header, string(all)}, err
}

// Upstream is a running scripted upstream.
type Upstream struct {
	*Process
	URL string // without a path
}

// Fake starts the scripted upstream.
func Fake(t testing.TB) *Upstream {
	t.Helper()
	p := start(t, Command(t, t.TempDir(), nil, "fake", "--listen", "127.0.0.1:0"))
	return &Upstream{p, p.Out.Find(t, `on (http://\S+)/v1`)[1]}
}

// Received is what the scripted upstream noted of a request.
type Received struct {
	ID      string      `json:"id"`
	Time    time.Time   `json:"time"`
	Path    string      `json:"path"`
	Model   string      `json:"model"`
	Stream  bool        `json:"stream"`
	Headers http.Header `json:"headers"`
	Body    string      `json:"body"`
	Status  int         `json:"status"`
	Events  int         `json:"events"`
	Done    *time.Time  `json:"done"`
	GoneAt  *time.Time  `json:"client_gone"`
}

// Received lists what it received, oldest first.
func (u *Upstream) Received(t testing.TB) []Received {
	t.Helper()
	var list []Received
	if err := json.Unmarshal(u.call(t, http.MethodGet, "/_fake/requests"), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// Reset has it forget.
func (u *Upstream) Reset(t testing.TB) {
	t.Helper()
	u.call(t, http.MethodPost, "/_fake/reset")
}

func (u *Upstream) call(t testing.TB, method, path string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, u.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// Providers is the configuration of the three dialects at an upstream, and of more providers, one a line. Prices are easy to
// check: $10 for a million input tokens, $1 for those read from a cache, $100 for output.
func Providers(url string, more ...string) string {
	return strings.ReplaceAll(`
providers:
  openai:    { base_url: URL/v1, api_key: key-of-openai }
  anthropic: { base_url: URL/v1, api_key: key-of-anthropic }
  google:    { base_url: URL/v1beta, api_key: key-of-google }
`+strings.Join(more, "\n")+`
prices:
  - { model: "*", input: $10, output: $100, cache_read: $1 }
`, "URL", url)
}
