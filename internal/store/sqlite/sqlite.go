// Package sqlite keeps everything in one SQLite file: the store for a single gateway, needing no server.
//
// It implements interfaces that other packages declare, and is the only one that knows SQLite. There is one connection that
// writes, so writers wait in Go and never for each other's locks, and a few that read, which never hold up the writer (WAL).
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// What may be wrong with a database, besides errors of SQLite itself. Errors name the file.
var (
	ErrLocked   = errors.New("database is locked by another process")
	ErrDiskFull = errors.New("disk full")
	ErrDamaged  = errors.New("file is damaged, or no database; restore it from a backup or move it away")
	ErrReadOnly = errors.New("database cannot be written")
	ErrNewer    = errors.New("database was written by a newer version of the program")
)

const (
	readers      = 3
	busyTimeout  = 5 * time.Second
	queryTimeout = 30 * time.Second // of one read, whatever its caller's patience
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	path  string
	write *sql.DB // one connection
	read  *sql.DB
	log   Log
}

// Open opens or creates the file and brings its schema up to date. The folder must exist.
func Open(ctx context.Context, path string) (*DB, error) {
	db := &DB{path: path}
	db.log.db = db
	if err := db.open(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func (db *DB) open(ctx context.Context) (err error) {
	// SQLite says no more than "unable to open database file".
	f, err := os.OpenFile(db.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	f.Close()
	// With synchronous=FULL a commit survives a power cut, so what is committed may be forgotten elsewhere. Batches make it
	// cheap: there are about ten commits a second. secure_delete: what was deleted is not to be found in the file.
	if db.write, err = connect(db.path, 1, "synchronous(FULL)", "secure_delete(ON)", "cache_size(-8192)"); err != nil {
		return err
	}
	if db.read, err = connect(db.path, readers, "query_only(ON)", "cache_size(-4096)"); err != nil {
		return err
	}
	if err := db.migrate(ctx); err != nil {
		return db.explain(err)
	}
	return db.explain(db.log.prepare(ctx))
}

func connect(path string, conns int, pragmas ...string) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	q := url.Values{"_txlock": {"immediate"}}
	common := []string{
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "journal_mode(WAL)", "journal_size_limit(67108864)",
		"trusted_schema(OFF)",
	}
	q["_pragma"] = append(common, pragmas...)
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: abs, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// Close waits for what is under way. All writers must have stopped.
func (db *DB) Close() error {
	var errs []error
	db.log.close()
	for _, p := range []*sql.DB{db.read, db.write} { // the writer last: it then checkpoints
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	return errors.Join(errs...)
}

// tx runs fn in a transaction of the writer: all of it or nothing.
func (db *DB) tx(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return db.explain(err)
	}
	defer tx.Rollback() // nothing once it is committed
	if err := fn(tx); err != nil {
		return db.explain(err)
	}
	return db.explain(tx.Commit())
}

// explain gives the well-known failures of SQLite a name and says which file it is about.
func (db *DB) explain(err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	known := map[int]error{
		lib.SQLITE_BUSY: ErrLocked, lib.SQLITE_LOCKED: ErrLocked, lib.SQLITE_FULL: ErrDiskFull, lib.SQLITE_CORRUPT: ErrDamaged,
		lib.SQLITE_NOTADB: ErrDamaged, lib.SQLITE_READONLY: ErrReadOnly, lib.SQLITE_CANTOPEN: ErrReadOnly, lib.SQLITE_PERM: ErrReadOnly,
	}
	if name := known[e.Code()&0xff]; name != nil {
		return fmt.Errorf("%s: %w (%w)", db.path, name, err)
	}
	return fmt.Errorf("%s: %w", db.path, err)
}
