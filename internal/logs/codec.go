package logs

import (
	"encoding/binary"
	"errors"
	"time"

	"tidegate/internal/llm"
)

// A record in the spool is its format's number and then its fields in the order of [coder.record]. A reader that knows more
// fields than the writer leaves them empty, one that knows fewer ignores the rest, so fields may be added at the end of a
// record or an attempt, and only there.
const format = 1

var errDecode = errors.New("not a record of this program")

// coder walks over the fields of a value and writes or reads each: one list of fields for both directions.
type coder struct {
	dec bool
	out []byte // written so far
	in  string // not yet read
	bad bool   // in made no sense
}

func appendRecord(b []byte, r *Record) []byte {
	c := coder{out: append(b, format)}
	c.record(r)
	return c.out
}

// decodeRecord copies b once; the strings of the record share the copy.
func decodeRecord(b []byte) (*Record, error) {
	if len(b) == 0 || b[0] != format {
		return nil, errDecode
	}
	r, c := new(Record), coder{dec: true, in: string(b[1:])}
	if c.record(r); c.bad {
		return nil, errDecode
	}
	return r, nil
}

func (c *coder) record(r *Record) {
	text(c, &r.ID)
	c.time(&r.At)
	text(c, &r.Surface)
	text(c, &r.Method)
	text(c, &r.Path)
	text(c, &r.Key)
	text(c, &r.Org)
	text(c, &r.Team)
	text(c, &r.User)
	text(c, &r.EndUser)
	text(c, &r.Session)
	text(c, &r.Task)
	c.texts(&r.Tags)
	blob(c, &r.Metadata)
	text(c, &r.Trace)
	text(c, &r.Span)
	text(c, &r.Parent)
	text(c, &r.Called)
	c.bool(&r.Stream)
	text(c, &r.Provider)
	text(c, &r.Model)
	text(c, &r.Route)
	number(c, &r.Status)
	text(c, &r.Outcome)
	text(c, &r.Class)
	text(c, &r.Code)
	text(c, &r.Message)
	text(c, &r.Cache)
	number(c, &r.Saved)
	c.texts(&r.Dropped)
	text(c, &r.Stop)
	number(c, &r.FirstByte)
	number(c, &r.Total)
	number(c, &r.Overhead)
	number(c, &r.BytesIn)
	number(c, &r.BytesOut)
	c.bool(&r.Bodies)
	c.attempts(&r.Attempts)
}

func (c *coder) attempts(list *[]Attempt) {
	n := len(*list)
	number(c, &n)
	if c.dec {
		if n < 0 || n > len(c.in) {
			c.bad = true
			return
		}
		if n > 0 {
			*list = make([]Attempt, n)
		}
	}
	for i := range *list {
		c.nested(func(c *coder) { c.attempt(&(*list)[i]) })
	}
}

func (c *coder) attempt(a *Attempt) {
	number(c, &a.N)
	text(c, &a.Provider)
	text(c, &a.Model)
	text(c, &a.Credential)
	c.time(&a.At)
	number(c, &a.FirstByte)
	number(c, &a.Total)
	number(c, &a.Status)
	text(c, &a.Class)
	text(c, &a.Code)
	text(c, &a.Message)
	c.bool(&a.Sent)
	c.meters(&a.Usage.N)
	number(c, &a.Usage.Source)
	text(c, &a.Usage.Tier)
	text(c, &a.Usage.Billed)
	blob(c, &a.Usage.Raw)
	number(c, &a.Cost.Nano)
	text(c, &a.Cost.State)
	text(c, &a.Cost.Version)
}

// meters go by their index: new ones may only be added at the end.
func (c *coder) meters(m *[llm.NumMeters]int64) {
	n := len(m)
	number(c, &n)
	var unknown int64
	for i := range n {
		if c.bad {
			return
		}
		v := &unknown
		if i < len(m) {
			v = &m[i]
		}
		number(c, v)
	}
}

// bodies are coded the same way, within their chunk.
func (c *coder) bodies(b *Bodies) {
	blob(c, &b.Request)
	blob(c, &b.Response)
	blob(c, &b.Upstream)
	c.header(&b.RequestHeader)
	c.header(&b.ResponseHeader)
	c.bool(&b.Cut)
}

func (c *coder) header(h *map[string]string) {
	n := len(*h)
	number(c, &n)
	if !c.dec {
		for k, v := range *h {
			text(c, &k)
			text(c, &v)
		}
		return
	}
	for i := 0; i < n && !c.bad; i++ {
		var k, v string
		text(c, &k)
		text(c, &v)
		if *h == nil {
			*h = map[string]string{}
		}
		(*h)[k] = v
	}
}

// nested gives what fn codes a length of its own.
func (c *coder) nested(fn func(*coder)) {
	if c.dec {
		var part string
		text(c, &part)
		sub := coder{dec: true, in: part, bad: c.bad}
		fn(&sub)
		c.bad = sub.bad
		return
	}
	// Four bytes of varint, padded, since the length is only known afterwards.
	at := len(c.out)
	c.out = append(c.out, 0, 0, 0, 0)
	fn(c)
	n := uint32(len(c.out) - at - 4)
	for i := range 3 {
		c.out[at+i] = byte(n>>(7*i)) | 0x80
	}
	c.out[at+3] = byte(n>>21) & 0x7f
}

func (c *coder) texts(list *[]string) {
	n := len(*list)
	number(c, &n)
	if !c.dec {
		for i := range *list {
			text(c, &(*list)[i])
		}
		return
	}
	for i := 0; i < n && !c.bad; i++ {
		var s string
		text(c, &s)
		*list = append(*list, s)
	}
}

func (c *coder) time(t *time.Time) {
	var n int64
	if !c.dec && !t.IsZero() {
		n = t.UnixNano()
	}
	number(c, &n)
	if c.dec && n != 0 {
		*t = time.Unix(0, n).UTC()
	}
}

func (c *coder) bool(v *bool) {
	n := 0
	if *v {
		n = 1
	}
	number(c, &n)
	if c.dec {
		*v = n != 0
	}
}

func text[T ~string](c *coder, v *T) {
	if !c.dec {
		c.out = binary.AppendUvarint(c.out, uint64(len(*v)))
		c.out = append(c.out, *v...)
		return
	}
	n := c.uvarint()
	if n > uint64(len(c.in)) {
		c.bad = true
		return
	}
	*v, c.in = T(c.in[:n]), c.in[n:]
}

func blob[T ~[]byte](c *coder, v *T) {
	if !c.dec {
		c.out = binary.AppendUvarint(c.out, uint64(len(*v)))
		c.out = append(c.out, *v...)
		return
	}
	var s string
	if text(c, &s); s != "" {
		*v = T(s)
	}
}

func number[T ~int | ~int64 | ~uint8](c *coder, v *T) {
	if !c.dec {
		n := int64(*v)
		c.out = binary.AppendUvarint(c.out, uint64(n<<1)^uint64(n>>63))
		return
	}
	u := c.uvarint()
	*v = T(int64(u>>1) ^ -int64(u&1))
}

// uvarint is 0 where nothing is left: the writer did not know the field.
func (c *coder) uvarint() (n uint64) {
	if c.bad || c.in == "" {
		return 0
	}
	for i := 0; i < len(c.in) && i < binary.MaxVarintLen64; i++ {
		b := c.in[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			c.in = c.in[i+1:]
			return n
		}
	}
	c.bad = true
	return 0
}
