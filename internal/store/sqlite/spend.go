package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"tidegate/internal/llm"
	"tidegate/internal/logs"
	"tidegate/internal/price"
)

// dimColumns are the dimensions that are a column of the exchange. Those of the target are columns of whichever table counts.
var dimColumns = map[string]string{
	"key": "x.key", "org": "x.org", "team": "x.team", "user": "x.user", "end_user": "x.end_user", "called": "x.called",
	"endpoint": "x.path", "session": "x.session", "task": "x.task", "hour": "x.at / 3600000000000",
}

// grouping is what a spend query groups by, as SQL.
type grouping struct {
	exprs []string // with %s for the table of the target
	args  []any
	join  string
	raw   bool // hourly does not know it
}

func newGrouping(q *logs.SpendQuery) (g grouping, err error) {
	if len(q.GroupBy) > 4 {
		return g, fmt.Errorf("%w: at most 4 dimensions to group by", logs.ErrQuery)
	}
	for _, dim := range q.GroupBy {
		if !logs.ValidDim(dim) {
			return g, fmt.Errorf("%w: cannot group by %q; known are %s and metadata.X", logs.ErrQuery, dim, strings.Join(logs.Dims, ", "))
		}
		key, metadata := logs.MetadataDim(dim)
		switch {
		case metadata:
			g.exprs = append(g.exprs, "coalesce((SELECT value FROM json_each(x.metadata) WHERE key = ?), '')")
			g.args = append(g.args, key)
			g.raw = true
		case dim == "provider" || dim == "model":
			g.exprs = append(g.exprs, "%s."+dim)
		case dim == "tag":
			g.exprs = append(g.exprs, "coalesce(t.value, '')")
			g.join = " LEFT JOIN json_each(x.tags) t"
			g.raw = true
		case dim == "day":
			expr, hours := dayExpr(q.Zone, q.From, q.To)
			g.exprs = append(g.exprs, expr)
			g.raw = g.raw || !hours
		default:
			g.raw = g.raw || dim == "end_user" || dim == "session"
			g.exprs = append(g.exprs, dimColumns[dim])
		}
	}
	return g, nil
}

// columns are the expressions, named d0, d1 and so on.
func (g *grouping) columns(target string) string {
	var b strings.Builder
	for i, e := range g.exprs {
		fmt.Fprintf(&b, "%s AS d%d, ", strings.ReplaceAll(e, "%s", target), i)
	}
	return b.String()
}

func (g *grouping) names() (names []string) {
	for i := range g.exprs {
		names = append(names, fmt.Sprintf("d%d", i))
	}
	return names
}

func spendQuery(q *logs.SpendQuery) (text string, args []any, err error) {
	g, err := newGrouping(q)
	if err != nil {
		return "", nil, err
	}
	limit := q.Limit
	if limit <= 0 || limit > logs.MaxLimit {
		limit = logs.MaxLimit
	}
	head, by, order := "", "", ""
	if names := strings.Join(g.names(), ", "); names != "" {
		head, by, order = names+", ", " GROUP BY "+names, ", "+names
	}
	from, args := source(q.Filter, &g)
	text = "SELECT " + head + sumOfAll + " FROM " + from + by + " HAVING count(*) > 0 ORDER BY sum(cost) DESC" + order + " LIMIT ?"
	return text, append(args, limit), nil
}

// sumOfAll adds up what source yields.
var sumOfAll = "sum(" + strings.Join(sumColumns, "), sum(") + ")"

// Spend implements [logs.Reader].
func (l *Log) Spend(ctx context.Context, q logs.SpendQuery) ([]logs.SpendRow, error) {
	text, args, err := spendQuery(&q)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	rows, err := l.db.read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, l.db.explain(err)
	}
	defer rows.Close()
	var list []logs.SpendRow
	for rows.Next() {
		r, err := scanSpend(rows, &q)
		if err != nil {
			return nil, l.db.explain(err)
		}
		list = append(list, r)
	}
	return list, l.db.explain(rows.Err())
}

func scanSpend(rows *sql.Rows, q *logs.SpendQuery) (r logs.SpendRow, err error) {
	dims := make([]string, len(q.GroupBy))
	var into []any
	for i := range dims {
		into = append(into, &dims[i])
	}
	var s sums
	if err := rows.Scan(append(into, s.fields()...)...); err != nil {
		return r, err
	}
	u := llm.Usage{N: s.meters}
	r = logs.SpendRow{
		Requests: s.requests, Errors: s.errors, Attempts: s.attempts, InputTokens: u.Input(), OutputTokens: u.Output(),
		CacheReadTokens: u.N[llm.InputCacheRead], CacheWriteTokens: u.CacheWrite(), Cost: price.Nano(s.cost), Unpriced: s.unpriced,
		Saved: price.Nano(s.saved),
	}
	r.Dims = make(map[string]string, len(dims))
	for i, dim := range q.GroupBy {
		r.Dims[dim] = dims[i]
		switch dim {
		case "day":
			r.Dims[dim] = bucketStart(dims[i], day, time.UTC).Format(time.DateOnly)
		case "hour":
			r.Dims[dim] = bucketStart(dims[i], time.Hour, time.UTC).Format(time.RFC3339)
		}
	}
	return r, nil
}
