package logs

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// Match says whether the filter picks a record. Stores give the same answer in their own language.
func (f *Filter) Match(r *Record) bool {
	for _, p := range [...]struct{ want, have string }{
		{f.Key, r.Key}, {f.Org, r.Org}, {f.Team, r.Team}, {f.User, r.User}, {f.EndUser, r.EndUser}, {f.Provider, r.Provider},
		{f.Model, r.Model}, {f.Called, r.Called}, {f.Path, r.Path}, {f.Session, r.Session}, {f.Task, r.Task}, {f.Trace, r.Trace},
		{string(f.Outcome), string(r.Outcome)}, {f.Class, r.Class}, {f.Cache, r.Cache},
	} {
		if p.want != "" && p.want != p.have {
			return false
		}
	}
	switch {
	case !f.From.IsZero() && r.At.Before(f.From),
		!f.To.IsZero() && !r.At.Before(f.To),
		f.Status != 0 && f.Status != r.Status,
		f.Tag != "" && !slices.Contains(r.Tags, f.Tag),
		f.Text != "" && !strings.EqualFold(f.Text, r.ID) && !strings.Contains(lower(r.Message), lower(f.Text)):
		return false
	}
	return f.matchMetadata(r)
}

func (f *Filter) matchMetadata(r *Record) bool {
	if f.MetadataKey == "" {
		return true
	}
	var m map[string]string
	if json.Unmarshal(r.Metadata, &m) != nil {
		return false
	}
	v, ok := m[f.MetadataKey]
	return ok && (f.MetadataValue == "" || f.MetadataValue == v)
}

// lower changes ASCII only, as SQL does.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}
