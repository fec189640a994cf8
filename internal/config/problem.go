package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is something wrong in a config, or, as a warning, something worth knowing. It never holds a secret.
type Problem struct {
	File string // "" when the trouble is not in the file but in a flag or the environment
	Line int    // from 1; 0: the file as a whole
	Col  int
	Path string // as routing.rules[0].use
	Text string
}

// String is file:line:col: path: text, without what is not known.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File + ":")
		if p.Line > 0 {
			fmt.Fprintf(&b, "%d:%d:", p.Line, p.Col)
		}
		b.WriteByte(' ')
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	return b.String() + p.Text
}

// Problems are all that is wrong with a config, in the order of the file.
type Problems []Problem //nolint:errname // warnings are Problems too

// Error is one line for each.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
}

// place is where a value comes from: a position in the file, or the name of a flag or variable.
type place struct {
	line, col int
	from      string
	written   string // a scalar with variables, as the file has it
}

// report collects problems by path.
type report struct {
	file     string
	at       map[string]place // of every value that was given
	errors   Problems
	warnings Problems
}

func (r *report) errorf(path, format string, args ...any) {
	r.errors = append(r.errors, r.problem(path, fmt.Sprintf(format, args...)))
}

func (r *report) warnf(path, format string, args ...any) {
	if !r.wrong(path) {
		r.warnings = append(r.warnings, r.problem(path, fmt.Sprintf(format, args...)))
	}
}

// quote is what a message may show of the text at path: not what variables stand for, which may be secret.
func (r *report) quote(path, text string) string {
	return quote(cmp.Or(r.at[path].written, text))
}

// given tells whether the value at path was written down, and is not a default.
func (r *report) given(path string) bool {
	_, ok := r.at[path]
	return ok
}

// wrong tells whether something at or inside path is reported already.
func (r *report) wrong(path string) bool {
	return slices.ContainsFunc(r.errors, func(p Problem) bool {
		rest, ok := strings.CutPrefix(p.Path, path)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// problem finds the place of path, or of the nearest thing around it.
func (r *report) problem(path, text string) Problem {
	around := path
	at, ok := r.at[around]
	for !ok && around != "" {
		around = around[:max(0, strings.LastIndexAny(around, ".["))]
		at, ok = r.at[around]
	}
	if at.from != "" {
		return Problem{Path: at.from, Text: text}
	}
	return Problem{File: r.file, Line: at.line, Col: at.col, Path: path, Text: text}
}
