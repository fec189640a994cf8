package sqlite

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"tidegate/internal/logs"
)

// where collects conditions and their arguments.
type where struct {
	conds []string
	args  []any
}

func (w *where) add(cond string, args ...any) {
	w.conds = append(w.conds, cond)
	w.args = append(w.args, args...)
}

func (w *where) String() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

// filter is what [logs.Filter.Match] says, in SQL, on exchanges x. target is the table whose provider and model are meant.
//
// Conditions that only repeat what another one implies let SQLite use the partial index that has them in its definition.
func filter(f *logs.Filter, target string) (w where) {
	for _, c := range [...]struct{ cond, value string }{
		{"x.key = ?", f.Key},
		{"x.org = ?", f.Org},
		{"x.team = ?", f.Team},
		{"x.user = ?", f.User},
		{"x.end_user = ?", f.EndUser},
		{target + ".provider = ?", f.Provider},
		{target + ".model = ?", f.Model},
		{"x.called = ?", f.Called},
		{"x.path = ?", f.Path},
		{"x.session = ? AND x.session <> ''", f.Session},
		{"x.task = ?", f.Task},
		{"x.trace = ? AND x.trace <> ''", f.Trace},
		{"x.class = ?", f.Class},
		{"x.cache = ?", f.Cache},
		{"EXISTS (SELECT 1 FROM json_each(x.tags) WHERE value = ?)", f.Tag},
	} {
		if c.value != "" {
			w.add(c.cond, c.value)
		}
	}
	switch f.Outcome {
	case "":
	case logs.OK:
		w.add("x.outcome = 'ok'")
	default:
		w.add("x.outcome = ? AND x.outcome <> 'ok'", string(f.Outcome))
	}
	if f.Status != 0 {
		w.add("x.status = ?", f.Status)
	}
	if f.MetadataKey != "" {
		if f.MetadataValue == "" {
			w.add("EXISTS (SELECT 1 FROM json_each(x.metadata) WHERE key = ?)", f.MetadataKey)
		} else {
			w.add("EXISTS (SELECT 1 FROM json_each(x.metadata) WHERE key = ? AND value = ?)", f.MetadataKey, f.MetadataValue)
		}
	}
	w.text(f.Text)
	w.between(f.From, f.To)
	return w
}

// text looks for an id where it is one, and only then: that is one lookup.
func (w *where) text(s string) {
	if s == "" {
		return
	}
	if id, err := uuid.Parse(s); err == nil && len(s) == 36 {
		w.add("(x.id = ? OR instr(lower(x.message), lower(?)) > 0)", id[:], s)
		return
	}
	w.add("instr(lower(x.message), lower(?)) > 0", s)
}

func (w *where) between(from, to time.Time) {
	if !from.IsZero() {
		w.add("x.at >= ?", nanos(from))
	}
	if !to.IsZero() {
		w.add("x.at < ?", nanos(to))
	}
}
