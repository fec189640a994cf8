package dialect_test

import (
	"fmt"
	"slices"
	"testing"

	"tidegate/internal/dialect/corpus"
)

// tally counts what was tested, by check.
type tally struct {
	t      *testing.T
	passed map[string]int
	failed map[string][]string
}

func newTally(t *testing.T) *tally {
	return &tally{t: t, passed: map[string]int{}, failed: map[string][]string{}}
}

func (c *tally) check(what string, rec *corpus.Record, ok bool, format string, a ...any) {
	if ok {
		c.passed[what]++
		return
	}
	c.failed[what] = append(c.failed[what], fmt.Sprintf("%s %s %s: %s", rec.Provider, rec.Surface, rec.ID, fmt.Sprintf(format, a...)))
}

// report logs the counts, and fails with the first few of what failed.
func (c *tally) report() {
	c.t.Helper()
	whats := map[string]bool{}
	for what := range c.passed {
		whats[what] = true
	}
	for what := range c.failed {
		whats[what] = true
	}
	for _, what := range slices.Sorted(mapKeys(whats)) {
		bad := c.failed[what]
		c.t.Logf("%-70s %d of %d", what, c.passed[what], c.passed[what]+len(bad))
		for i, line := range bad {
			if i == 12 {
				c.t.Logf("  … and %d more", len(bad)-i)
				break
			}
			c.t.Error("  " + line)
		}
	}
}
