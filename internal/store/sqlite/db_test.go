package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tidegate/internal/logs"
)

// TestPlans: what the console asks again and again must not read the whole table.
func TestPlans(t *testing.T) {
	l := openLog(t)
	put(t, l, samples(1, 500))
	id := samples(1, 1)[0].ID
	list := func(f logs.Filter) func() (string, []any) {
		return func() (string, []any) {
			text, args, _, err := listQuery(logs.Query{Filter: f})
			if err != nil {
				t.Fatal(err)
			}
			return text, args
		}
	}
	spend := func(q logs.SpendQuery) func() (string, []any) {
		return func() (string, []any) {
			text, args, err := spendQuery(&q)
			if err != nil {
				t.Fatal(err)
			}
			return text, args
		}
	}
	for name, c := range map[string]struct {
		query func() (string, []any)
		index string
		sort  bool
	}{
		"newest":            {list(logs.Filter{}), "SCAN x USING INDEX exchanges_at", false},
		"time":              {list(logs.Filter{From: start}), "SEARCH x USING INDEX exchanges_at (at>?)", false},
		"key":               {list(logs.Filter{Key: "k"}), "SEARCH x USING INDEX exchanges_key (key=?)", false},
		"key and time":      {list(logs.Filter{Key: "k", From: start}), "SEARCH x USING INDEX exchanges_key (key=? AND at>?)", false},
		"session":           {list(logs.Filter{Session: "s"}), "SEARCH x USING INDEX exchanges_session (session=?)", false},
		"failed":            {list(logs.Filter{Outcome: logs.Failed}), "USING INDEX exchanges_failed", false},
		"failed in time":    {list(logs.Filter{Outcome: logs.Failed, From: start}), "SEARCH x USING INDEX exchanges_failed (at>?)", false},
		"id":                {list(logs.Filter{Text: id, From: start}), "SEARCH x USING INDEX exchanges_at (at>?)", false},
		"get":               {func() (string, []any) { return selectExchanges + " WHERE x.id = ?", []any{id} }, "SEARCH x USING INDEX sqlite_autoindex_exchanges_1 (id=?)", false},
		"spend":             {spend(logs.SpendQuery{Filter: logs.Filter{From: start}, GroupBy: []string{"team"}}), "SEARCH x USING PRIMARY KEY (at>?)", true},
		"spend by end user": {spend(logs.SpendQuery{Filter: logs.Filter{From: start}, GroupBy: []string{"end_user"}}), "SEARCH l USING PRIMARY KEY (exchange=?)", true},
		"spend of a key":    {spend(logs.SpendQuery{Filter: logs.Filter{From: start, Key: "k"}, GroupBy: []string{"tag"}}), "SEARCH x USING INDEX exchanges_key (key=? AND at>?)", true},
	} {
		t.Run(name, func(t *testing.T) {
			text, args := c.query()
			rows, err := l.db.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			var plan []string
			for rows.Next() {
				var id, parent, unused int
				var detail string
				if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
					t.Fatal(err)
				}
				plan = append(plan, detail)
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
			all := strings.Join(plan, "\n")
			if !strings.Contains(all, c.index) || !c.sort && strings.Contains(all, "TEMP B-TREE") || strings.Contains(all, "SCAN x\n") {
				t.Errorf("%s", all)
			}
		})
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	newer := filepath.Join(dir, "newer.db")
	db, err := Open(t.Context(), newer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.write.Exec("INSERT INTO schema_version VALUES (9999, '')"); err != nil {
		t.Fatal(err)
	}
	db.Close()

	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("this is no database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		newer: ErrNewer, garbage: ErrDamaged, filepath.Join(dir, "no such folder", "x.db"): ErrReadOnly, dir: ErrReadOnly,
	} {
		db, err := Open(t.Context(), path)
		if !errors.Is(err, want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
		if db != nil {
			db.Close()
		}
	}
}

func TestReopenKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tidegate.db")
	records := samples(1, 10)
	for range 3 {
		db, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		put(t, db.Log(), records)
		if n, err := db.Log().Count(t.Context(), logs.Filter{}); n != 10 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		db.Close()
	}
}

func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tidegate.db")
	db, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// Another program holds the lock for longer than we wait; the wait is shortened, to keep the test short.
	if _, err := db.write.Exec("PRAGMA busy_timeout(1)"); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	err = db.Log().Put(t.Context(), &logs.Batch{Records: samples(1, 1)})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Fatalf("got %v", err)
	}
	if _, err := other.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	put(t, db.Log(), samples(1, 1))
}

func TestReadersCannotWrite(t *testing.T) {
	l := openLog(t)
	if _, err := l.db.read.Exec("DELETE FROM exchanges"); err == nil {
		t.Fatal("a reader wrote")
	}
}

func TestCanceledPutLeavesNothing(t *testing.T) {
	l := openLog(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Put(ctx, &logs.Batch{Records: samples(1, 100)}); err == nil {
		t.Fatal("put with an ended context")
	}
	if n, err := l.Count(t.Context(), logs.Filter{}); n != 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	put(t, l, samples(1, 100))
}

// TestDiskFull fills a small file system.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("SKIP 1: needs the right to mount a tmpfs: %s", out)
	}
	t.Cleanup(func() { syscall.Unmount(dir, 0) })
	db, err := Open(t.Context(), filepath.Join(dir, "tidegate.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stored := 0
	for seed := uint64(0); ; seed++ {
		err := db.Log().Put(t.Context(), &logs.Batch{Records: samples(seed, 50)})
		if errors.Is(err, ErrDiskFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		stored += 50
	}
	if out, err := exec.Command("mount", "-o", "remount,size=8m", dir).CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	put(t, db.Log(), samples(99_999, 50))
	if n, err := db.Log().Count(t.Context(), logs.Filter{}); int(n) != stored+50 || err != nil {
		t.Fatalf("%d of %d, %v", n, stored+50, err)
	}
	if fmt.Sprint(stored) == "0" {
		t.Fatal("nothing fitted")
	}
}
