package logs

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"tidegate/internal/llm"
	"tidegate/internal/price"
)

// What a reader may get back besides errors of the store itself.
var (
	ErrNotFound = errors.New("no such log entry")
	ErrQuery    = errors.New("bad query") // wrapped by everything that is the asker's fault
)

// Filter picks records: everything that is set must hold, the zero value picks all.
type Filter struct {
	From, To      time.Time // From <= At < To; zero: open
	Key           string    // id of the virtual key
	Org           string
	Team          string
	User          string
	EndUser       string
	Provider      string // in Spend, and for the meters and costs of Usage: the attempt's
	Model         string // the same
	Called        string
	Path          string // route template
	Session       string
	Task          string
	Trace         string
	Outcome       Outcome
	Status        int    // HTTP status the client saw
	Class         string // of the error
	Cache         string // as in x-tidegate-cache
	Tag           string
	MetadataKey   string // has this key ...
	MetadataValue string // ... with this value; "": any
	Text          string // a whole id, or part of the error message, without regard to ASCII case
}

// MaxLimit bounds every page, whatever was asked for.
const MaxLimit = 1000

// Query asks for a page of records, newest first.
type Query struct {
	Filter
	Cursor string // Page.Next of the page before; "": from the newest
	Limit  int    // 0: 50; at most MaxLimit
}

// Page is one page. Records come with all their attempts, without bodies.
type Page struct {
	Items []Record
	Next  string // "": there is nothing more
}

// Entry is one record with its bodies: nil when none were kept, or no longer are (see [Record.Bodies]).
type Entry struct {
	Record
	Bodies *Bodies
}

// Dims are what spend can be grouped by, besides "metadata.X" for any X. "endpoint" is the route template, "day" (in Zone) reads
// 2026-11-24, "hour" (UTC) 2026-11-24T10:00:00Z. With "tag" an exchange counts once under each of its tags.
var Dims = []string{
	"key", "org", "team", "user", "end_user", "model", "called", "provider", "endpoint", "session", "task", "tag", "day", "hour",
}

// MetadataDim is the key of a "metadata.X" dimension.
func MetadataDim(dim string) (key string, ok bool) {
	key, ok = strings.CutPrefix(dim, "metadata.")
	return key, ok && key != ""
}

// ValidDim says whether spend can be grouped by dim.
func ValidDim(dim string) bool {
	_, ok := MetadataDim(dim)
	return ok || slices.Contains(Dims, dim)
}

// SpendQuery asks who spent what.
type SpendQuery struct {
	Filter
	GroupBy []string       // see Dims; at most 4; none: one row with the sum of all; no rows where nothing was picked
	Zone    *time.Location // where days begin; nil: UTC
	Limit   int            // 0 or more than MaxLimit: MaxLimit; the dearest rows come first
}

// SpendRow is one group. Meters and money are summed over all attempts, also failed ones that were billed. An exchange counts
// once, under the target that answered or was tried last; so Requests of all rows add up (except when grouped by tag).
type SpendRow struct {
	Dims             map[string]string // by name; "" where the record had none
	Requests         int64
	Errors           int64 // of them, failed or truncated
	Attempts         int64 // ledger lines
	InputTokens      int64 // all of them, cached ones included
	OutputTokens     int64 // reasoning included
	CacheReadTokens  int64 // part of InputTokens
	CacheWriteTokens int64 // part of InputTokens
	Cost             price.Nano
	Unpriced         int64 // attempts that are not in Cost, because no price is known
	Saved            price.Nano
}

// UsageQuery asks for a time series. For series per model, key and so on, group spend by it and "day" or "hour".
type UsageQuery struct {
	Filter                // From is required
	Bucket time.Duration  // an hour (of UTC) or 24 hours (a calendar day in Zone); at most MaxLimit buckets
	Zone   *time.Location // nil: UTC
}

// UsagePoint is one bucket. There is one for every bucket between From and To, also where nothing happened.
type UsagePoint struct {
	Start     time.Time
	Requests  int64
	Errors    int64 // failed or truncated
	Hits      int64 // answered from a cache
	Meters    [llm.NumMeters]int64
	Cost      price.Nano
	Unpriced  int64
	Saved     price.Nano
	Latency   Quantiles // of exchanges that went well, from the first byte in to the last out
	FirstByte Quantiles // of streams that went well
}

// Quantiles are accurate to about 5 %; over very many exchanges they come from a sample. They are 0 when there was nothing to measure.
type Quantiles struct {
	P50, P95 time.Duration
}

// Reader is what admin API, CLI and console need. It is safe for concurrent use and never delays the writer. Errors that are
// the asker's fault wrap ErrQuery.
type Reader interface {
	List(ctx context.Context, q Query) (Page, error)
	Get(ctx context.Context, id string) (*Entry, error) // ErrNotFound
	Count(ctx context.Context, f Filter) (int64, error)
	Spend(ctx context.Context, q SpendQuery) ([]SpendRow, error)
	Usage(ctx context.Context, q UsageQuery) ([]UsagePoint, error)
}

// Store is where the journal keeps what it has. Only the journal's writer calls what is not in Reader, one call at a time.
type Store interface {
	Reader
	// Put keeps a batch, all of it or nothing. Records that the store already has are left as they are, so that a batch
	// may come twice.
	Put(ctx context.Context, b *Batch) error
	// Prune deletes at most limit records or chunks of bodies that are older than that, and says whether there may be more.
	// A zero time deletes nothing.
	Prune(ctx context.Context, records, bodies time.Time, limit int) (more bool, err error)
}

// Batch is what the journal's writer stores in one transaction.
type Batch struct {
	Records []*Record
	Chunks  []Chunk
}

// Chunk holds the bodies of several exchanges, compressed together: agents send the same history with every call.
type Chunk struct {
	Data []byte // see Unpack
	Raw  int    // length before compression
	At   time.Time
	Refs []BodyRef
}

// BodyRef says where in its chunk, uncompressed, the bodies of an exchange are.
type BodyRef struct {
	ID     string // of the record
	Offset int
	Length int
}
