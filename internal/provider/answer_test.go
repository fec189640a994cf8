package provider

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidegate/internal/llm"
)

// TestTimeouts has an upstream be silent in every phase of a call, and expects the bound that is reached first, at its time.
func TestTimeouts(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	say := func(c net.Conn, text string) { io.WriteString(c, text) }
	flow := func(c net.Conn) { // an event every 50 s, for ever
		say(c, head)
		for {
			<-time.After(50 * time.Second)
			if _, err := io.WriteString(c, "2\r\nhi\r\n"); err != nil {
				return
			}
		}
	}
	bounds := llm.Timeouts{FirstByte: 100 * time.Second, Idle: 60 * time.Second, Total: 1000 * time.Second}
	without := func(change func(*llm.Timeouts)) llm.Timeouts {
		b := bounds
		change(&b)
		return b
	}
	for _, tt := range []struct {
		name   string
		bounds llm.Timeouts
		answer func(net.Conn)
		linger time.Duration // asked for after the first event
		code   string
		after  time.Duration
	}{
		{name: "silent", bounds: bounds, answer: func(net.Conn) {}, code: "first_byte_timeout", after: 100 * time.Second},
		{name: "only a head", bounds: bounds, answer: func(c net.Conn) { say(c, head) }, code: "first_byte_timeout", after: 100 * time.Second},
		{name: "falls silent", bounds: bounds, code: "idle_timeout", after: 90 * time.Second, answer: func(c net.Conn) {
			<-time.After(30 * time.Second)
			say(c, head+"2\r\nhi\r\n")
		}},
		{name: "falls silent late", bounds: bounds, code: "idle_timeout", after: 159 * time.Second, answer: func(c net.Conn) {
			say(c, head)
			for range 2 {
				<-time.After(99 * time.Second / 2)
				say(c, "2\r\nhi\r\n")
			}
		}},
		{name: "has no end", bounds: bounds, answer: flow, code: "total_timeout", after: 1000 * time.Second},
		{name: "may be silent", bounds: without(func(b *llm.Timeouts) { b.Idle = 0 }), code: "total_timeout", after: 1000 * time.Second, answer: func(c net.Conn) {
			say(c, head+"2\r\nhi\r\n")
		}},
		{name: "only an idle bound", bounds: llm.Timeouts{Idle: 60 * time.Second}, code: "idle_timeout", after: 2060 * time.Second, answer: func(c net.Conn) {
			<-time.After(2000 * time.Second)
			say(c, head+"2\r\nhi\r\n")
		}},
		{name: "lingers", bounds: bounds, linger: time.Second, code: "idle_timeout", after: 11 * time.Second, answer: func(c net.Conn) {
			<-time.After(10 * time.Second)
			say(c, head+"2\r\nhi\r\n")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var server sync.WaitGroup
				p := &plain{dial: func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					server.Go(func() {
						readRequest(bufio.NewReader(theirs))
						tt.answer(theirs)
					})
					return ours, nil
				}}
				u, err := New(Row{Dialect: llm.OpenAIChat}, Options{Name: "up", BaseURL: "http://up/v1", Transport: p})
				if err != nil {
					t.Fatal(err)
				}
				begin := time.Now()
				answer, err := u.Do(t.Context(), Call{Path: "/chat", Body: []byte("{}"), Timeouts: tt.bounds})
				if err == nil {
					var n int
					buf := make([]byte, 8)
					for n, err = answer.Read(buf); err == nil; n, err = answer.Read(buf) {
						if tt.linger > 0 && n > 0 {
							answer.Linger(tt.linger)
						}
					}
					answer.Close()
				}
				e, ok := errors.AsType[*llm.Error](err)
				if !ok || e.Code != tt.code || !e.Sent {
					t.Errorf("got %v", err)
				}
				if took := time.Since(begin); took != tt.after {
					t.Errorf("after %v, want %v", took, tt.after)
				}
				server.Wait()
			})
		})
	}
}
