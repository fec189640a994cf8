// Command rp is the yardstick: the least that a gateway in Go can be. It is httputil.ReverseProxy in front of the upstream, and
// reads model and stream out of the request with encoding/json, as a gateway must that knows neither keys nor prices nor logs.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8101", "where to listen")
	up := flag.String("up", "http://127.0.0.1:9001", "the upstream")
	flag.Parse()
	upstream, err := url.Parse(*up)
	if err == nil {
		server := &http.Server{Addr: *addr, Handler: sniff(proxy(upstream)), ReadHeaderTimeout: 10 * time.Second}
		err = server.ListenAndServe()
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// proxy has enough idle connections for every load here, and flushes what it reads at once.
func proxy(upstream *url.URL) http.Handler {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 4096, 4096
	transport.DisableCompression = true
	return &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(upstream)
			p.Out.Header.Set("Authorization", "Bearer sk-upstream")
		},
	}
}

// sniff reads the two members that no gateway gets by without.
func sniff(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		var head struct {
			Model  string `json:"model"`
			Stream bool   `json:"stream"`
		}
		if json.Unmarshal(body, &head) != nil || head.Model == "" {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}
