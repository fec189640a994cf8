package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"tidegate/internal/spool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// faulty is a store in memory that fails, hangs or forgets to answer on demand.
type faulty struct {
	Reader
	mu      sync.Mutex
	err     error // of Put
	hang    bool  // Put waits for its context
	records map[string]*Record
	bodies  map[string]*Bodies
	twice   int
	puts    int
	largest int64 // memory of one batch's bodies, before compression
	prunes  []time.Time
	more    int // so many times Prune says that there is more
}

func newFaulty() *faulty { return &faulty{records: map[string]*Record{}, bodies: map[string]*Bodies{}} }

func (f *faulty) set(err error, hang bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.hang = err, hang
}

func (f *faulty) Put(ctx context.Context, b *Batch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.puts++
	if f.hang {
		f.mu.Unlock()
		<-ctx.Done()
		f.mu.Lock()
		return ctx.Err()
	}
	if f.err != nil {
		return f.err
	}
	for _, r := range b.Records {
		if f.records[r.ID] != nil {
			f.twice++
			continue
		}
		f.records[r.ID] = r
	}
	var raw int64
	for _, c := range b.Chunks {
		raw += int64(c.Raw)
		for _, ref := range c.Refs {
			bodies, err := Unpack(c.Data, c.Raw, ref.Offset, ref.Length)
			if err != nil {
				return err
			}
			f.bodies[ref.ID] = bodies
		}
	}
	f.largest = max(f.largest, raw)
	return nil
}

func (f *faulty) Prune(_ context.Context, _, bodies time.Time, _ int) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.prunes = append(f.prunes, bodies)
	f.more--
	return f.more >= 0, nil
}

func (f *faulty) pruned() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.prunes)
}

func newRecord(n int) *Record {
	at := time.Unix(1_790_000_000, int64(n)).UTC()
	return &Record{ID: uuid.Must(uuid.NewV7()).String(), At: at, Key: fmt.Sprintf("key%d", n%3), Session: fmt.Sprint(n % 5), Outcome: OK,
		Attempts: []Attempt{{N: 1, At: at, Provider: "openai"}}}
}

func openSpool(t testing.TB, dir string) *spool.Spool {
	t.Helper()
	sp, err := spool.Open(dir, spool.Options{Reserve: 1, SegmentSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return sp
}

// start runs a journal; stop ends it and closes the spool.
func start(t *testing.T, dir string, store Store, opts Options) (j *Journal, stop func()) {
	t.Helper()
	sp := openSpool(t, dir)
	j = New(sp, store, opts)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	return j, func() {
		cancel()
		if err := errors.Join(<-done, sp.Close()); err != nil {
			t.Error(err)
		}
	}
}

// pass lets so much of the bubble's time go by, and waits for what happens in it. Outside of a bubble it panics.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestStoredWithinDelay(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		j, stop := start(t, dir, store, Options{})
		defer stop()
		want := newRecord(1)
		bodies := &Bodies{Request: []byte("hello"), Response: []byte("world"), RequestHeader: map[string]string{"a": "b"}}
		if err := j.Add(want, bodies); err != nil {
			t.Fatal(err)
		}
		pass(101 * time.Millisecond)
		if diff := cmp.Diff(want, store.records[want.ID]); diff != "" || !want.Bodies {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(bodies, store.bodies[want.ID]); diff != "" {
			t.Fatal(diff)
		}
		if s := j.Stats(); s.Stored != 1 || s.QueueBytes != 0 || s.Lag != 0 || s.Spool.Pending != 0 {
			t.Fatalf("%+v", s)
		}
	})
}

// TestStoreAway: five minutes without a store, under load. Nothing is lost, nothing is doubled, memory stays bounded.
func TestStoreAway(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		store.err = errors.New("connection refused")
		const queue = 1 << 20
		j, stop := start(t, dir, store, Options{QueueBytes: queue})
		var want []*Record
		for i := range 3000 {
			rec := newRecord(i)
			want = append(want, rec)
			if err := j.Add(rec, &Bodies{Request: make([]byte, 4000)}); err != nil {
				t.Fatal(err)
			}
			if s := j.Stats(); s.QueueBytes > queue {
				t.Fatalf("%d bytes in memory", s.QueueBytes)
			}
			pass(100 * time.Millisecond)
		}
		synctest.Wait()
		s := j.Stats()
		if s.Stored != 0 || s.Shed == 0 || s.Lag < 4*time.Minute || s.StoreErrors < 10 || s.StoreErrors > 100 {
			t.Fatalf("%+v", s)
		}
		if err := j.Healthy(); err != nil {
			t.Fatalf("a store that is away is no reason to refuse work: %v", err)
		}
		store.set(nil, false)
		pass(11 * time.Second)
		shed := int64(0)
		for _, r := range want {
			if diff := cmp.Diff(r, store.records[r.ID]); diff != "" {
				t.Fatal(diff)
			}
			if (store.bodies[r.ID] != nil) != r.Bodies {
				t.Fatal("the record does not tell whether its bodies are there")
			}
			if !r.Bodies {
				shed++
			}
		}
		if s := j.Stats(); s.Stored != 3000 || s.Shed != shed || s.Lag != 0 || s.Spool.Pending != 0 || s.QueueBytes != 0 || store.twice != 0 {
			t.Fatalf("%+v; %d shed, %d twice", s, shed, store.twice)
		}
		stop()
	})
}

// TestRestart: what the store did not get before the end it gets after the next start, without bodies.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		store.hang = true
		j, stop := start(t, dir, store, Options{Flush: 3 * time.Second})
		for i := range 2500 {
			if err := j.Add(newRecord(i), &Bodies{Request: []byte("x")}); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took != 3*time.Second {
			t.Fatalf("the end took %v", took)
		}
		store.set(nil, false)
		j, stop = start(t, dir, store, Options{})
		pass(time.Second)
		if len(store.records) != 2500 || store.twice != 0 || j.Stats().Spool.Pending != 0 {
			t.Fatalf("%d records, %d twice, %+v", len(store.records), store.twice, j.Stats())
		}
		for _, r := range store.records {
			if r.Bodies {
				t.Fatal("a record claims bodies that are gone")
			}
		}
		stop()
	})
}

// TestEndFlushes: bodies that were in the middle of being stored are stored by the flush.
func TestEndFlushes(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		store.err = errors.New("away")
		j, stop := start(t, dir, store, Options{})
		rec := newRecord(1)
		if err := j.Add(rec, &Bodies{Request: []byte("kept")}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		late := newRecord(2)
		if err := j.Add(late, nil); err != nil {
			t.Fatal(err)
		}
		store.set(nil, false)
		stop()
		if len(store.records) != 2 || store.bodies[rec.ID] == nil || store.twice != 0 {
			t.Fatalf("%d records, bodies %v, %d twice", len(store.records), store.bodies, store.twice)
		}
	})
}

func TestBodiesAreBounded(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		j, stop := start(t, dir, store, Options{BodyLimit: 100_000, QueueBytes: 300_000})
		long := &Bodies{Request: []byte(strings.Repeat("r", 100_001)), Response: []byte(strings.Repeat("s", 100_000))}
		cut, shed := newRecord(1), newRecord(2)
		if err := errors.Join(j.Add(cut, long), j.Add(shed, &Bodies{Response: make([]byte, 99_999)})); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		stop()
		got := store.bodies[cut.ID]
		if got == nil || !got.Cut || len(got.Request) != 100_000 || len(got.Response) != 100_000 {
			t.Fatalf("%v", got)
		}
		if shed.Bodies || store.records[shed.ID] == nil || store.bodies[shed.ID] != nil || j.Stats().Shed != 1 {
			t.Fatalf("%+v", j.Stats())
		}
	})
}

func TestManyBodies(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		j, stop := start(t, dir, store, Options{})
		want := map[string]string{}
		for i := range 300 {
			rec := newRecord(i)
			want[rec.ID] = strings.Repeat(fmt.Sprintf("message %d of session %s. ", i, rec.Session), 1+i*i%9000)
			if err := j.Add(rec, &Bodies{Request: []byte(want[rec.ID])}); err != nil {
				t.Fatal(err)
			}
		}
		stop()
		for id, text := range want {
			if got := store.bodies[id]; got == nil || string(got.Request) != text {
				t.Fatalf("%s: not what was added", id)
			}
		}
		if store.largest > batchBodies+chunkSize {
			t.Fatalf("%d bytes in a batch", store.largest)
		}
	})
}

func TestAddRefuses(t *testing.T) {
	sp := openSpool(t, t.TempDir())
	j := New(sp, newFaulty(), Options{})
	for _, id := range []string{"", "7", "{019abcde-0000-7000-8000-000000000001}"} {
		if err := j.Add(&Record{ID: id}, nil); !errors.Is(err, ErrRecord) {
			t.Errorf("%q: %v", id, err)
		}
	}
	sp.Close()
	if err := j.Add(newRecord(1), &Bodies{Request: []byte("x")}); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if s := j.Stats(); s.Refused != 1 || s.QueueBytes != 0 {
		t.Errorf("%+v", s)
	}
}

func TestUnreadableFrames(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sp := openSpool(t, dir)
		for _, p := range []string{"\x09from another program", "\x01\xff\xff"} {
			if _, err := sp.Append([]byte(p)); err != nil {
				t.Fatal(err)
			}
		}
		sp.Close()
		store := newFaulty()
		j, stop := start(t, dir, store, Options{})
		if err := j.Add(newRecord(1), nil); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if s := j.Stats(); s.Lost != 2 || s.Stored != 1 || s.Spool.Pending != 0 {
			t.Fatalf("%+v", s)
		}
		stop()
	})
}

func TestSubscribe(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		j, stop := start(t, dir, newFaulty(), Options{})
		defer stop()
		ctx, cancel := context.WithCancel(t.Context())
		mine := j.Subscribe(ctx, Filter{Key: "key1"})
		slow := j.Subscribe(ctx, Filter{})
		for i := range 600 {
			if err := j.Add(newRecord(i), nil); err != nil {
				t.Fatal(err)
			}
		}
		for range 200 {
			if r := <-mine; r.Key != "key1" {
				t.Fatalf("got %q", r.Key)
			}
		}
		cancel()
		synctest.Wait()
		n := 0
		for range slow {
			n++
		}
		if _, open := <-mine; open || n != tailDepth || j.Stats().TailDropped != 600-tailDepth {
			t.Fatalf("open %v, %d for the slow one, %+v", open, n, j.Stats())
		}
		if err := j.Add(newRecord(1), nil); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPruneInSmallSteps(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		store.more = 3
		began := time.Now()
		_, stop := start(t, dir, store, Options{KeepBodies: 7 * day})
		pass(9 * time.Minute)
		prunes := store.pruned()
		if len(prunes) != 4 {
			t.Fatalf("%d steps", len(prunes))
		}
		if got := began.Sub(prunes[0]); got > 7*day || got < 7*day-time.Minute {
			t.Fatalf("kept for %v", got)
		}
		pass(10 * time.Minute)
		if n := len(store.pruned()); n != 5 {
			t.Fatalf("%d steps", n)
		}
		stop()
	})
}

func TestUnpackRefuses(t *testing.T) {
	bodies := &Bodies{Request: []byte(strings.Repeat("x", 1000))}
	c := newPacker().pack([]heldBodies{{"id", "", bodies}}, time.Time{})[0]
	ref := c.Refs[0]
	if got, err := Unpack(c.Data, c.Raw, ref.Offset, ref.Length); err != nil || string(got.Request) != string(bodies.Request) {
		t.Fatalf("%v, %v", got, err)
	}
	for name, try := range map[string]func() (*Bodies, error){
		"outside":   func() (*Bodies, error) { return Unpack(c.Data, c.Raw, 1, ref.Length) },
		"overflow":  func() (*Bodies, error) { return Unpack(c.Data, c.Raw, 1<<62, 1<<62) },
		"negative":  func() (*Bodies, error) { return Unpack(c.Data, c.Raw, -1, 3) },
		"no length": func() (*Bodies, error) { return Unpack(c.Data, c.Raw-1, 0, ref.Length-1) },
		"too large": func() (*Bodies, error) { return Unpack(c.Data, maxChunk+1, 0, 1) },
		"damaged":   func() (*Bodies, error) { return Unpack(c.Data[:len(c.Data)-3], c.Raw, 0, ref.Length) },
		"torn":      func() (*Bodies, error) { return Unpack(c.Data, c.Raw, ref.Offset, ref.Length-10) },
	} {
		if got, err := try(); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	sp, err := spool.Open(b.TempDir(), spool.Options{Limit: 64 << 30})
	if err != nil {
		b.Fatal(err)
	}
	defer sp.Close()
	j := New(sp, newFaulty(), Options{})
	rec := benchRecord()
	b.ReportAllocs()
	for b.Loop() {
		if err := j.Add(rec, nil); err != nil {
			b.Fatal(err)
		}
	}
}
