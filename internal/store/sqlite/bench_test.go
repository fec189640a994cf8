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
