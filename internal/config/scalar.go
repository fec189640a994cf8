package config

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // timezone must load where the system has no tables, as in a distroless image

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/price"
)

// Size is a number of bytes.
type Size int64

// Ratio is a share: 0.05 is 5 %.
type Ratio float64

// Ref names an upstream model: the provider's name in this file or in the catalogue, and the model as the provider calls it.
type Ref struct{ Provider, Model string }

func (r Ref) String() string { return r.Provider + "/" + r.Model }

// Threshold is a number that is money for some alerts and a share for others.
type Threshold struct {
	Nano int64  // billionths of a dollar, or of the whole: 5% is 50,000,000
	Unit string // "$", "%", or "" when the file gives a bare number, which may be either
}

// Money is the threshold as an amount, if it can be one.
func (t Threshold) Money() (price.Nano, bool) { return price.Nano(t.Nano), t.Unit != "%" }

// Ratio is the threshold as a share, if it can be one.
func (t Threshold) Ratio() (Ratio, bool) { return Ratio(float64(t.Nano) / 1e9), t.Unit != "$" }

// Raw is a part of the file that somebody else understands: a JSON object. Printed, it shows its variables as the file
// writes them, and nothing under names such as key or secret.
type Raw struct {
	value Secret
	shown string
}

// Reveal is the JSON object, or nil when there is none.
func (r Raw) Reveal() jsontext.Value {
	if r.value.IsZero() {
		return nil
	}
	return jsontext.Value(r.value.Reveal())
}

func (r Raw) String() string { return r.shown }

// GoString is String: %#v shows no more than %v.
func (r Raw) GoString() string { return r.shown }

// MarshalJSON is the object as it may be seen.
func (r Raw) MarshalJSON() ([]byte, error) {
	if r.shown == "" {
		return []byte("null"), nil
	}
	return []byte(r.shown), nil
}

// scalar is how one type is written in the file.
type scalar struct {
	want  string // completes "is not …" in errors, and is the type's name in the reference
	plain bool   // a number or a switch: in quotes it is a mistake
	parse func(text string) (any, bool)
	show  func(v any) string // the shortest text that parse takes for v; nil: fmt's
}

// scalars are all types that are one YAML scalar and not simply text.
var scalars = map[reflect.Type]scalar{
	reflect.TypeFor[bool](): {want: "true or false", plain: true, parse: func(s string) (any, bool) {
		return s == "true", s == "true" || s == "false"
	}},
	reflect.TypeFor[int](): {want: "a whole number", plain: true, parse: func(s string) (any, bool) {
		n, err := strconv.Atoi(s)
		return n, err == nil
	}},
	reflect.TypeFor[int64](): {want: "a whole number", plain: true, parse: func(s string) (any, bool) {
		n, err := strconv.ParseInt(s, 10, 64)
		return n, err == nil
	}},
	reflect.TypeFor[float64](): {want: "a number such as 2 or 0.5, not negative", plain: true, parse: func(s string) (any, bool) {
		n, ok := billionths(s)
		return float64(n) / 1e9, ok
	}},
	reflect.TypeFor[Secret](): {want: "text on one line", parse: func(s string) (any, bool) {
		s = strings.TrimSpace(s) // files that hold a key end in a line break
		return NewSecret(s), strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
	}},
	reflect.TypeFor[time.Duration]():  {want: "a duration such as 30s, 10m, 1h30m or 7d, or a number of seconds", parse: parseDuration, show: showDuration},
	reflect.TypeFor[Size]():           {want: "a size such as 512KB, 64MB or 1GB (in steps of 1024), or a number of bytes", parse: parseSize, show: showSize},
	reflect.TypeFor[price.Nano]():     {want: "an amount of dollars such as $10 or 0.05, with at most nine decimals", parse: parseMoney, show: showMoney},
	reflect.TypeFor[Ratio]():          {want: "a share such as 5% or 0.05", parse: parseRatio},
	reflect.TypeFor[Threshold]():      {want: "an amount such as $100 or a share such as 5%", parse: parseThreshold, show: showThreshold},
	reflect.TypeFor[time.Time]():      {want: "a date as 2027-01-31 (its beginning in UTC) or a time as 2027-01-31T12:00:00Z", parse: parseTime, show: showTime},
	reflect.TypeFor[*time.Location](): {want: "a time zone such as UTC or Europe/Berlin", parse: parseZone},
	reflect.TypeFor[Ref]():            {want: "provider/model", parse: parseRef},
}

// billionths reads a decimal number exactly, without exponent, sign or more than nine decimals.
func billionths(s string) (int64, bool) {
	n, err := price.Parse(s)
	return int64(n), err == nil && !strings.HasPrefix(s, "$")
}

// parseDuration also takes days, which time.ParseDuration does not. A day is 24 hours.
func parseDuration(s string) (any, bool) {
	if n, ok := billionths(s); ok {
		return time.Duration(n), true
	}
	before, rest, inDays := strings.Cut(s, "d")
	if !inDays {
		d, err := time.ParseDuration(s)
		return d, err == nil && d >= 0
	}
	days, err := strconv.ParseUint(before, 10, 15)
	d := time.Duration(days) * 24 * time.Hour
	if err != nil || rest == "" {
		return d, err == nil
	}
	more, err := time.ParseDuration(rest)
	return d + more, err == nil && more >= 0 && d+more >= 0
}

func showDuration(v any) string {
	d := v.(time.Duration)
	if d > 0 && d%(24*time.Hour) == 0 {
		return strconv.FormatInt(int64(d/(24*time.Hour)), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

var sizeUnits = []struct {
	name  string
	shift uint
}{{"GB", 30}, {"GiB", 30}, {"MB", 20}, {"MiB", 20}, {"KB", 10}, {"KiB", 10}, {"B", 0}, {"", 0}}

func parseSize(s string) (any, bool) {
	for _, u := range sizeUnits {
		if number, ok := strings.CutSuffix(s, u.name); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 63)
			return Size(n << u.shift), err == nil && n <= math.MaxInt64>>u.shift
		}
	}
	return Size(0), false
}

func showSize(v any) string {
	n := v.(Size)
	for _, u := range sizeUnits {
		if n != 0 && n%(1<<u.shift) == 0 {
			return strconv.FormatInt(int64(n>>u.shift), 10) + u.name
		}
	}
	return "0"
}

func parseMoney(s string) (any, bool) {
	n, err := price.Parse(s)
	return n, err == nil
}

func showMoney(v any) string { return "$" + v.(price.Nano).String() }

func parseRatio(s string) (any, bool) {
	t, ok := parseThreshold(s)
	r, share := t.(Threshold).Ratio()
	return r, ok && share
}

func parseThreshold(s string) (any, bool) {
	if s, ok := strings.CutPrefix(s, "$"); ok {
		n, ok := billionths(s)
		return Threshold{n, "$"}, ok
	}
	if s, ok := strings.CutSuffix(s, "%"); ok {
		n, ok := billionths(strings.TrimSpace(s))
		return Threshold{n / 100, "%"}, ok && n%100 == 0
	}
	n, ok := billionths(s)
	return Threshold{n, ""}, ok
}

func showThreshold(v any) string {
	t := v.(Threshold)
	switch t.Unit {
	case "%":
		return price.Nano(t.Nano*100).String() + "%"
	default:
		return t.Unit + price.Nano(t.Nano).String()
	}
}

func parseTime(s string) (any, bool) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t, err = time.Parse(time.DateOnly, s)
	}
	return t.UTC(), err == nil
}

func showTime(v any) string { return v.(time.Time).Format(time.RFC3339Nano) }

func parseZone(s string) (any, bool) {
	zone, err := time.LoadLocation(s)
	return zone, err == nil && s != ""
}

func parseRef(s string) (any, bool) {
	provider, model, ok := strings.Cut(s, "/")
	return Ref{provider, model}, ok && provider != "" && model != ""
}
