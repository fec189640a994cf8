package logs

import (
	"context"
	"errors"
	"time"

	"tidegate/internal/spool"
)

// How much goes to the store in one transaction, and how patient the writer is.
const (
	batchRecords = 1000
	batchBodies  = 8 << 20 // bytes before compression
	minBackoff   = 100 * time.Millisecond
	maxBackoff   = 10 * time.Second
	pruneEvery   = 10 * time.Minute
	pruneStep    = 200 // rows in one transaction, so that new records never wait long
	prunePause   = 100 * time.Millisecond
)

// Run moves records to the store until ctx ends, then what is left, for at most Options.Flush. What does not make it stays in
// the spool for the next start. It also runs the spool; close that and the store after Run has returned.
func (j *Journal) Run(ctx context.Context) error {
	spooling := make(chan error, 1)
	go func() { spooling <- j.spool.Run(ctx) }()
	w := &writer{j: j, pos: j.spool.Acked(), packer: newPacker()}
	w.run(ctx)

	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.opts.Flush)
	defer cancel()
	w.drain(last)
	return <-spooling
}

// writer is the one goroutine that writes to the store.
type writer struct {
	j      *Journal
	pos    spool.Pos // read up to here
	packer *packer
	batch  *Batch    // read, but not stored yet; with its bodies, which are nowhere else
	next   spool.Pos // behind it
	failed bool      // the last attempt at storing it did
}

func (w *writer) run(ctx context.Context) {
	prune := time.NewTimer(w.j.opts.Delay)
	defer prune.Stop()
	for {
		w.drain(ctx)
		select {
		case <-ctx.Done():
			return
		case <-prune.C:
			prune.Reset(w.prune(ctx))
		case <-w.j.wake:
			w.j.behind(true)
			sleep(ctx, w.j.opts.Delay)
		}
	}
}

// drain stores everything that is in the spool by now, or returns when ctx ends.
func (w *writer) drain(ctx context.Context) {
	for w.pos < w.j.spool.End() {
		w.j.behind(true)
		if w.batch == nil {
			w.read()
		}
		if w.next == w.pos || !w.store(ctx) {
			return
		}
		w.pos, w.batch = w.next, nil
		if err := w.j.spool.Ack(w.pos); err != nil && !errors.Is(err, spool.ErrClosed) {
			w.j.opts.Log.Warn("log: the spool cannot note what is done; it will be read again after a restart", "err", err)
		}
	}
	w.j.behind(false)
}

// read makes a batch of what comes next in the spool.
func (w *writer) read() {
	w.batch, w.next = new(Batch), w.pos
	end := w.j.spool.End()
	var held []heldBodies
	size, full := int64(0), false
	err := w.j.spool.Replay(w.pos, func(payload []byte, next spool.Pos) bool {
		w.next = next
		rec, err := decodeRecord(payload)
		if err != nil {
			w.j.lost.Add(1)
			w.j.opts.Log.Error("log: a record in the spool cannot be read", "err", err)
			return true
		}
		bodies, weight := w.j.take(rec.ID)
		if rec.Bodies = bodies != nil; rec.Bodies {
			size += weight
			held = append(held, heldBodies{rec.ID, rec.Session, bodies})
		}
		w.batch.Records = append(w.batch.Records, rec)
		full = len(w.batch.Records) >= batchRecords || size >= batchBodies
		return !full
	})
	switch {
	case err != nil:
		w.j.opts.Log.Error("log: cannot read the spool", "err", err)
	case !full:
		w.next = max(w.next, end) // what is left is damage
	}
	w.batch.Chunks = w.packer.pack(held, w.j.opts.Now())
}

// store tries for ever, with pauses that grow, until ctx ends.
func (w *writer) store(ctx context.Context) bool {
	pause := minBackoff
	for len(w.batch.Records) > 0 {
		err := w.j.store.Put(ctx, w.batch)
		if err == nil {
			break
		}
		w.j.storeErrors.Add(1)
		if ctx.Err() != nil {
			return false
		}
		if !w.failed {
			w.failed = true
			w.j.opts.Log.Error("log: the store fails; records wait in the spool", "err", err)
		}
		sleep(ctx, pause)
		pause = min(2*pause, maxBackoff)
	}
	w.j.stored.Add(int64(len(w.batch.Records)))
	if w.failed {
		w.failed = false
		w.j.opts.Log.Info("log: the store is back")
	}
	return true
}

// prune deletes a little of what is old, and says when to go on.
func (w *writer) prune(ctx context.Context) time.Duration {
	now := w.j.opts.Now()
	before := func(keep time.Duration) time.Time {
		if keep < 0 {
			return time.Time{}
		}
		return now.Add(-keep)
	}
	more, err := w.j.store.Prune(ctx, before(w.j.opts.KeepRecords), before(w.j.opts.KeepBodies), pruneStep)
	switch {
	case err != nil && ctx.Err() == nil:
		w.j.opts.Log.Warn("log: cannot delete what is older than it is kept", "err", err)
	case err == nil && more:
		return prunePause
	}
	return pruneEvery
}

func (j *Journal) behind(yes bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case !yes:
		j.since = time.Time{}
	case j.since.IsZero():
		j.since = j.opts.Now()
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
