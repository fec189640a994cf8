package app

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestGrowth(t *testing.T) {
	for live, want := range map[uint64]int{0: 6300, 1 << 20: 6300, 4 << 20: 1500, 16 << 20: 300, 32 << 20: 100, 1 << 30: 100} {
		if got := growth(live); got != want {
			t.Errorf("%d MB in use: %d %%, want %d", live>>20, got, want)
		}
	}
}

// A program that ends leaves the collector as it found it.
func TestPace(t *testing.T) {
	debug.SetGCPercent(77)
	defer debug.SetGCPercent(100)
	runtime.GC()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := pace(ctx); err != nil {
		t.Error(err)
	}
	if got := debug.SetGCPercent(100); got != 77 {
		t.Errorf("it left %d %%", got)
	}
}
