package logs

import (
	"context"
	"sync"
	"sync/atomic"
)

// tail hands records to those who watch. With nobody watching it costs one load.
type tail struct {
	watched atomic.Int32
	dropped atomic.Int64
	mu      sync.Mutex
	subs    map[chan *Record]Filter
}

const tailDepth = 256

func (t *tail) subscribe(ctx context.Context, f Filter) <-chan *Record {
	ch := make(chan *Record, tailDepth)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.subs == nil {
		t.subs = map[chan *Record]Filter{}
	}
	t.subs[ch] = f
	t.watched.Add(1)
	context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.subs, ch)
		t.watched.Add(-1)
		close(ch)
	})
	return ch
}

func (t *tail) publish(r *Record) {
	if t.watched.Load() == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for ch, f := range t.subs {
		if !f.Match(r) {
			continue
		}
		select {
		case ch <- r:
		default:
			t.dropped.Add(1)
		}
	}
}
