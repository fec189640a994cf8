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
type Problems []Problem

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
	r.warnings = append(r.warnings, r.problem(path, fmt.Sprintf(format, args...)))
}

// given tells whether the value at path was written down, and is not a default.
func (r *report) given(path string) bool {
	_, ok := r.at[path]
	return ok
}

// problem finds the place of path, or of the nearest thing around it.
func (r *report) problem(path, text string) Problem {
	for around := path; around != ""; around = around[:max(0, strings.LastIndexAny(around, ".["))] {
		if at, ok := r.at[around]; ok {
			if at.from != "" {
				return Problem{Path: at.from, Text: text}
			}
			return Problem{File: r.file, Line: at.line, Col: at.col, Path: path, Text: text}
		}
	}
	return Problem{File: r.file, Path: path, Text: text}
}
