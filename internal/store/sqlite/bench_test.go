package sqlite

import (
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"tidegate/internal/logs"
)

// cpu is what the whole process has used, garbage collection and system calls included.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPut is the CPU per exchange of the store alone, at 700 a batch as 7,000 a second make.
func BenchmarkPut(b *testing.B) {
	db, err := Open(b.Context(), filepath.Join(b.TempDir(), "tidegate.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	const size = 700
	r := rand.New(rand.NewPCG(1, 1))
	at := start
	b.ReportAllocs()
	var used time.Duration
	n := 0
	for b.Loop() {
		batch := &logs.Batch{}
		for range size {
			at = at.Add(time.Millisecond)
			batch.Records = append(batch.Records, sample(r, at))
		}
		before := cpu()
		if err := db.Log().Put(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		used += cpu() - before
		n += size
	}
	b.ReportMetric(float64(used.Microseconds())/float64(n), "cpu-µs/exchange")
	b.ReportMetric(float64(n), "exchanges")
}

// BenchmarkQueries asks a log of 100,000 exchanges what the console asks.
func BenchmarkQueries(b *testing.B) {
	db, err := Open(b.Context(), filepath.Join(b.TempDir(), "tidegate.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	r := rand.New(rand.NewPCG(1, 1))
	at := start
	for range 100 {
		batch := &logs.Batch{}
		for range 1000 {
			at = at.Add(5 * time.Second)
			batch.Records = append(batch.Records, sample(r, at))
		}
		if err := db.Log().Put(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	week := logs.Filter{From: start, To: at}
	for name, query := range map[string]func() error{
		"list": func() error { _, err := db.Log().List(b.Context(), logs.Query{}); return err },
		"list by key": func() error {
			_, err := db.Log().List(b.Context(), logs.Query{Filter: logs.Filter{Key: "key_07"}})
			return err
		},
		"list by team": func() error {
			_, err := db.Log().List(b.Context(), logs.Query{Filter: logs.Filter{Team: "search"}})
			return err
		},
		"spend": func() error {
			_, err := db.Log().Spend(b.Context(), logs.SpendQuery{Filter: week, GroupBy: []string{"key", "model"}})
			return err
		},
		"usage": func() error {
			_, err := db.Log().Usage(b.Context(), logs.UsageQuery{Filter: week, Bucket: time.Hour})
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := query(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
