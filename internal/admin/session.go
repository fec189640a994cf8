package admin

import (
	"errors"
	"io"
	"net/http"

	"github.com/go-json-experiment/json"

	"tidegate/internal/login"
)

func (s *server) session(w http.ResponseWriter, r *http.Request) {
	if !s.known(r) {
		problem(w, http.StatusUnauthorized, "not signed in")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"user":"admin"}`) // the asker left: nobody to tell
}

func (s *server) signIn(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Key  string `json:"key"`
		Link string `json:"link"`
	}
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, 4096), &in); err != nil {
		problem(w, http.StatusBadRequest, `expected {"key": "…"} or {"link": "…"}`)
		return
	}
	session, err := s.Desk.SignIn(in.Key, in.Link)
	switch {
	case errors.Is(err, login.ErrTooMany):
		w.Header().Set("Retry-After", "60")
		problem(w, http.StatusTooManyRequests, err.Error())
	case err != nil:
		problem(w, http.StatusUnauthorized, err.Error())
	default:
		http.SetCookie(w, sessionCookie(r, session, int(login.SessionLife.Seconds())))
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *server) signOut(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(cookie); err == nil {
		s.Desk.SignOut(c.Value)
	}
	http.SetCookie(w, sessionCookie(r, "", -1))
	w.WriteHeader(http.StatusNoContent)
}

func sessionCookie(r *http.Request, value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: cookie, Value: value, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	}
}
