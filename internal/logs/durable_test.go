package logs_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"tidegate/internal/logs"
	"tidegate/internal/price"
	"tidegate/internal/spool"
	"tidegate/internal/store/sqlite"
)

// world is a journal with its spool and a real store, in one data folder.
type world struct {
	db      *sqlite.DB
	spool   *spool.Spool
	journal *logs.Journal
	cancel  context.CancelFunc
	done    chan error
}

func begin(dir string, opts spool.Options, store func(logs.Store) logs.Store) (*world, error) {
	w := &world{done: make(chan error, 1)}
	var err error
	if w.db, err = sqlite.Open(context.Background(), filepath.Join(dir, "tidegate.db")); err != nil {
		return nil, err
	}
	if w.spool, err = spool.Open(filepath.Join(dir, "spool"), opts); err != nil {
		return nil, errors.Join(err, w.db.Close())
	}
	var s logs.Store = w.db.Log()
	if store != nil {
		s = store(s)
	}
	w.journal = logs.New(w.spool, s, logs.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go func() { w.done <- w.journal.Run(ctx) }()
	return w, nil
}

func (w *world) end() error {
	w.cancel()
	return errors.Join(<-w.done, w.spool.Close(), w.db.Close())
}

func record(n int) *logs.Record {
	now := time.Now().UTC()
	return &logs.Record{ID: uuid.Must(uuid.NewV7()).String(), At: now, Key: "k", Outcome: logs.OK, Status: 200, Message: fmt.Sprint(n),
		Attempts: []logs.Attempt{{N: 1, At: now, Cost: price.Cost{Nano: 1, State: price.Priced}}, {N: 2, At: now, Cost: price.Cost{Nano: 1000, State: price.Priced}}}}
}

const childFolder = "TIDEGATE_TEST_KILL_FOLDER"

// TestKill kills a process that adds records as fast as it can, again and again. Every record whose Add had returned is in
// the store afterwards, once, with both of its ledger lines.
func TestKill(t *testing.T) {
	if dir := os.Getenv(childFolder); dir != "" {
		killed(dir)
		return
	}
	dir := t.TempDir()
	seen := map[string]bool{}
	r := rand.New(rand.NewPCG(1, uint64(os.Getpid())))
	for round := range 12 {
		ids := runAndKill(t, dir, 1+r.IntN(1000))
		if len(ids) == 0 {
			t.Fatalf("round %d: the child added nothing", round)
		}
		for _, id := range ids {
			seen[id] = true
		}
	}
	w, err := begin(dir, spool.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.end()
	waitStored(t, w)
	stored := everything(t, w)
	for id := range seen {
		if r := stored[id]; r == nil || len(r.Attempts) != 2 || r.Cost().Nano != 1001 {
			t.Fatalf("%s: %+v; %d announced, %d stored", id, r, len(seen), len(stored))
		}
	}
	// What was added without having been announced may be there as well, but also whole.
	rows, err := w.db.Log().Spend(t.Context(), logs.SpendQuery{})
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	n := rows[0].Requests
	if n < int64(len(seen)) || rows[0].Attempts != 2*n || rows[0].Cost != price.Nano(1001*n) {
		t.Fatalf("%+v for %d announced", rows[0], len(seen))
	}
	t.Logf("%d records announced, %d stored", len(seen), n)
}

// killed is the child. It announces an id only when Add has returned.
func killed(dir string) {
	w, err := begin(dir, spool.Options{SegmentSize: 64 << 10}, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		rec := record(i)
		if err := w.journal.Add(rec, &logs.Bodies{Request: []byte("body")}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Fprintln(os.Stdout, rec.ID) // unbuffered
	}
}

// runAndKill kills the child after so many announcements, and returns all that came.
func runAndKill(t *testing.T, dir string, after int) (ids []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), childFolder+"="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // an id without its line end was not announced
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			break
		}
		ids = append(ids, strings.TrimSpace(line))
		if len(ids) == after {
			cmd.Process.Kill()
		}
	}
	cmd.Wait()
	if stderr.Len() > 0 {
		t.Fatalf("child: %s", stderr.String())
	}
	return ids
}

// waitStored waits until the store has everything that is in the spool.
func waitStored(t testing.TB, w *world) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for w.spool.Acked() < w.spool.End() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the store never caught up")
		}
	}
}

// everything reads all records there are.
func everything(t *testing.T, w *world) map[string]*logs.Record {
	t.Helper()
	all := map[string]*logs.Record{}
	for q := (logs.Query{Limit: logs.MaxLimit}); ; {
		page, err := w.db.Log().List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page.Items {
			if all[page.Items[i].ID] != nil {
				t.Fatalf("%s is there twice", page.Items[i].ID)
			}
			all[page.Items[i].ID] = &page.Items[i]
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return all
		}
	}
}

// away is a store that is there or not.
type away struct {
	logs.Store
	err error
}

func (a *away) Put(ctx context.Context, b *logs.Batch) error {
	if a.err != nil {
		return a.err
	}
	return a.Store.Put(ctx, b)
}

// TestDiskFull fills a small file system with a journal whose store is away. It turns unhealthy before it refuses; what it took
// is all there in the end; with room it is well again by itself.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("SKIP 1: needs the right to mount a tmpfs: %s", out)
	}
	t.Cleanup(func() { syscall.Unmount(dir, 0) })
	opts := spool.Options{Reserve: 512 << 10, Retry: 20 * time.Millisecond, Sync: 5 * time.Millisecond}
	w, err := begin(dir, opts, func(s logs.Store) logs.Store { return &away{s, errors.New("away")} })
	if err != nil {
		t.Fatal(err)
	}
	var taken []string
	warned := 0
	for i := 0; ; i++ {
		if err := w.journal.Healthy(); err != nil {
			if !errors.Is(err, spool.ErrDiskFull) {
				t.Fatal(err)
			}
			warned++
		}
		rec := record(i)
		rec.Message = strings.Repeat("long ", 500)
		err := w.journal.Add(rec, nil)
		if errors.Is(err, spool.ErrDiskFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, rec.ID)
	}
	if warned < 100 {
		t.Fatalf("unhealthy for %d records before the first was refused", warned)
	}
	if out, err := exec.Command("mount", "-o", "remount,size=64m", dir).CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for w.journal.Healthy() != nil {
		<-tick.C
	}
	if err := w.journal.Add(record(0), nil); err != nil {
		t.Fatal(err)
	}
	if err := w.end(); err != nil {
		t.Fatal(err)
	}
	if w, err = begin(dir, opts, nil); err != nil {
		t.Fatal(err)
	}
	defer w.end()
	waitStored(t, w)
	stored := everything(t, w)
	for _, id := range taken {
		if stored[id] == nil {
			t.Fatalf("%s is lost; %d taken, %d stored", id, len(taken), len(stored))
		}
	}
}

// TestBodiesStayWhereTheyBelong: with bodies off, no byte of them is on disk; with bodies on they are in the store alone.
func TestBodiesStayWhereTheyBelong(t *testing.T) {
	const canary = "zebra-4711-canary"
	for _, on := range []bool{false, true} {
		dir := t.TempDir()
		w, err := begin(dir, spool.Options{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		rec := record(1)
		var bodies *logs.Bodies
		if on {
			bodies = &logs.Bodies{Request: []byte(canary)}
		}
		if err := w.journal.Add(rec, bodies); err != nil {
			t.Fatal(err)
		}
		waitStored(t, w)
		e, err := w.db.Log().Get(t.Context(), rec.ID)
		if err != nil || (e.Bodies != nil) != on || on && string(e.Bodies.Request) != canary {
			t.Fatalf("%v, %v", e, err)
		}
		if err := w.end(); err != nil {
			t.Fatal(err)
		}
		found := grep(t, dir, canary)
		// So short a body stands in its chunk as it is, which shows that the search finds one.
		if want := map[bool]string{true: "tidegate.db"}[on]; found != want {
			t.Errorf("bodies %v: found in %q", on, found)
		}
	}
}

// grep names the files that hold a text.
func grep(t *testing.T, dir, text string) string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, []byte(text)) {
			found = append(found, d.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(found, " ")
}

// BenchmarkExchange is everything that logging one exchange costs: encoding, spool, decoding, packing and the store. Its CPU is
// that of the whole process.
func BenchmarkExchange(b *testing.B) {
	for _, size := range []int{0, 2000} {
		b.Run(fmt.Sprintf("bodies=%d", size), func(b *testing.B) {
			w, err := begin(b.TempDir(), spool.Options{}, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer w.end()
			body := bytes.Repeat([]byte("all work and no play "), size/21)
			before := cpu()
			n := 0
			for b.Loop() {
				rec := record(n)
				rec.Path, rec.Team, rec.User, rec.Provider, rec.Model = "/v1/chat/completions", "platform", "ada", "openai", "gpt-4o"
				rec.Key, rec.Session, rec.Called, rec.Attempts = fmt.Sprint("key_", n%20), fmt.Sprint("s", n%100), "gpt-4", rec.Attempts[:1]
				rec.Attempts[0].Provider, rec.Attempts[0].Model, rec.Attempts[0].Usage.Raw = "openai", "gpt-4o", []byte(`{"prompt_tokens":1200}`)
				var bodies *logs.Bodies
				if size > 0 {
					bodies = &logs.Bodies{Request: bytes.Clone(body), Response: bytes.Clone(body)}
				}
				if err := w.journal.Add(rec, bodies); err != nil {
					b.Fatal(err)
				}
				n++
			}
			waitStored(b, w)
			b.ReportMetric(float64((cpu()-before).Nanoseconds())/float64(n)/1000, "cpu-µs/exchange")
			b.ReportMetric(float64(w.journal.Stats().Shed), "shed")
		})
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
