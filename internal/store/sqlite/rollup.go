package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"tidegate/internal/llm"
	"tidegate/internal/logs"
	"tidegate/internal/price"
)

// The columns of hourly, and of every arm that sums are made of.
var (
	hourlyKey  = strings.Fields("at key org team user task called path provider model")
	sumColumns = slices.Concat(strings.Fields("requests errors hits saved attempts"), llm.MeterNames[:], []string{"cost", "unpriced"})
)

// sums are the figures of one group, in the order of sumColumns.
type sums struct {
	requests, errors, hits, saved, attempts int64
	meters                                  [llm.NumMeters]int64
	cost, unpriced                          int64
}

// fields are pointers to all of them.
func (s *sums) fields() []any {
	list := []any{&s.requests, &s.errors, &s.hits, &s.saved, &s.attempts}
	for i := range s.meters {
		list = append(list, &s.meters[i])
	}
	return append(list, &s.cost, &s.unpriced)
}

// hourKey is the primary key of hourly.
type hourKey struct {
	at                                                        int64
	key, org, team, user, task, called, path, provider, model string
}

// rollUp adds new records to the hours they belong to.
func (l *Log) rollUp(ctx context.Context, tx *sql.Tx, records []*logs.Record) error {
	groups := map[hourKey]*sums{}
	for _, r := range records {
		k := hourKey{nanos(r.At.Truncate(time.Hour)), r.Key, r.Org, r.Team, r.User, r.Task, r.Called, r.Path, r.Provider, r.Model}
		group(groups, k).request(r)
		for i := range r.Attempts {
			k.provider, k.model = r.Attempts[i].Provider, r.Attempts[i].Model
			group(groups, k).attempt(&r.Attempts[i])
		}
	}
	stmt := tx.StmtContext(ctx, l.hour)
	for k, s := range groups {
		args := []any{k.at, k.key, k.org, k.team, k.user, k.task, k.called, k.path, k.provider, k.model}
		for _, p := range s.fields() {
			args = append(args, *p.(*int64))
		}
		if _, err := stmt.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func group(groups map[hourKey]*sums, k hourKey) *sums {
	s := groups[k]
	if s == nil {
		s = new(sums)
		groups[k] = s
	}
	return s
}

func (s *sums) request(r *logs.Record) {
	s.requests++
	s.saved += int64(r.Saved)
	if r.Outcome == logs.Failed || r.Outcome == logs.Truncated {
		s.errors++
	}
	if r.Cache == "hit" || r.Cache == "semantic" {
		s.hits++
	}
}

func (s *sums) attempt(a *logs.Attempt) {
	s.attempts++
	for i, n := range a.Usage.N {
		s.meters[i] += n
	}
	if a.Cost.State == price.Unpriced {
		s.unpriced++
	} else {
		s.cost += int64(a.Cost.Nano)
	}
}

// addHour is the statement of rollUp.
func addHour() string {
	var add []string
	for _, c := range sumColumns {
		add = append(add, c+" = "+c+" + excluded."+c)
	}
	columns := slices.Concat(hourlyKey, sumColumns)
	return "INSERT INTO hourly (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) +
		") ON CONFLICT DO UPDATE SET " + strings.Join(add, ", ")
}

// The figures of one row of each table that sums are made of. Exchanges count requests, ledger lines the rest.
var (
	exchangeSums = named("1", "x.outcome IN ('error', 'truncated')", "x.cache IN ('hit', 'semantic')", "x.saved")
	ledgerSums   = named(slices.Concat([]string{"0", "0", "0", "0", "1"}, prefixed("l.", llm.MeterNames[:]),
		[]string{"coalesce(l.cost_nano, 0)", "l.cost_state = 'unpriced'"})...)
	hourlySums = named(prefixed("x.", sumColumns)...)
)

// named gives expressions the names of sumColumns; what is not given is 0.
func named(exprs ...string) string {
	var list []string
	for i, c := range sumColumns {
		e := "0"
		if i < len(exprs) {
			e = exprs[i]
		}
		list = append(list, e+" AS "+c)
	}
	return strings.Join(list, ", ")
}

func prefixed(prefix string, names []string) (list []string) {
	for _, n := range names {
		list = append(list, prefix+n)
	}
	return list
}

// source is the rows to be summed, as a subquery: whole hours out of hourly where that knows all that is asked for, the rest
// out of exchanges and ledger. Every row has the columns of the grouping and sumColumns.
func source(f logs.Filter, g *grouping) (text string, args []any) {
	var arms []string
	arm := func(table, target, sums string, from, to time.Time) {
		f.From, f.To = from, to
		w := filter(&f, target)
		arms = append(arms, "SELECT "+g.columns(target)+sums+" FROM "+table+g.join+w.String())
		args = append(append(args, g.args...), w.args...)
	}
	raw := func(from, to time.Time) {
		arm("exchanges x", "x", exchangeSums, from, to)
		arm("exchanges x CROSS JOIN ledger l ON l.exchange = x.id", "l", ledgerSums, from, to)
	}
	from, to := f.From, f.To
	first, last := from.Add(time.Hour-1).Truncate(time.Hour), to.Truncate(time.Hour)
	if from.IsZero() {
		first = from
	}
	if g.raw || !hourlyKnows(&f) || !from.IsZero() && !to.IsZero() && !first.Before(last) {
		raw(from, to)
		return "(" + strings.Join(arms, " UNION ALL ") + ")", args
	}
	if from.Before(first) {
		raw(from, first)
	}
	arm("hourly x", "x", hourlySums, first, last)
	if last.Before(to) {
		raw(last, to)
	}
	return "(" + strings.Join(arms, " UNION ALL ") + ")", args
}

// hourlyKnows says whether a filter only looks at what hourly has.
func hourlyKnows(f *logs.Filter) bool {
	rest := *f
	rest.From, rest.To = time.Time{}, time.Time{}
	rest.Key, rest.Org, rest.Team, rest.User, rest.Task, rest.Called, rest.Path, rest.Provider, rest.Model = "", "", "", "", "", "", "", "", ""
	return rest == logs.Filter{}
}
