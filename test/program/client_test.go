package program

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidegate/test/rig"
)

// stream is an answer of events that is read as it comes.
type stream struct {
	resp *http.Response
	in   *bufio.Reader
	text strings.Builder // all of it so far
}

// open sends a request and returns once the head of the answer is here.
func open(ctx context.Context, client *http.Client, url, body string, headers ...string) (*stream, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+chat, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	return &stream{resp: resp, in: bufio.NewReader(resp.Body)}, nil
}

func (s *stream) id() string { return s.resp.Header.Get("X-Tidegate-Request-Id") }

// until reads on until the answer contains text; io.ErrUnexpectedEOF when it ends before.
func (s *stream) until(text string) error {
	for !strings.Contains(s.text.String(), text) {
		line, err := s.in.ReadString('\n')
		s.text.WriteString(line)
		if errors.Is(err, io.EOF) && !strings.Contains(s.text.String(), text) {
			return io.ErrUnexpectedEOF
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

// rest reads to the end.
func (s *stream) rest() (string, error) {
	defer s.resp.Body.Close()
	b, err := io.ReadAll(s.in)
	s.text.Write(b)
	return s.text.String(), err
}

// clients is an HTTP client with room for many connections.
func clients(t *testing.T) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// await waits until the upstream has received a request for the model, and returns it.
func await(t *testing.T, up *rig.Upstream, model string) rig.Received {
	t.Helper()
	var found rig.Received
	rig.Until(t, "a request for "+model+" at the upstream", func() bool {
		for _, r := range up.Received(t) {
			if r.Model == model {
				found = r
				return true
			}
		}
		return false
	})
	return found
}
