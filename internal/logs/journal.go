package logs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"tidegate/internal/spool"
)

// ErrRecord is wrapped by errors of Add that are the record's fault.
var ErrRecord = errors.New("bad record")

// Options have usable zero values.
type Options struct {
	QueueBytes  int64         // bodies in memory on their way to the store; beyond it new ones are shed; 0: 64 MB
	BodyLimit   int           // bytes of one body, cut beyond it; 0: 8 MB; at most 16 MB
	Delay       time.Duration // at most this long until the store is given what is new; 0: 100 ms
	Flush       time.Duration // at most this long for what is left when Run ends; 0: 5 s
	KeepBodies  time.Duration // 0: 30 days; < 0: for ever
	KeepRecords time.Duration // 0: 400 days; < 0: for ever
	Now         func() time.Time
	Log         *slog.Logger // of trouble with the store; nil: none
}

const day = 24 * time.Hour

func (o Options) withDefaults() Options {
	or := func(v *time.Duration, def time.Duration) {
		if *v == 0 {
			*v = def
		}
	}
	or(&o.Delay, 100*time.Millisecond)
	or(&o.Flush, 5*time.Second)
	or(&o.KeepBodies, 30*day)
	or(&o.KeepRecords, 400*day)
	if o.QueueBytes == 0 {
		o.QueueBytes = 64 << 20
	}
	if o.BodyLimit == 0 {
		o.BodyLimit = 8 << 20
	}
	o.BodyLimit = min(o.BodyLimit, maxChunk/4)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Journal takes records from those who must not wait. A record goes into the spool at once, and from there, always, to the
// store; only bodies wait in memory. It is safe for concurrent use.
type Journal struct {
	spool *spool.Spool
	store Store
	opts  Options
	bufs  sync.Pool     // *[]byte, for encoding
	wake  chan struct{} // there is something new
	tail  tail

	mu     sync.Mutex
	bodies map[string]queued // by record; taken by the writer
	queued int64             // their size
	since  time.Time         // when the writer fell behind; zero: it has not

	stored, shed, lost, refused, storeErrors atomic.Int64
}

// New makes a journal. What the spool still holds from before goes to the store as soon as Run runs.
func New(sp *spool.Spool, store Store, opts Options) *Journal {
	return &Journal{
		spool: sp, store: store, opts: opts.withDefaults(), bodies: map[string]queued{}, wake: make(chan struct{}, 1),
		bufs: sync.Pool{New: func() any { return new([]byte) }},
	}
}

// Add keeps a record. When it returns nil the record survives the end of the process, and will be in the store exactly once.
// It never waits for the store. bodies may be nil; they are kept as long as there is room for them, and are not safe until the
// store has them. Add sets rec.Bodies and drops repeated tags; afterwards neither may be changed by anyone. Errors are those of [spool.Spool.Append],
// or wrap ErrRecord.
func (j *Journal) Add(rec *Record, bodies *Bodies) error {
	if _, err := uuid.Parse(rec.ID); err != nil || len(rec.ID) != 36 {
		return fmt.Errorf("%w: id %q is not a UUID", ErrRecord, rec.ID)
	}
	rec.Tags = unique(rec.Tags)
	rec.Bodies = j.hold(rec.ID, bodies)
	buf := j.bufs.Get().(*[]byte)
	defer j.bufs.Put(buf)
	*buf = appendRecord((*buf)[:0], rec)
	if _, err := j.spool.Append(*buf); err != nil {
		j.refused.Add(1)
		j.take(rec.ID)
		return err
	}
	j.tail.publish(rec)
	select {
	case j.wake <- struct{}{}:
	default:
	}
	return nil
}

// unique keeps the first of each: a tag is counted once.
func unique(list []string) []string {
	for i := len(list) - 1; i > 0; i-- {
		if slices.Contains(list[:i], list[i]) {
			list = slices.Delete(list, i, i+1)
		}
	}
	return list
}

// Healthy says why the next Add would probably fail; see [spool.Spool.Healthy]. Ask before beginning what must be recorded.
func (j *Journal) Healthy() error { return j.spool.Healthy() }

// hold keeps bodies for the writer, if there is room.
func (j *Journal) hold(id string, b *Bodies) bool {
	if b == nil {
		return false
	}
	b.cut(j.opts.BodyLimit)
	size := int64(bodiesSize(b))
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.queued+size > j.opts.QueueBytes {
		j.shed.Add(1)
		return false
	}
	j.bodies[id] = queued{b, size}
	j.queued += size
	return true
}

// queued are bodies in memory, and their weight.
type queued struct {
	bodies *Bodies
	size   int64
}

// take hands the bodies of a record over; nil when there are none.
func (j *Journal) take(id string) (*Bodies, int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	q, ok := j.bodies[id]
	if ok {
		delete(j.bodies, id)
		j.queued -= q.size
	}
	return q.bodies, q.size
}

// Stats describe the journal since New.
type Stats struct {
	Stored      int64         // records handed to the store
	Shed        int64         // bodies dropped for want of room
	Refused     int64         // records that could not be spooled: Add said so
	Lost        int64         // frames of the spool that could not be read as records
	StoreErrors int64         // failed attempts at storing a batch
	QueueBytes  int64         // bodies in memory
	TailDropped int64         // records that slow readers of Subscribe did not get
	Lag         time.Duration // how long the store has been behind
	Spool       spool.Stats
}

// Stats is a snapshot for metrics.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	queued, since := j.queued, j.since
	j.mu.Unlock()
	s := Stats{
		Stored: j.stored.Load(), Shed: j.shed.Load(), Refused: j.refused.Load(), Lost: j.lost.Load(),
		StoreErrors: j.storeErrors.Load(), QueueBytes: queued, TailDropped: j.tail.dropped.Load(), Spool: j.spool.Stats(),
	}
	if !since.IsZero() {
		s.Lag = j.opts.Now().Sub(since)
	}
	return s
}

// Subscribe gives every record that the filter picks, from now on until ctx ends; then the channel is closed. A reader that
// does not keep up misses some. The records are shared: do not change them.
func (j *Journal) Subscribe(ctx context.Context, f Filter) <-chan *Record {
	return j.tail.subscribe(ctx, f)
}
