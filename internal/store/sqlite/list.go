package sqlite

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"tidegate/internal/llm"
	"tidegate/internal/logs"
	"tidegate/internal/price"
)

// selectExchanges reads the columns that are written, and whether there still are bodies.
var selectExchanges = "SELECT x." + strings.Join(exchangeColumns, ", x.") +
	", coalesce(x.chunk >= (SELECT min(n) FROM chunks), 0) FROM exchanges x"

// List implements [logs.Reader].
func (l *Log) List(ctx context.Context, q logs.Query) (logs.Page, error) {
	text, args, limit, err := listQuery(q)
	if err != nil {
		return logs.Page{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	items, err := l.records(ctx, text, args)
	if err != nil {
		return logs.Page{}, l.db.explain(err)
	}
	page := logs.Page{Items: items}
	if len(items) > limit {
		page.Items = items[:limit]
		page.Next = cursor(&items[limit-1])
	}
	return page, l.db.explain(l.attempts(ctx, page.Items))
}

// listQuery asks for one more than the page holds, to know whether there is a next one.
func listQuery(q logs.Query) (text string, args []any, limit int, err error) {
	limit = min(q.Limit, logs.MaxLimit)
	if limit <= 0 {
		limit = 50
	}
	w := filter(&q.Filter, "x")
	if q.Cursor != "" {
		at, id, err := parseCursor(q.Cursor)
		if err != nil {
			return "", nil, 0, err
		}
		w.add("(x.at, x.id) < (?, ?)", at, id)
	}
	return selectExchanges + w.String() + " ORDER BY x.at DESC, x.id DESC LIMIT ?", append(w.args, limit+1), limit, nil
}

// A cursor is time and id of the last record that was seen.
func cursor(r *logs.Record) string {
	id := uuid.MustParse(r.ID)
	return base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint64(nil, uint64(nanos(r.At))), id[:]...))
}

func parseCursor(s string) (at int64, id []byte, err error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != 8+16 {
		return 0, nil, fmt.Errorf("%w: that is no cursor of ours", logs.ErrQuery)
	}
	return int64(binary.BigEndian.Uint64(b)), b[8:], nil
}

// Get implements [logs.Reader].
func (l *Log) Get(ctx context.Context, id string) (*logs.Entry, error) {
	key, err := uuid.Parse(id)
	if err != nil {
		return nil, logs.ErrNotFound
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	list, err := l.records(ctx, selectExchanges+" WHERE x.id = ?", []any{key[:]})
	if err == nil && len(list) == 0 {
		return nil, logs.ErrNotFound
	}
	if err == nil {
		err = l.attempts(ctx, list)
	}
	if err != nil {
		return nil, l.db.explain(err)
	}
	e := &logs.Entry{Record: list[0]}
	if !e.Record.Bodies {
		return e, nil
	}
	e.Bodies, err = l.bodies(ctx, key)
	return e, l.db.explain(err)
}

// bodies are nil when they were deleted meanwhile.
func (l *Log) bodies(ctx context.Context, id uuid.UUID) (*logs.Bodies, error) {
	const text = "SELECT c.data, c.raw, x.chunk_off, x.chunk_len FROM exchanges x JOIN chunks c ON c.n = x.chunk WHERE x.id = ?"
	var data []byte
	var raw, off, length int
	err := l.db.read.QueryRowContext(ctx, text, id[:]).Scan(&data, &raw, &off, &length)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return logs.Unpack(data, raw, off, length)
}

// Count implements [logs.Reader].
func (l *Log) Count(ctx context.Context, f logs.Filter) (n int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	w := filter(&f, "x")
	err = l.db.read.QueryRowContext(ctx, "SELECT count(*) FROM exchanges x"+w.String(), w.args...).Scan(&n)
	return n, l.db.explain(err)
}

func (l *Log) records(ctx context.Context, text string, args []any) ([]logs.Record, error) {
	rows, err := l.db.read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []logs.Record
	for rows.Next() {
		r, err := scanExchange(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// scanExchange reads what appendExchange wrote.
func scanExchange(rows *sql.Rows) (r logs.Record, err error) {
	var id uuid.UUID
	var blob []byte
	var at int64
	var tags, metadata, dropped sql.NullString
	var place [3]sql.NullInt64
	err = rows.Scan(&blob, &at, &r.Surface, &r.Method, &r.Path, &r.Key, &r.Org, &r.Team, &r.User, &r.EndUser, &r.Session,
		&r.Task, &tags, &metadata, &r.Trace, &r.Span, &r.Parent, &r.Called, &r.Stream, &r.Provider, &r.Model, &r.Route, &r.Status,
		&r.Outcome, &r.Class, &r.Code, &r.Message, &r.Cache, &r.Saved, &dropped, &r.Stop, &r.FirstByte, &r.Total, &r.Overhead,
		&r.BytesIn, &r.BytesOut, &place[0], &place[1], &place[2], &r.Bodies)
	if err != nil {
		return r, err
	}
	if id, err = uuid.FromBytes(blob); err != nil {
		return r, err
	}
	r.ID, r.At = id.String(), fromNanos(at)
	if metadata.Valid {
		r.Metadata = []byte(metadata.String)
	}
	return r, errors.Join(texts(tags, &r.Tags), texts(dropped, &r.Dropped))
}

// attempts reads the ledger lines of all records of a page at once.
func (l *Log) attempts(ctx context.Context, records []logs.Record) error {
	if len(records) == 0 {
		return nil
	}
	byID := make(map[uuid.UUID]*logs.Record, len(records))
	args := make([]any, 0, len(records))
	for i := range records {
		id := uuid.MustParse(records[i].ID)
		byID[id] = &records[i]
		args = append(args, id[:])
	}
	text := "SELECT " + strings.Join(ledgerColumns, ", ") + " FROM ledger WHERE exchange IN (?" +
		strings.Repeat(", ?", len(args)-1) + ") ORDER BY exchange, n"
	rows, err := l.db.read.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		id, a, err := scanAttempt(rows)
		if err != nil {
			return err
		}
		r := byID[id]
		r.Attempts = append(r.Attempts, a)
	}
	return rows.Err()
}

// scanAttempt reads what appendAttempt wrote.
func scanAttempt(rows *sql.Rows) (id uuid.UUID, a logs.Attempt, err error) {
	var blob []byte
	var at int64
	var source string
	var raw sql.NullString
	var cost sql.NullInt64
	into := []any{&blob, &a.N, &a.Provider, &a.Model, &a.Credential, &at, &a.FirstByte, &a.Total, &a.Status, &a.Class, &a.Code,
		&a.Message, &a.Sent}
	for i := range a.Usage.N {
		into = append(into, &a.Usage.N[i])
	}
	into = append(into, &source, &a.Usage.Tier, &a.Usage.Billed, &raw, &cost, &a.Cost.State, &a.Cost.Version)
	if err := rows.Scan(into...); err != nil {
		return id, a, err
	}
	for s := llm.Reported; s <= llm.Estimated; s++ {
		if s.String() == source {
			a.Usage.Source = s
		}
	}
	if raw.Valid {
		a.Usage.Raw = []byte(raw.String)
	}
	a.At, a.Cost.Nano = fromNanos(at), price.Nano(cost.Int64)
	id, err = uuid.FromBytes(blob)
	return id, a, err
}

func texts(s sql.NullString, list *[]string) error {
	if !s.Valid {
		return nil
	}
	return json.Unmarshal([]byte(s.String), list)
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
