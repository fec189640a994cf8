package sse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

type got struct{ Raw, Event, Data string }

func read(t testing.TB, src io.Reader, limit int) (frames []got, err error) {
	t.Helper()
	r := NewReader(src, limit)
	for {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			return frames, nil
		}
		if err != nil {
			return frames, err
		}
		frames = append(frames, got{string(f.Raw), string(f.Event), string(f.Data)})
	}
}

func TestReader(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []got
	}{
		{"lf", "data: a\n\ndata: b\n\n", []got{{"data: a\n\n", "", "a"}, {"data: b\n\n", "", "b"}}},
		{"crlf", "event: x\r\ndata: a\r\n\r\ndata:b\r\n\r\n", []got{{"event: x\r\ndata: a\r\n\r\n", "x", "a"}, {"data:b\r\n\r\n", "", "b"}}},
		{"cr", "data: a\r\rdata: b\r\r", []got{{"data: a\r\r", "", "a"}, {"data: b\r\r", "", "b"}}},
		{"comment", ": hi\n\ndata: a\n\n", []got{{": hi\n\n", "", ""}, {"data: a\n\n", "", "a"}}},
		{"comment in front", ": hi\ndata: a\n\n", []got{{": hi\ndata: a\n\n", "", "a"}}},
		{"lines", "data: a\ndata: b\ndata:  c\n\n", []got{{"data: a\ndata: b\ndata:  c\n\n", "", "a\nb\n c"}}},
		{"bom", "\xef\xbb\xbfdata: a\n\n", []got{{"\xef\xbb\xbfdata: a\n\n", "", "a"}}},
		{"no end", "data: a\n\ndata: [DONE]", []got{{"data: a\n\n", "", "a"}, {"data: [DONE]", "", "[DONE]"}}},
		{"half an end", "data: a\r", []got{{"data: a\r", "", "a"}}},
		{"extra blank", "data: a\n\n\ndata: b\n\n", []got{{"data: a\n\n", "", "a"}, {"\n", "", ""}, {"data: b\n\n", "", "b"}}},
		{"escaped ends in text", `data: {"a":"x\r\n\r\ny"}` + "\n\n", []got{{`data: {"a":"x\r\n\r\ny"}` + "\n\n", "", `{"a":"x\r\n\r\ny"}`}}},
		{"empty data", "data\n\ndata:\n\n", []got{{"data\n\n", "", ""}, {"data:\n\n", "", ""}}},
		{"nothing", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, src := range map[string]io.Reader{
				"whole": strings.NewReader(tt.in),
				"byte":  iotest.OneByteReader(strings.NewReader(tt.in)),
				"eof":   iotest.DataErrReader(strings.NewReader(tt.in)),
			} {
				frames, err := read(t, src, 0)
				if diff := cmp.Diff(tt.want, frames); diff != "" || err != nil {
					t.Errorf("%s: %v\n%s", name, err, diff)
				}
			}
		})
	}
}

func TestReaderErrors(t *testing.T) {
	broken := io.MultiReader(strings.NewReader("data: a\n\ndata: b"), iotest.ErrReader(io.ErrUnexpectedEOF))
	frames, err := read(t, broken, 0)
	if len(frames) != 1 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("broken connection: %v, %v", frames, err)
	}
	_, err = read(t, strings.NewReader("data: "+strings.Repeat("x", 100<<10)), 64<<10)
	if large, ok := errors.AsType[*TooLargeError](err); !ok || large.Limit != 64<<10 {
		t.Errorf("too large: %v", err)
	}
}

// A single event of 20 MB, in network-sized reads, must take time and memory in proportion to its size (pitfall C5).
func TestReaderHugeEvent(t *testing.T) {
	const size = 20 << 20
	text := bytes.NewReader(bytes.Repeat([]byte("x"), size))
	src := readerFunc(func(p []byte) (int, error) { return text.Read(p[:min(len(p), 4096)]) })
	r := NewReader(io.MultiReader(strings.NewReader("data: "), src, strings.NewReader("\n\n")), 0)
	f, err := r.Next()
	if err != nil || len(f.Data) != size {
		t.Fatalf("%d bytes, %v", len(f.Data), err)
	}
	if cap(r.buf) > 4*size {
		t.Errorf("buffer of %d for an event of %d", cap(r.buf), size)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Whatever the chunks, the frames are the same, and their bytes are the stream.
func FuzzReader(f *testing.F) {
	f.Add([]byte("event: a\ndata: {}\n\n: c\r\ndata: é\r\n\r\n"), uint8(3))
	f.Add([]byte("\r\r\n\n\r"), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, n uint8) {
		whole, err := read(t, bytes.NewReader(in), 0)
		if err != nil {
			t.Fatal(err)
		}
		var joined strings.Builder
		for _, g := range whole {
			joined.WriteString(g.Raw)
		}
		if joined.String() != string(in) {
			t.Fatalf("lost bytes: %q of %q", joined.String(), in)
		}
		step := int(n)%7 + 1
		chunked := bytes.NewReader(in)
		parts, err := read(t, readerFunc(func(p []byte) (int, error) { return chunked.Read(p[:min(step, len(p))]) }), 0)
		if diff := cmp.Diff(whole, parts); diff != "" || err != nil {
			t.Fatalf("chunks of %d: %v\n%s", step, err, diff)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	chunk := fmt.Sprintf("data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"delta\":{\"content\":%q}}]}\n\n", strings.Repeat("word ", 20))
	stream := strings.Repeat(chunk, 1000)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(strings.NewReader(stream), 0)
		for {
			if _, err := r.Next(); err != nil {
				break
			}
		}
	}
}
