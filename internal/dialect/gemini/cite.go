package gemini

import (
	"bytes"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// ground turns groundingMetadata into citations: every support that names a chunk with an address. Offsets are bytes into all of
// the candidate's text (recorded: 53 of 53 streamed supports); they are kept where they lie in the text that is still open,
// since a citation of a part that has ended would come too late for other dialects.
func (d *streamDecoder) ground(c *candidate, raw []byte) {
	if len(raw) < len(`{"a":0}`) {
		return
	}
	type chunk struct{ url, title string }
	var chunks []chunk
	var supports []byte
	_ = members(raw, func(name, value []byte) {
		switch string(name) {
		case "groundingChunks":
			_ = rawjson.Array(value, func(_ int, item []byte) bool {
				var k chunk
				_ = members(item, func(_, source []byte) { // web, retrievedContext, maps, image
					if uri := text(rawjson.Get(source, "uri")); uri != "" {
						k = chunk{uri, text(rawjson.Get(source, "title"))}
					}
				})
				chunks = append(chunks, k)
				return true
			})
		case "groundingSupports":
			supports = value
		case "webSearchQueries":
			var n int64
			for _, q := range strs(value) {
				if q != "" {
					n++
				}
			}
			c.queries = max(c.queries, n)
		}
	})
	_ = rawjson.Array(supports, func(_ int, s []byte) bool {
		segment := rawjson.Get(s, "segment")
		_ = rawjson.Array(rawjson.Get(s, "groundingChunkIndices"), func(_ int, index []byte) bool {
			if i, ok := rawjson.Int(index); ok && i >= 0 && int(i) < len(chunks) && chunks[i].url != "" {
				d.cite(c, segment, s, llm.Citation{URL: chunks[i].url, Title: chunks[i].title, Text: text(rawjson.Get(segment, "text"))})
			}
			return true
		})
		return true
	})
}

// recite turns citationMetadata, which says what was recited from where, into citations.
func (d *streamDecoder) recite(c *candidate, raw []byte) {
	if raw == nil {
		return
	}
	_ = rawjson.Array(rawjson.Get(raw, "citations"), func(_ int, s []byte) bool {
		if uri := text(rawjson.Get(s, "uri")); uri != "" {
			d.cite(c, s, s, llm.Citation{URL: uri, Title: text(rawjson.Get(s, "title"))})
		}
		return true
	})
}

func (d *streamDecoder) cite(c *candidate, segment, raw []byte, cite llm.Citation) {
	if c.open != 't' {
		return
	}
	cite.From = llm.Gemini
	from, _ := whole(rawjson.Get(segment, "startIndex")) // absent is 0
	to, _ := whole(rawjson.Get(segment, "endIndex"))
	part, _ := whole(rawjson.Get(segment, "partIndex"))
	if part == 0 && int(from) >= c.textFrom && from < to && int(to) <= c.bytes {
		cite.Start, cite.End = int(from)-c.textFrom, int(to)-c.textFrom
	}
	if c.seen(cite) { // later frames repeat earlier ones
		return
	}
	cite.Raw = bytes.Clone(raw)
	d.out = append(d.out, llm.Event{Kind: llm.Cited, Choice: c.index, Index: c.next - 1, Cites: []llm.Citation{cite}})
}

type citeKey struct {
	url, text  string
	start, end int
}

func (c *candidate) seen(cite llm.Citation) bool {
	key := citeKey{cite.URL, cite.Text, cite.Start, cite.End}
	if c.cited[key] {
		return true
	}
	if c.cited == nil {
		c.cited = map[citeKey]bool{}
	}
	c.cited[key] = true
	return false
}

// grounding writes foreign citations the way Gemini's clients look for them. A segment is what was said, not what was read: a
// citation that does not say where it belongs is one of its whole part, which begins at offset.
type grounding struct {
	urls     []string
	titles   []string
	supports []support
}

type support struct {
	from, to int
	text     string
	chunk    int
}

func (g *grounding) add(offset, length int, cites []llm.Citation) {
	for _, c := range cites {
		if c.URL == "" {
			continue
		}
		chunk := 0
		for chunk < len(g.urls) && g.urls[chunk] != c.URL {
			chunk++
		}
		if chunk == len(g.urls) {
			g.urls, g.titles = append(g.urls, c.URL), append(g.titles, c.Title)
		}
		s := support{from: offset, to: offset + length, chunk: chunk}
		if c.End > c.Start {
			s.from, s.to = offset+c.Start, offset+c.End
		}
		if c.From == llm.Gemini { // others keep the words of the source there
			s.text = c.Text
		}
		g.supports = append(g.supports, s)
	}
}

func (g *grounding) write(w *rawjson.Writer) {
	if len(g.urls) == 0 {
		return
	}
	w.Name("groundingMetadata")
	w.Open('{')
	w.Name("groundingChunks")
	w.Open('[')
	for i, u := range g.urls {
		w.Open('{')
		w.Name("web")
		w.Open('{')
		w.Some("uri", u)
		w.Some("title", g.titles[i])
		w.Close('}')
		w.Close('}')
	}
	w.Close(']')
	w.Name("groundingSupports")
	w.Open('[')
	for _, s := range g.supports {
		w.Open('{')
		w.Name("segment")
		w.Open('{')
		if s.to > s.from {
			w.Name("startIndex")
			w.Int(int64(s.from))
			w.Name("endIndex")
			w.Int(int64(s.to))
		}
		w.Some("text", s.text)
		w.Close('}')
		w.Name("groundingChunkIndices")
		w.Open('[')
		w.Int(int64(s.chunk))
		w.Close(']')
		w.Close('}')
	}
	w.Close(']')
	w.Close('}')
}
