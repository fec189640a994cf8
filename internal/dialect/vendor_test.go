package dialect_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"tidegate/internal/fake"
	"tidegate/internal/llm"
)

// vendor is the scripted upstream, which reads requests with code of its own and holds them to the vendors' rules: what it
// refuses, the vendor would refuse. Models that are no scenario of it echo.
type vendor struct{ server *fake.Server }

func newVendor() *vendor {
	return &vendor{fake.New(fake.Options{Default: "echo", NoRecord: true})}
}

// send gives a request to the dialect's endpoint.
func (v *vendor) send(t testing.TB, d llm.Dialect, model string, stream bool, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	path, err := codecOf(t, d).Path(model, stream)
	if err != nil {
		t.Fatal(err)
	}
	base := "http://vendor.example/v1"
	if d == llm.Gemini {
		base += "beta"
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, base+path, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer key")
	r.Header.Set("X-Api-Key", "key")
	r.Header.Set("X-Goog-Api-Key", "key")
	r.Header.Set("Anthropic-Version", "2023-06-01")
	w := httptest.NewRecorder()
	v.server.ServeHTTP(w, r)
	return w
}
