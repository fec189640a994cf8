// Package admin is the control plane: /admin/v1, read by the console, by scripts and by whoever holds the admin key. Its
// types are its documentation: /admin/v1/openapi.json is made from them.
//
// It knows who may look and how things are shown. It does not know SQL, nor how an exchange comes about.
package admin

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/login"
	"tidegate/internal/logs"
)

// Tail gives the records of exchanges as they end.
type Tail interface {
	Subscribe(ctx context.Context, f logs.Filter) <-chan *logs.Record
}

// Options is what the control plane shows.
type Options struct {
	Desk    *login.Desk
	Logs    logs.Reader
	Tail    Tail
	Config  func() jsontext.Value // without secrets
	Version string
}

type server struct{ Options }

// cookie is the console's session. It is bound to the host, invisible to scripts, and never sent along by other sites.
const cookie = "tidegate_session"

// Handler serves /admin/v1. Whoever is not signed in gets 401 for everything but signing in and the API's description.
func Handler(opt Options) http.Handler {
	s := &server{opt}
	mux := http.NewServeMux()
	cfg := huma.DefaultConfig("Tidegate admin API", opt.Version)
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "/admin/v1/openapi", "", ""
	cfg.CreateHooks = nil // no $schema member in every answer
	cfg.Formats = map[string]huma.Format{"application/json": format, "json": format}
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"admin":   {Type: "http", Scheme: "bearer"},
		"session": {Type: "apiKey", In: "cookie", Name: cookie},
	}
	cfg.Security = []map[string][]string{{"admin": {}}, {"session": {}}}
	api := humago.New(mux, cfg)
	s.logs(api)
	s.money(api)
	huma.Get(api, "/admin/v1/config", s.config, describe("The configuration in force, without secrets."))
	mux.HandleFunc("GET /admin/v1/logs/stream", s.live)
	mux.HandleFunc("GET /admin/v1/session", s.session)
	mux.HandleFunc("POST /admin/v1/session", s.signIn)
	mux.HandleFunc("DELETE /admin/v1/session", s.signOut)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusNotFound, r.Method+" "+r.URL.Path+" does not exist; see /admin/v1/openapi.json")
	})
	return http.NewCrossOriginProtection().Handler(s.guard(mux))
}

var format = huma.Format{
	Marshal:   func(w io.Writer, v any) error { return json.MarshalWrite(w, v, json.Deterministic(true)) },
	Unmarshal: func(b []byte, v any) error { return json.Unmarshal(b, v) },
}

func describe(summary string) func(*huma.Operation) {
	return func(o *huma.Operation) { o.Summary = summary }
}

// public are the paths that need no sign-in.
func public(r *http.Request) bool {
	return r.URL.Path == "/admin/v1/session" || strings.HasPrefix(r.URL.Path, "/admin/v1/openapi")
}

func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if !public(r) && !s.known(r) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			problem(w, http.StatusUnauthorized, "sign in with the admin key: 'Authorization: Bearer KEY'")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// known tells whether the request comes with the admin key or a session.
func (s *server) known(r *http.Request) bool {
	if scheme, key, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "bearer") {
		return s.Desk.Key(strings.TrimSpace(key))
	}
	c, err := r.Cookie(cookie)
	return err == nil && s.Desk.Session(c.Value)
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, struct { // the asker left: nobody to tell
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, detail})
}

type configReply struct{ Body jsontext.Value }

func (s *server) config(context.Context, *struct{}) (*configReply, error) {
	return &configReply{Body: s.Config()}, nil
}
