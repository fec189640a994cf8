package web

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

var sample = newSite(fstest.MapFS{
	"index.html":            {Data: []byte("<!doctype html>page")},
	"index.html.br":         {Data: []byte("page in br")},
	"index.html.gz":         {Data: []byte("page in gz")},
	"assets/app-1234.js":    {Data: []byte("script")},
	"assets/app-1234.js.gz": {Data: []byte("script in gz")},
	"favicon.svg":           {Data: []byte("<svg/>")},
})

func get(h http.Handler, method, target, encoding string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	if encoding != "" {
		r.Header.Set("Accept-Encoding", encoding)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestSite(t *testing.T) {
	const forever = "public, max-age=31536000, immutable"
	type answer struct {
		Status                    int
		Body, Type, Coding, Cache string
	}
	html, js := "text/html; charset=utf-8", "text/javascript; charset=utf-8"
	tests := []struct {
		name, path, encoding string
		want                 answer
	}{
		{"page", "/console/", "", answer{200, "<!doctype html>page", html, "", "no-cache"}},
		{"page in brotli", "/console/", "gzip, deflate, br, zstd", answer{200, "page in br", html, "br", "no-cache"}},
		{"brotli refused", "/console/", "br;q=0, gzip;q=0.5", answer{200, "page in gz", html, "gzip", "no-cache"}},
		{"nothing known accepted", "/console/", "zstd", answer{200, "<!doctype html>page", html, "", "no-cache"}},
		{"route in the browser", "/console/requests/0193-ab", "", answer{200, "<!doctype html>page", html, "", "no-cache"}},
		{"asset", "/console/assets/app-1234.js", "", answer{200, "script", js, "", forever}},
		{"asset without brotli", "/console/assets/app-1234.js", "br, gzip", answer{200, "script in gz", js, "gzip", forever}},
		{"other file", "/console/favicon.svg", "", answer{200, "<svg/>", "image/svg+xml", "", "no-cache"}},
		{"compressed sibling is no file", "/console/index.html.br", "", answer{404, "404 page not found\n", "text/plain; charset=utf-8", "", ""}},
		{"asset of another build", "/console/assets/app-0000", "", answer{404, "404 page not found\n", "text/plain; charset=utf-8", "", ""}},
		{"missing file", "/console/nothing.js", "", answer{404, "404 page not found\n", "text/plain; charset=utf-8", "", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := get(sample, http.MethodGet, tt.path, tt.encoding)
			h := w.Header()
			got := answer{w.Code, w.Body.String(), h.Get("Content-Type"), h.Get("Content-Encoding"), h.Get("Cache-Control")}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			for name, want := range map[string]string{
				"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			} {
				if h.Get(name) != want {
					t.Errorf("%s is %q, want %q", name, h.Get(name), want)
				}
			}
		})
	}
}

func TestNotModified(t *testing.T) {
	for _, encoding := range []string{"", "br", "gzip"} {
		tag := get(sample, http.MethodGet, "/console/", encoding).Header().Get("ETag")
		r := httptest.NewRequest(http.MethodGet, "/console/requests", nil)
		r.Header.Set("Accept-Encoding", encoding)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		sample.ServeHTTP(w, r)
		if w.Code != http.StatusNotModified || w.Body.Len() != 0 {
			t.Errorf("%q: status %d with %d bytes for %s", encoding, w.Code, w.Body.Len(), tag)
		}
	}
}

func TestMethods(t *testing.T) {
	if w := get(sample, http.MethodHead, "/console/", ""); w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("HEAD: status %d with %d bytes", w.Code, w.Body.Len())
	}
	if w := get(sample, http.MethodPost, "/console/", ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", w.Code)
	}
	if w := get(sample, http.MethodGet, "/console", ""); w.Code != http.StatusFound || w.Header().Get("Location") != base {
		t.Errorf("without the slash: status %d to %q", w.Code, w.Header().Get("Location"))
	}
}

// The embedded page, console or placeholder, must work under the policy it is served with: nothing inline, nothing foreign,
// and every file it names is there.
func TestEmbedded(t *testing.T) {
	t.Logf("console built: %v", Built())
	w := get(Handler(), http.MethodGet, "/console/requests", "")
	if w.Code != http.StatusOK {
		t.Fatalf("status %d", w.Code)
	}
	page := w.Body.String()
	if !Built() && !strings.Contains(page, "make console") {
		t.Error("the placeholder does not say how to get the console")
	}
	for _, inline := range []string{`<script[^>]*>[^<]`, `<style`, `\sstyle=`, `\son[a-z]+=`, `https?://`} {
		if m := regexp.MustCompile(inline).FindString(page); m != "" {
			t.Errorf("the page has %q", m)
		}
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if w := get(Handler(), http.MethodGet, m[1], ""); w.Code != http.StatusOK {
			t.Errorf("the page names %s: status %d", m[1], w.Code)
		}
	}
}

func TestPlaceholderIsCommitted(t *testing.T) {
	if _, err := fs.Stat(dist, "dist/index.html"); err != nil {
		t.Fatal(err)
	}
}
