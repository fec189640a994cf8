package app

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestGrowth(t *testing.T) {
	for used, want := range map[uint64]int{0: 4800, 1 << 20: 4800, 4 << 20: 1200, 48 << 20: 100, 96 << 20: 50, 1 << 30: 50} {
		if got := growth(used); got != want {
			t.Errorf("%d MB in use: %d %%, want %d", used>>20, got, want)
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
