package sqlite

import (
	"context"
	"database/sql"
	"time"
)

// Prune implements [logs.Store]. Both deletions walk from the oldest on and touch nothing else.
func (l *Log) Prune(ctx context.Context, records, bodies time.Time, limit int) (more bool, err error) {
	if bodies.Before(records) {
		bodies = records // none without their record
	}
	for _, step := range []struct {
		before time.Time
		delete func(ctx context.Context, tx *sql.Tx, before int64, limit int) (int, error)
	}{{bodies, pruneChunks}, {records, pruneRecords}} {
		if step.before.IsZero() {
			continue
		}
		err := l.db.tx(ctx, func(tx *sql.Tx) error {
			n, err := step.delete(ctx, tx, nanos(step.before), limit)
			more = more || n == limit
			return err
		})
		if err != nil {
			return false, err
		}
	}
	return more, nil
}

// pruneChunks leaves the exchanges' pointers: numbers of chunks are never used again.
func pruneChunks(ctx context.Context, tx *sql.Tx, before int64, limit int) (int, error) {
	return deleted(tx.ExecContext(ctx, "DELETE FROM chunks WHERE at < ? AND n IN (SELECT n FROM chunks ORDER BY n LIMIT ?)", before, limit))
}

func pruneRecords(ctx context.Context, tx *sql.Tx, before int64, limit int) (int, error) {
	const old = "(SELECT id FROM exchanges WHERE at < ? ORDER BY at, id LIMIT ?)"
	if _, err := tx.ExecContext(ctx, "DELETE FROM ledger WHERE exchange IN "+old, before, limit); err != nil {
		return 0, err
	}
	// Hours that are only in part that old stay whole.
	if _, err := tx.ExecContext(ctx, "DELETE FROM hourly WHERE at <= ?", before-int64(time.Hour)); err != nil {
		return 0, err
	}
	return deleted(tx.ExecContext(ctx, "DELETE FROM exchanges WHERE id IN "+old, before, limit))
}

func deleted(res sql.Result, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}
