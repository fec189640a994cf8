package app

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// room is how much is allocated between two collections of garbage, however little or much is in use. A gateway under load uses
// a few megabytes and allocates more than a hundred every second: by Go's rule, collect at twice what is in use, it would
// do so thirty times a second, which took an eighth of the time of a request. With a thousand open streams the same rule would
// let the heap grow by more than it needs to. Beyond twice the room, half of what is in use is the measure.
const room = 48 << 20

// pace applies room until ctx ends.
func pace(ctx context.Context) error {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	// What GOGC is a percentage of, as of the last collection.
	used := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	for set := 100; ; {
		metrics.Read(used)
		want := growth(used[0].Value.Uint64() + used[1].Value.Uint64() + used[2].Value.Uint64())
		if want < set-set/8 || want > set+set/8 { // setting it stops the program for a moment
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

// growth is by how many percent of what is in use the heap may grow.
func growth(used uint64) int {
	return max(50, int(room*100/max(used, 1<<20)))
}
