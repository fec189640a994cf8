// Command mock is the upstream of the benchmark: an OpenAI chat endpoint that answers at once, or after a set latency, whole or
// as a stream. It speaks just enough HTTP/1.1, by hand, to cost the core that it shares with the load generator little.
//
//	POST .../chat/completions   the answer
//	POST /_set?latency=50ms&events=100&interval=2ms   what later answers are like
//
// Answers tell when they were made, in nanoseconds, within the text of the message: "@received,sent " in whole ones and
// "@sent " in each event. So the load generator can tell the gateway's time from the upstream's.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:9001", "where to listen; loopback only")
	flag.Parse()
	if err := run(*addr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(addr string) error {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return err
	}
	if !tcp.IP.IsLoopback() {
		return errors.New("only loopback addresses")
	}
	l, err := net.ListenTCP("tcp", tcp)
	if err != nil {
		return err
	}
	var s server
	s.style.Store(&style{events: 100, interval: 2 * time.Millisecond})
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go s.serve(c)
	}
}

// style is what answers are like.
type style struct {
	latency  time.Duration // before the first byte
	events   int
	interval time.Duration // between them
}

type server struct {
	style atomic.Pointer[style]
}

// set changes the style by a query.
func (s *server) set(query string) error {
	q, err := url.ParseQuery(query)
	if err != nil {
		return err
	}
	next := *s.style.Load()
	var errs [3]error
	if v := q.Get("latency"); v != "" {
		next.latency, errs[0] = time.ParseDuration(v)
	}
	if v := q.Get("events"); v != "" {
		next.events, errs[1] = strconv.Atoi(v)
	}
	if v := q.Get("interval"); v != "" {
		next.interval, errs[2] = time.ParseDuration(v)
	}
	s.style.Store(&next)
	return errors.Join(errs[:]...)
}

// conn is one connection, with buffers that its requests share.
type conn struct {
	*server
	net.Conn
	in   *bufio.Reader
	body []byte
	out  []byte
}

func (s *server) serve(c net.Conn) {
	defer c.Close()
	k := &conn{server: s, Conn: c, in: bufio.NewReaderSize(c, 16<<10)}
	for k.answer() == nil {
	}
}

// answer reads one request and answers it. An error ends the connection.
func (k *conn) answer() error {
	target, length, err := k.head()
	if err != nil {
		return err
	}
	received := time.Now().UnixNano()
	k.body = append(k.body[:0], make([]byte, max(length, 0))...)
	if _, err := io.ReadFull(k.in, k.body); err != nil {
		return err
	}
	if query, ok := bytes.CutPrefix(target, []byte("/_set?")); ok {
		return k.short(k.set(string(query)))
	}
	if length < 0 {
		return k.short(errors.New("a request without Content-Length"))
	}
	st := k.style.Load()
	if st.latency > 0 {
		time.Sleep(st.latency)
	}
	if bytes.Contains(k.body, []byte(`"stream":true`)) {
		return k.stream(st)
	}
	return k.whole(received)
}

// head reads a request's head. length is -1 when it does not say.
func (k *conn) head() (target []byte, length int, err error) {
	length = -1
	for first := true; ; first = false {
		line, err := k.in.ReadSlice('\n')
		if err != nil {
			return nil, 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch name, value, _ := bytes.Cut(line, []byte(":")); {
		case first:
			_, rest, _ := bytes.Cut(line, []byte(" "))
			rest, _, _ = bytes.Cut(rest, []byte(" "))
			target = bytes.Clone(rest)
		case len(line) == 0:
			return target, length, nil
		case len(name) == len("Content-Length") && bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return nil, 0, err
			}
		}
	}
}

// short answers an instruction, or says what is wrong with a request.
func (k *conn) short(err error) error {
	code, text := http.StatusOK, "ok\n"
	if err != nil {
		code, text = http.StatusBadRequest, err.Error()+"\n"
	}
	_, err = fmt.Fprintf(k, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\n\r\n%s", code, http.StatusText(code), len(text), text)
	return err
}
