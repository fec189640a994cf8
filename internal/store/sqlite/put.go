package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"tidegate/internal/llm"
	"tidegate/internal/logs"
	"tidegate/internal/price"
)

// Log is the request log; it implements [logs.Store].
type Log struct {
	db        *DB
	exchanges inserter
	ledger    inserter
	chunk     *sql.Stmt
	hour      *sql.Stmt
}

var _ logs.Store = (*Log)(nil)

// Log is the request log in this database.
func (db *DB) Log() *Log { return &db.log }

// The columns in the order in which they are written and read.
var (
	exchangeColumns = strings.Fields(`id at surface method path key org team user end_user session task tags metadata trace span
		parent called stream provider model route status outcome class code message cache saved dropped stop first_byte total
		overhead bytes_in bytes_out chunk chunk_off chunk_len`)
	ledgerColumns = slices.Concat(
		strings.Fields("exchange n provider model credential at first_byte total status class code message sent"),
		llm.MeterNames[:],
		strings.Fields("source tier billed raw cost_nano cost_state price_version"))
)

// rowsPerInsert is where more rows in one statement stop paying.
const rowsPerInsert = 16

// inserter inserts rows in groups, with statements that were prepared once.
type inserter struct {
	one, many *sql.Stmt
	columns   int
	args      []any
}

func (l *Log) prepare(ctx context.Context) (err error) {
	// OR FAIL: a failed statement is undone by its transaction, so SQLite need not prepare for undoing it alone.
	if l.exchanges, err = newInserter(ctx, l.db.write, "INSERT OR FAIL INTO exchanges", exchangeColumns); err != nil {
		return err
	}
	if l.ledger, err = newInserter(ctx, l.db.write, "INSERT OR IGNORE INTO ledger", ledgerColumns); err != nil {
		return err
	}
	if l.hour, err = l.db.write.PrepareContext(ctx, addHour()); err != nil {
		return err
	}
	l.chunk, err = l.db.write.PrepareContext(ctx, "INSERT INTO chunks (at, raw, data) VALUES (?, ?, ?)")
	return err
}

func (l *Log) close() {
	for _, s := range []*sql.Stmt{l.exchanges.one, l.exchanges.many, l.ledger.one, l.ledger.many, l.chunk, l.hour} {
		if s != nil {
			s.Close()
		}
	}
}

func newInserter(ctx context.Context, db *sql.DB, head string, columns []string) (in inserter, err error) {
	head += " (" + strings.Join(columns, ", ") + ") VALUES "
	row := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
	in.columns = len(columns)
	if in.one, err = db.PrepareContext(ctx, head+row); err != nil {
		return in, err
	}
	in.many, err = db.PrepareContext(ctx, head+row+strings.Repeat(", "+row, rowsPerInsert-1))
	return in, err
}

// flush writes the rows in args and empties it.
func (in *inserter) flush(ctx context.Context, tx *sql.Tx) error {
	args := in.args
	defer func() { clear(in.args); in.args = in.args[:0] }()
	for _, p := range []struct {
		stmt *sql.Stmt
		size int
	}{{in.many, in.columns * rowsPerInsert}, {in.one, in.columns}} {
		if len(args) < p.size {
			continue
		}
		stmt := tx.StmtContext(ctx, p.stmt)
		for ; len(args) >= p.size; args = args[p.size:] {
			if _, err := stmt.ExecContext(ctx, args[:p.size]...); err != nil {
				return err
			}
		}
	}
	return nil
}

// Put implements [logs.Store].
func (l *Log) Put(ctx context.Context, b *logs.Batch) error {
	err := l.put(ctx, b, b.Records)
	if e, ok := errors.AsType[*sqlite.Error](err); !ok || e.Code()&0xff != lib.SQLITE_CONSTRAINT {
		return err
	}
	// Some are there already, as happens after a crash.
	fresh, err := l.unknown(ctx, b.Records)
	if err != nil {
		return l.db.explain(err)
	}
	return l.put(ctx, b, fresh)
}

// put writes records that are not there yet.
func (l *Log) put(ctx context.Context, b *logs.Batch, records []*logs.Record) error {
	return l.db.tx(ctx, func(tx *sql.Tx) error {
		places, err := l.putChunks(ctx, tx, b.Chunks)
		if err != nil {
			return err
		}
		l.exchanges.args, l.ledger.args = l.exchanges.args[:0], l.ledger.args[:0]
		for _, r := range records {
			id, err := uuid.Parse(r.ID)
			if err != nil {
				return err
			}
			blob := id[:]
			l.exchanges.args = appendExchange(l.exchanges.args, blob, r, places[r.ID])
			for i := range r.Attempts {
				l.ledger.args = appendAttempt(l.ledger.args, blob, &r.Attempts[i])
			}
		}
		if err := l.exchanges.flush(ctx, tx); err != nil {
			return err
		}
		if err := l.ledger.flush(ctx, tx); err != nil {
			return err
		}
		return l.rollUp(ctx, tx, records)
	})
}

// unknown leaves out what the database has, and what comes twice.
func (l *Log) unknown(ctx context.Context, records []*logs.Record) (fresh []*logs.Record, err error) {
	seen := map[uuid.UUID]bool{}
	for _, r := range records {
		id, err := uuid.Parse(r.ID)
		if err != nil {
			return nil, err
		}
		var have bool
		err = l.db.write.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM exchanges WHERE id = ?)", id[:]).Scan(&have)
		if err != nil {
			return nil, err
		}
		if !have && !seen[id] {
			fresh = append(fresh, r)
		}
		seen[id] = true
	}
	return fresh, nil
}

// place says where the bodies of an exchange are.
type place struct {
	chunk int64
	ref   logs.BodyRef
}

func (l *Log) putChunks(ctx context.Context, tx *sql.Tx, chunks []logs.Chunk) (map[string]place, error) {
	if len(chunks) == 0 {
		return nil, nil
	}
	places := map[string]place{}
	stmt := tx.StmtContext(ctx, l.chunk)
	for _, c := range chunks {
		res, err := stmt.ExecContext(ctx, nanos(c.At), c.Raw, c.Data)
		if err != nil {
			return nil, err
		}
		n, err := res.LastInsertId()
		if err != nil {
			return nil, err
		}
		for _, ref := range c.Refs {
			places[ref.ID] = place{n, ref}
		}
	}
	return places, nil
}

func appendExchange(args []any, id []byte, r *logs.Record, p place) []any {
	var chunk, off, length any
	if p.chunk != 0 {
		chunk, off, length = p.chunk, int64(p.ref.Offset), int64(p.ref.Length)
	}
	return append(args,
		id, nanos(r.At), string(r.Surface), r.Method, r.Path, r.Key, r.Org, r.Team, r.User, r.EndUser, r.Session, r.Task,
		jsonTexts(r.Tags), jsonObject(r.Metadata), r.Trace, r.Span, r.Parent, r.Called, r.Stream, r.Provider, r.Model, r.Route,
		int64(r.Status), string(r.Outcome), r.Class, r.Code, r.Message, r.Cache, int64(r.Saved), jsonTexts(r.Dropped),
		string(r.Stop), int64(r.FirstByte), int64(r.Total), int64(r.Overhead), r.BytesIn, r.BytesOut, chunk, off, length)
}

func appendAttempt(args []any, id []byte, a *logs.Attempt) []any {
	args = append(args, id, int64(a.N), a.Provider, a.Model, a.Credential, nanos(a.At), int64(a.FirstByte), int64(a.Total),
		int64(a.Status), a.Class, a.Code, a.Message, a.Sent)
	for _, n := range a.Usage.N {
		args = append(args, n)
	}
	var raw, cost any
	if len(a.Usage.Raw) > 0 {
		raw = string(a.Usage.Raw)
	}
	if a.Cost.State != price.Unpriced {
		cost = int64(a.Cost.Nano)
	}
	return append(args, a.Usage.Source.String(), a.Usage.Tier, a.Usage.Billed, raw, cost, string(a.Cost.State), a.Cost.Version)
}

// nanos is 0 for no time.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// jsonTexts is NULL for none.
func jsonTexts(list []string) any {
	if len(list) == 0 {
		return nil
	}
	b, err := json.Marshal(list, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil
	}
	return string(b)
}

// jsonObject is NULL for what no query could read.
func jsonObject(v []byte) any {
	var m map[string]string
	if len(v) == 0 || json.Unmarshal(v, &m) != nil {
		return nil
	}
	return string(v)
}
