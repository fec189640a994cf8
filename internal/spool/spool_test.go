package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var small = Options{SegmentSize: 256, Reserve: 4096}

func mustOpen(t interface{ Fatal(...any) }, dir string, opts Options) *Spool {
	s, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func contents(t interface{ Fatal(...any) }, s *Spool, from Pos) []string {
	var all []string
	err := s.Replay(from, func(p []byte, _ Pos) bool {
		all = append(all, string(p))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAppendReplayReopen(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, small)
	var want []string
	for i := range 100 {
		want = append(want, fmt.Sprintf("payload %d %s", i, strings.Repeat("x", i)))
		if _, err := s.Append([]byte(want[i])); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, contents(t, s, s.Acked())); diff != "" {
		t.Fatal(diff)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append([]byte("x")); !errors.Is(err, ErrClosed) {
		t.Fatalf("append after close: %v", err)
	}
	s = mustOpen(t, dir, small)
	defer s.Close()
	if diff := cmp.Diff(want, contents(t, s, 0)); diff != "" {
		t.Fatal(diff)
	}
}

// TestModel checks the spool against a list: whatever is appended, acknowledged, crashed and reopened, exactly the frames
// behind the last acknowledgement come back, in order and from any position.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "spool")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		type frame struct {
			text string
			next Pos
		}
		var model []frame // all frames ever
		var acked Pos
		s := mustOpen(t, dir, small)
		defer func() { s.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				payloads := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 200), 1, 4).Draw(t, "payloads")
				end, err := s.Append(payloads...)
				if err != nil {
					t.Fatal(err)
				}
				next := end
				batch := make([]frame, len(payloads))
				for i := len(payloads) - 1; i >= 0; i-- {
					batch[i] = frame{string(payloads[i]), next}
					next -= Pos(headerSize + len(payloads[i]))
				}
				model = append(model, batch...)
			},
			"ack": func(t *rapid.T) {
				if len(model) == 0 {
					t.Skip("nothing there")
				}
				pos := rapid.SampledFrom(model).Draw(t, "frame").next
				if err := s.Ack(pos); err != nil {
					t.Fatal(err)
				}
				acked = max(acked, pos)
			},
			"reopen": func(t *rapid.T) {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = mustOpen(t, dir, small)
			},
			"": func(t *rapid.T) {
				if s.Acked() != acked {
					t.Fatalf("acked %d, want %d", s.Acked(), acked)
				}
				var want, got []frame
				for _, f := range model {
					if f.next > acked {
						want = append(want, f)
					}
				}
				err := s.Replay(acked, func(p []byte, next Pos) bool {
					got = append(got, frame{string(p), next})
					return true
				})
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got, want) {
					t.Fatalf("got %v, want %v", got, want)
				}
				st := s.Stats()
				if st.Skipped != 0 || st.Cut != 0 || (st.Pending == 0) != (len(want) == 0) {
					t.Fatalf("stats %+v with %d frames pending", st, len(want))
				}
				if st.Bytes > st.Pending+2*small.SegmentSize+4*210 {
					t.Fatalf("acknowledged segments stay on disk: %+v", st)
				}
			},
		})
	})
}

func TestReplayStopsAndGoesOn(t *testing.T) {
	s := mustOpen(t, t.TempDir(), small)
	defer s.Close()
	for i := range 50 {
		if _, err := s.Append(fmt.Appendf(nil, "%02d", i)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for pos := s.Acked(); pos < s.End(); {
		n := 0
		s.Replay(pos, func(p []byte, next Pos) bool {
			got = append(got, string(p))
			pos = next
			n++
			return n < 7
		})
	}
	if diff := cmp.Diff(contents(t, s, 0), got); diff != "" {
		t.Fatal(diff)
	}
}

// writeOne makes a spool with one segment that holds the payloads, and returns the segment's path, its bytes and the offset
// behind each frame.
func writeOne(t testing.TB, dir string, payloads [][]byte) (name string, raw []byte, ends []int) {
	t.Helper()
	s := mustOpen(t, dir, Options{Reserve: 1})
	for _, p := range payloads {
		end, err := s.Append(p)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, int(end))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	name = s.path(0)
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return name, raw, ends
}

func somePayloads() [][]byte {
	return [][]byte{
		[]byte("first"), {1}, bytes.Repeat([]byte{1}, 40), []byte(magic + magic + magic), appendFrame(nil, 0, []byte("a frame in a frame")),
		[]byte(`{"id":"019ab"}`), []byte("last"),
	}
}

// TestTornAtEveryByte cuts the file everywhere, as a crash of the machine may: what is whole comes back, the rest is cut off,
// and what is appended afterwards is found again after yet another start.
func TestTornAtEveryByte(t *testing.T) {
	payloads := somePayloads()
	_, raw, ends := writeOne(t, t.TempDir(), payloads)
	for cut := range len(raw) + 1 {
		for _, tail := range []string{"", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "garbage" + magic + "\x04\x00\x00"} {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "0000000000000000.seg"), append(raw[:cut:cut], tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			s := mustOpen(t, dir, Options{Reserve: 1})
			whole, wholeEnd := 0, 0
			for i, end := range ends {
				if end <= cut {
					whole, wholeEnd = i+1, end
				}
			}
			if got, want := s.Stats().Cut, int64(cut-wholeEnd+len(tail)); got != want {
				t.Fatalf("cut at %d: %d bytes cut off, want %d", cut, got, want)
			}
			if _, err := s.Append([]byte("after")); err != nil {
				t.Fatal(err)
			}
			s.Close()
			s = mustOpen(t, dir, Options{Reserve: 1})
			want := []string{}
			for _, p := range payloads[:whole] {
				want = append(want, string(p))
			}
			if diff := cmp.Diff(append(want, "after"), contents(t, s, 0)); diff != "" {
				t.Fatalf("cut at %d: %s", cut, diff)
			}
			s.Close()
		}
	}
}

// TestFlipAtEveryBit damages every bit in turn: only the frame that the bit belongs to is lost.
func TestFlipAtEveryBit(t *testing.T) {
	payloads := somePayloads()
	_, raw, ends := writeOne(t, t.TempDir(), payloads)
	for bit := range 8 * len(raw) {
		dir := t.TempDir()
		bad := slices.Clone(raw)
		bad[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(filepath.Join(dir, "0000000000000000.seg"), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, dir, Options{Reserve: 1})
		var want []string
		begin := 0
		for i, end := range ends {
			if bit/8 < begin || bit/8 >= end {
				want = append(want, string(payloads[i]))
			}
			begin = end
		}
		if diff := cmp.Diff(want, contents(t, s, 0)); diff != "" {
			t.Fatalf("bit %d: %s", bit, diff)
		}
		if st := s.Stats(); st.Cut+st.Skipped == 0 {
			t.Fatalf("bit %d: the damage was not counted: %+v", bit, st)
		}
		s.Close()
	}
}

// TestRandomDamage overwrites stretches of larger files: every frame that was not touched comes back, and nothing else.
func TestRandomDamage(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 400).Draw(rt, "frames")
		var payloads [][]byte
		for i := range n {
			payloads = append(payloads, append(fmt.Appendf(nil, "%d ", i), bytes.Repeat([]byte{byte(i)}, i*7%3000)...))
		}
		dir := t.TempDir()
		name, raw, ends := writeOne(t, dir, payloads)
		whole := bytes.Clone(raw)
		for range rapid.IntRange(0, 4).Draw(rt, "stretches") {
			at := rapid.IntRange(0, len(raw)-1).Draw(rt, "at")
			for i := at; i < min(len(raw), at+rapid.IntRange(1, 5000).Draw(rt, "length")); i++ {
				raw[i] ^= byte(1 + i%255) // twice is none: stretches may overlap
			}
		}
		if err := os.WriteFile(name, raw, 0o600); err != nil {
			rt.Fatal(err)
		}
		var want []string
		begin := 0
		for i, end := range ends {
			if bytes.Equal(raw[begin:end], whole[begin:end]) {
				want = append(want, string(payloads[i]))
			}
			begin = end
		}
		s := mustOpen(rt, dir, Options{Reserve: 1})
		defer s.Close()
		if diff := cmp.Diff(want, contents(rt, s, 0)); diff != "" {
			rt.Fatal(diff)
		}
	})
}

func TestLargeFramesAndHoles(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), maxPayload/16)
	dir := t.TempDir()
	name, raw, ends := writeOne(t, dir, [][]byte{[]byte("a"), big, []byte("b"), big, big, []byte("c")})
	clear(raw[ends[2]+100 : ends[4]]) // both of the middle
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir, Options{Reserve: 1})
	defer s.Close()
	got := contents(t, s, 0)
	if len(got) != 4 || got[0] != "a" || got[1] != string(big) || got[2] != "b" || got[3] != "c" {
		t.Fatalf("%d frames", len(got))
	}
	if _, err := s.Append(append(big, 'x')); !errors.Is(err, ErrPayload) {
		t.Fatalf("oversized: %v", err)
	}
	if err := s.Healthy(); err != nil {
		t.Fatalf("an impossible payload says nothing about the disk: %v", err)
	}
}

func TestDamagedAckMeansAgain(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{Reserve: 1})
	s.Append([]byte("a"))
	end, _ := s.Append([]byte("b"))
	s.Ack(end)
	s.Close()
	if err := os.WriteFile(filepath.Join(dir, "ack"), []byte("123456789012"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s = mustOpen(t, dir, Options{Reserve: 1}); s.Acked() != 0 {
		t.Fatalf("acked %d", s.Acked())
	}
	s.Close()
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, small)
	_, err := Open(dir, small)
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Fatalf("second open: %v", err)
	}
	s.Close()
	mustOpen(t, dir, small).Close()
}

func TestFolderNotWritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(file, "spool"), small); err == nil || !strings.Contains(err.Error(), file) {
		t.Fatalf("got %v", err)
	}
}

func TestConcurrent(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{SegmentSize: 4096, Reserve: 1, Sync: 1})
	ctx, cancel := context.WithCancel(t.Context())
	var run, work sync.WaitGroup
	run.Go(func() { s.Run(ctx) })
	for g := range 4 {
		work.Go(func() {
			for i := range 500 {
				pos, err := s.Append(fmt.Appendf(nil, "%d-%d", g, i))
				if err != nil {
					t.Error(err)
					return
				}
				if i%100 == 0 {
					s.Replay(s.Acked(), func([]byte, Pos) bool { return true })
					s.Ack(pos)
				}
			}
		})
	}
	work.Wait()
	cancel()
	run.Wait()
	st := s.Stats()
	if st.Frames != 2000 || st.Skipped != 0 || st.Errors != 0 {
		t.Fatalf("%+v", st)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func FuzzFrames(f *testing.F) {
	var raw []byte
	for _, p := range somePayloads() {
		raw = appendFrame(raw, Pos(len(raw)), p)
	}
	f.Add(raw)
	f.Add(raw[5:])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		var frames, last int64
		skipped, tail := walk(b, 0, func(p []byte, next Pos) bool {
			if len(p) == 0 || int64(next) <= last || int(next) > len(b) {
				t.Fatalf("frame of %d bytes up to %d of %d", len(p), next, len(b))
			}
			last = int64(next)
			frames += int64(headerSize + len(p))
			return true
		})
		if frames+skipped+tail != int64(len(b)) {
			t.Fatalf("%d in frames + %d skipped + %d tail, of %d", frames, skipped, tail, len(b))
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	s := mustOpen(b, b.TempDir(), Options{Limit: 64 << 30})
	defer s.Close()
	payload := bytes.Repeat([]byte("x"), 600)
	b.ReportAllocs()
	for b.Loop() {
		pos, err := s.Append(payload)
		if err != nil {
			b.Fatal(err)
		}
		if pos%1024 == 0 {
			s.Ack(pos)
		}
	}
}
