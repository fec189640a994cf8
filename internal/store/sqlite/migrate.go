package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"time"
)

// migrations are numbered from 1 without gaps. One that was released is never changed; the next one corrects it.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate runs what the database has not seen yet, all in one transaction: it is new, or as it was.
func (db *DB) migrate(ctx context.Context) error {
	files, err := fs.Glob(migrations, "migrations/*.sql") // sorted
	if err != nil {
		return err
	}
	return db.tx(ctx, func(tx *sql.Tx) error {
		const table = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, applied TEXT NOT NULL) STRICT"
		if _, err := tx.ExecContext(ctx, table); err != nil {
			return err
		}
		var have int
		if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM schema_version").Scan(&have); err != nil {
			return err
		}
		if have > len(files) {
			return fmt.Errorf("%s: %w (schema %d; this one knows %d)", db.path, ErrNewer, have, len(files))
		}
		for i, name := range files[have:] {
			text, err := migrations.ReadFile(name)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, string(text)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			now := time.Now().UTC().Format(time.RFC3339)
			if _, err := tx.ExecContext(ctx, "INSERT INTO schema_version VALUES (?, ?)", strconv.Itoa(have+i+1), now); err != nil {
				return err
			}
		}
		return nil
	})
}
