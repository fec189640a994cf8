package spool

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const segmentSuffix = ".seg"

// segment is one file. Its name is the position of its first byte.
type segment struct {
	start Pos
	size  int64
}

func (g segment) end() Pos { return g.start + Pos(g.size) }

func (s *Spool) path(start Pos) string {
	return filepath.Join(s.dir, fmt.Sprintf("%016x%s", uint64(start), segmentSuffix))
}

// listSegments finds the segments of a folder, oldest first.
func listSegments(dir string) ([]segment, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []segment
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), segmentSuffix)
		if !ok {
			continue
		}
		start, err := strconv.ParseUint(name, 16, 64)
		if err != nil {
			continue
		}
		info, err := f.Info()
		if err != nil {
			return nil, err
		}
		list = append(list, segment{start: Pos(start), size: info.Size()})
	}
	slices.SortFunc(list, func(a, b segment) int { return cmpPos(a.start, b.start) })
	return list, nil
}

func cmpPos(a, b Pos) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// walk calls fn with every good frame of b, the bytes of a segment from position at on, until fn says false. Damage is stepped
// over: skipped counts the bytes that were lost before a good frame, tail those at the end that no good frame follows.
func walk(b []byte, at Pos, fn func(payload []byte, next Pos) bool) (skipped, tail int64) {
	bad := 0 // bytes since the last good frame
	for len(b) > 0 {
		payload, ok := cutFrame(b, at)
		if !ok {
			n := nextMagic(b)
			b, at, bad = b[n:], at+Pos(n), bad+n
			continue
		}
		skipped, bad = skipped+int64(bad), 0
		n := headerSize + len(payload)
		b, at = b[n:], at+Pos(n)
		if !fn(payload, at) {
			return skipped, 0
		}
	}
	return skipped, int64(bad)
}

// nextMagic is how far the next place is where a frame may begin; at least 1.
func nextMagic(b []byte) int {
	if i := bytes.Index(b[1:], []byte(magic)); i >= 0 {
		return 1 + i
	}
	return len(b)
}
