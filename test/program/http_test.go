package program

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tidegate/test/rig"
)

// raw sends bytes and returns the answer.
func raw(t *testing.T, g *rig.Gateway, send string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", g.Host())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(conn, send); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%q: %v", send[:min(len(send), 60)], err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// TestHTTP has the ways of HTTP that clients use and that are easily forgotten.
func TestHTTP(t *testing.T) {
	up := rig.Fake(t)
	g := rig.Serve(t, rig.Setup{Config: "server: { max_body: 16KB }\n" + rig.Providers(up.URL)})
	body := ask("openai/echo", false)
	head := "POST " + chat + " HTTP/1.1\r\nHost: " + g.Host() + "\r\nConnection: close\r\n"
	chunked := fmt.Sprintf("%s%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", head+"Transfer-Encoding: chunked\r\n\r\n", 10, body[:10], len(body)-10, body[10:])
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, body)
	_ = z.Close()
	long := strings.Repeat("x", 20<<10)
	for _, tc := range []struct {
		name, send string
		status     int
		says       string
	}{
		{"chunked", chunked, 200, "Tell me"},
		{"no content type", head + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body, 200, "Tell me"},
		{"HTTP/1.0", "POST " + chat + " HTTP/1.0\r\nHost: " + g.Host() + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body, 200, "Tell me"},
		{"compressed", head + "Content-Encoding: gzip\r\nContent-Length: " + strconv.Itoa(zipped.Len()) + "\r\n\r\n" + zipped.String(), 415, "unsupported_encoding"},
		{"too large, said", head + "Content-Length: 99999999999\r\n\r\n", 413, "request_too_large"},
		{"too large, chunked", fmt.Sprintf("%s%x\r\n%s\r\n0\r\n\r\n", head+"Transfer-Encoding: chunked\r\n\r\n", len(long), long), 413, "request_too_large"},
		{"GET", "GET " + chat + " HTTP/1.1\r\nHost: " + g.Host() + "\r\nConnection: close\r\n\r\n", 404, "unknown_path"},
		{"no HTTP", "hello\r\n\r\n", 400, ""},
		{"two lengths", head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400, ""},
		{"huge header", head + "X-Large: " + strings.Repeat("x", 100<<10) + "\r\n\r\n", 431, ""},
		{"dot dot", "GET /console/../admin/v1/logs HTTP/1.1\r\nHost: " + g.Host() + "\r\nConnection: close\r\n\r\n", 0, ""},
		{"asterisk", "OPTIONS * HTTP/1.1\r\nHost: " + g.Host() + "\r\nConnection: close\r\n\r\n", 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp, text := raw(t, g, tc.send)
			if tc.status != 0 && resp.StatusCode != tc.status || resp.StatusCode >= 500 || !strings.Contains(text, tc.says) {
				t.Errorf("status %d, want %d: %s", resp.StatusCode, tc.status, text)
			}
			if resp.StatusCode == 200 && tc.status == 0 && strings.Contains(text, `"items"`) {
				t.Errorf("a way around signing in: %s", text)
			}
		})
	}
	t.Run("body that does not come whole", func(t *testing.T) {
		conn, err := net.Dial("tcp", g.Host())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, strings.Replace(head, "\r\nConnection", "\r\nX-Tidegate-Session: half\r\nConnection", 1)+"Content-Length: 500\r\n\r\n"+body[:20]); err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		if row := only(t, g, "half"); row.Outcome == "ok" || len(row.Attempts) != 0 {
			t.Errorf("log row: %+v", row)
		}
	})
	for _, r := range up.Received(t) {
		if r.Model != "echo" {
			t.Errorf("the upstream got %+v", r)
		}
	}
}

// TestNothingLeft has many requests of all kinds and then looks whether the process keeps goroutines or files of them.
func TestNothingLeft(t *testing.T) {
	up := rig.Fake(t)
	g := rig.Serve(t, rig.Setup{Config: "server: { heartbeat: 10ms }\nrouting: { retry: { attempts: 1 } }\n" + rig.Providers(up.URL)})
	client := clients(t)
	models := []string{
		"chat", "fail:status=500", "chat+cut:after=5", "chat+error_event:after=5", "chat+bad_event:after=5", "html200", "empty", "truncated_json",
		"chat+latency:ms=30", "chat+slow_first_byte:ms=30", "nonsense", "redirect", "chat+stream:chunks=200",
	}
	load := func(n int) {
		var all sync.WaitGroup
		next := make(chan int)
		for range 16 {
			all.Go(func() {
				for i := range next {
					provider := []string{"openai", "anthropic", "google"}[i%3]
					s, err := open(t.Context(), client, g.URL, ask(provider+"/"+models[i/6%len(models)], i%2 == 0))
					if err != nil {
						continue
					}
					if i%5 == 0 {
						_ = s.until(`"content":"`)
						_ = s.resp.Body.Close() // leaves in the middle
						continue
					}
					_, _ = s.rest()
				}
			})
		}
		for i := range n {
			next <- i
		}
		close(next)
		all.Wait()
		client.CloseIdleConnections()
	}
	load(200)
	measure := func(name string) int {
		m := regexp.MustCompile(`(?m)^` + name + ` (\d+)`).FindStringSubmatch(g.Get(t, "/metrics").Body)
		if m == nil {
			t.Fatalf("metrics lack %s", name)
		}
		n, _ := strconv.Atoi(m[1])
		return n
	}
	rig.Until(t, "the end of what is under way", func() bool { return measure("tidegate_requests_open") == 0 })
	goroutines, files := measure("go_goroutines"), measure("process_open_fds")
	load(2000)
	rig.Until(t, fmt.Sprintf("going back to about %d goroutines and %d files", goroutines, files), func() bool {
		return measure("go_goroutines") < goroutines+50 && measure("process_open_fds") < files+50
	})
	g.Stop(t)
}
