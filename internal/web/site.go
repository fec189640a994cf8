package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

const base = "/console/"

// policy lets the page load its own files and talk to its own server, and nothing else. Prompts and answers are shown in it,
// and they are written by strangers. Trusted Types close the last way to turn text into markup.
const policy = "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'"

// A file is served as it is, or as one of the siblings that the build compressed.
type file struct {
	mime  string
	etag  string // of the plain bytes
	plain []byte
	br    []byte // nil: none
	gz    []byte // nil: none
}

// site is every file, by its path below base.
type site map[string]*file

func newSite(files fs.FS) site {
	s := site{}
	// The tree is embedded: reading it cannot fail, and a file that did would be missing from the site.
	_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) == ".br" || path.Ext(name) == ".gz" {
			return err
		}
		plain, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(plain)
		f := &file{mime: mimeOf(name), etag: hex.EncodeToString(sum[:12]), plain: plain}
		f.br, _ = fs.ReadFile(files, name+".br")
		f.gz, _ = fs.ReadFile(files, name+".gz")
		s[name] = f
		return nil
	})
	return s
}

// mimeOf does not ask the system's tables: they differ between machines, and a script with the wrong type does not run.
func mimeOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json":
		return "application/json"
	}
	return "application/octet-stream"
}

func (s site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, base)
	if !ok {
		http.Redirect(w, r, base, http.StatusFound)
		return
	}
	f := s.find(name)
	if f == nil {
		http.NotFound(w, r)
		return
	}
	if strings.HasPrefix(name, "assets/") { // their names carry a hash of their content
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	f.serve(w, r)
}

// find resolves a path: a file, or the page itself for the routes that live in the browser. A missing file stays missing:
// answering a script's URL with a page would hide the mistake.
func (s site) find(name string) *file {
	if f := s[name]; f != nil {
		return f
	}
	if strings.HasPrefix(name, "assets/") || path.Ext(name) != "" {
		return nil
	}
	return s["index.html"]
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	body, tag := f.plain, f.etag
	if f.br != nil || f.gz != nil {
		h.Set("Vary", "Accept-Encoding")
	}
	switch {
	case f.br != nil && accepts(r, "br"):
		body, tag = f.br, f.etag+"-br"
		h.Set("Content-Encoding", "br")
	case f.gz != nil && accepts(r, "gzip"):
		body, tag = f.gz, f.etag+"-gz"
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", f.mime)
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// accepts reads Accept-Encoding as far as browsers and curl write it: a list, where q=0 refuses.
func accepts(r *http.Request, coding string) bool {
	for item := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, q, _ := strings.Cut(item, ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			q = strings.TrimRight(strings.TrimPrefix(strings.ReplaceAll(q, " ", ""), "q="), "0.")
			return q != "" || !strings.Contains(item, ";")
		}
	}
	return false
}
