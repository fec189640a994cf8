package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// key is what the load generator presents. It is no secret: the gateway that takes it lives as long as this program.
const key = "tg-benchmark-key-0123456789"

// subject is a gateway under test.
type subject struct {
	name string
	*process
	addr    string
	headers []string // added to every request
}

func (s *subject) url() string { return "http://" + s.addr + "/v1/chat/completions" }

// with is the same process called with another header.
func (s *subject) with(name, header string) *subject {
	return &subject{name: name, process: s.process, addr: s.addr, headers: append([]string{header}, s.headers...)}
}

// listening tells whether a connection can be made.
func listening(addr string) func() bool {
	return func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	}
}

// answering tells whether a chat request is served.
func (s *subject) answering() bool {
	body := `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello!"}]}`
	req, err := http.NewRequest(http.MethodPost, s.url(), bytes.NewReader([]byte(body)))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK
}

// startRP starts the yardstick.
func (b *bench) startRP() (*subject, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p, err := start(gatewayCore, b.dir, b.bin("rp"), "-addr", addr, "-up", "http://"+b.upstream)
	if err != nil {
		return nil, err
	}
	s := &subject{name: "rp", process: p, addr: addr}
	b.started = append(b.started, p)
	return s, p.ready(s.answering)
}

// startTidegate starts the gateway with everything on: a key is asked for (one of a thousand), the model has a price, and
// requests and replies are logged whole into SQLite. took is the time from the start of the program to its first answer.
func (b *bench) startTidegate() (s *subject, took time.Duration, err error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, 0, err
	}
	dir, err := os.MkdirTemp(b.dir, "tidegate")
	if err != nil {
		return nil, 0, err
	}
	config := filepath.Join(dir, "tidegate.yaml")
	if err := os.WriteFile(config, []byte(tidegateConfig(addr, dir, b.upstream)), 0o600); err != nil {
		return nil, 0, err
	}
	begin := time.Now()
	p, err := start(gatewayCore, dir, b.bin("tidegate"), "serve", "--config", config)
	if err != nil {
		return nil, 0, err
	}
	b.started = append(b.started, p)
	s = &subject{name: "tidegate", process: p, addr: addr, headers: []string{"Authorization: Bearer " + key}}
	err = p.ready(s.answering)
	return s, time.Since(begin), err
}

func tidegateConfig(addr, dir, upstream string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `listen: %s
data: %s/data
auth: required
log: { bodies: full }
providers:
  mock: { type: openai, base_url: "http://%s/v1", api_key: sk-upstream }
models:
  gpt-4o-mini: { targets: [ { model: mock/gpt-4o-mini } ] }
prices:
  - { model: mock/gpt-4o-mini, input: $0.15, output: $0.60, cache_read: $0.075 }
keys:
  - { name: bench, key: %s, team: platform, models: [gpt-4o-mini] }
`, addr, dir, upstream, key)
	for i := range 999 {
		fmt.Fprintf(&b, "  - { name: other-%03d, key: tg-some-other-key-%012d, team: platform }\n", i, i)
	}
	return b.String()
}

// startNginx starts Debian's nginx with a configuration of its own; nil when it is not installed.
func (b *bench) startNginx() (*subject, error) {
	program, err := exec.LookPath("nginx")
	if errors.Is(err, exec.ErrNotFound) {
		program, err = exec.LookPath("/usr/sbin/nginx")
	}
	if err != nil {
		return nil, nil //nolint:nilerr // without nginx there is nothing to compare with, which is no failure
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.dir, "nginx")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, []byte(nginxConfig(addr, dir, b.upstream)), 0o600); err != nil {
		return nil, err
	}
	p, err := start(gatewayCore, dir, program, "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", config)
	if err != nil {
		return nil, err
	}
	b.started = append(b.started, p)
	s := &subject{name: "nginx", process: p, addr: addr}
	return s, p.ready(s.answering)
}

func nginxConfig(addr, dir, upstream string) string {
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // the worker must get into the temporary folder
	}
	return fmt.Sprintf(`daemon off; %[4]s worker_processes 1; pid %[2]s/pid; error_log %[2]s/error.log;
events { worker_connections 8192; }
http {
  access_log off; client_max_body_size 64m; client_body_buffer_size 1m; keepalive_requests 1000000;
  client_body_temp_path %[2]s/body; proxy_temp_path %[2]s/proxy; fastcgi_temp_path %[2]s/f; uwsgi_temp_path %[2]s/u; scgi_temp_path %[2]s/s;
  upstream mock { server %[3]s; keepalive 1024; keepalive_requests 1000000; }
  server {
    listen %[1]s backlog=4096;
    location / {
      proxy_pass http://mock; proxy_http_version 1.1; proxy_buffering off;
      proxy_set_header Connection ""; proxy_set_header Authorization "Bearer sk-upstream";
    }
  }
}
`, addr, dir, upstream, user)
}

// startMock starts the upstream.
func (b *bench) startMock() error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	p, err := start(loadCore, b.dir, b.bin("mock"), "-addr", addr)
	if err != nil {
		return err
	}
	b.started, b.upstream = append(b.started, p), addr
	return p.ready(listening(addr))
}

// set changes what the upstream's answers are like.
func (b *bench) set(ctx context.Context, query string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.upstream+"/_set?"+query, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the upstream does not take %s", query)
	}
	return nil
}
