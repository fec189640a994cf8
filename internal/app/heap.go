package app

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// smallHeap is how far the heap may grow before it is collected, however little of it is in use. A gateway under load uses a
// few megabytes and allocates more than a hundred every second: with Go's rule, collect at twice what is in use, it would do so
// thirty times a second, which took an eighth of the time of a request. Beyond half of it, Go's rule holds.
const smallHeap = 64 << 20

// pace applies smallHeap until ctx ends.
func pace(ctx context.Context) error {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for set := 100; ; {
		metrics.Read(live)
		if want := growth(live[0].Value.Uint64()); want < set-set/8 || want > set+set/8 { // setting it stops the program for a moment
			debug.SetGCPercent(want)
			set = want
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// growth is by how many percent of what is in use the heap may grow: GOGC.
func growth(live uint64) int {
	live = max(live, 1<<20)
	if live >= smallHeap/2 {
		return 100
	}
	return int((smallHeap - live) * 100 / live)
}
