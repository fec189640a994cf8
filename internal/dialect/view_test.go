package dialect_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// view is what a request says, flattened so that two dialects can be held against each other: the conversation as a list of
// pieces in order, and the members of the request as facts. Every piece and fact knows its place in the request, which is what a
// loss names.
//
// What dialects cannot help but write differently is made equal here, and nothing else: turns of one speaker in a row are one;
// the results of a turn stand first, in the order of their calls; ids are numbers of calls; the texts of a result are one text;
// arguments, schemas and results that are JSON are compared as JSON.
type view struct {
	target llm.Dialect
	pieces []piece
	facts  []fact
}

// piece is one part of the conversation. Its path also covers what is inside of it.
type piece struct {
	path  string
	speak llm.Role // "" for the system prompt
	says  string
	marks map[string]string // by the last member of the path that a loss of it has: cache_control, citations, …
}

func (p *piece) equal(q *piece) bool { return p.speak == q.speak && p.says == q.says }

// fact is a member of the request. Any of the paths may name its loss.
type fact struct {
	key   string
	value string
	paths []string
	any   bool // whatever arrives will do
}

// viewOf reads a request for a comparison in which target is the dialect that one of the two was written in.
func viewOf(c *llm.Chat, target llm.Dialect) *view {
	v := &view{target: target}
	v.conversation(c)
	for i, t := range c.Tools {
		if offered(c, &t) {
			v.tool(fmt.Sprintf("tools.%d", i), &t)
		}
	}
	v.choice(c)
	v.sampling(&c.Sampling)
	v.thinking(&c.Thinking, len(c.Tools) > 0)
	v.output(&c.Output)
	v.fact(c.User, "user")
	v.fact(map[string]string{"standard_only": "default"}[c.Tier]+unless(c.Tier, "standard_only"), "service_tier")
	v.unknown(c)
	return v
}

// fact adds a member that has the same name as its path.
func (v *view) fact(value, path string, more ...string) {
	v.facts = append(v.facts, fact{key: path, value: value, paths: append(more, path)})
}

// any says that the last fact may arrive as whatever the target makes of nothing.
func (v *view) any() { v.facts[len(v.facts)-1].any = true }

// numbering gives the calls of a conversation numbers, and finds the call that a result answers: the latest with that id.
type numbering struct {
	byID map[string]int
	n    int
}

// topics are what the request says something about, as differences name it.
func (v *view) topics() (all []string) {
	for _, p := range v.pieces {
		all = append(all, about(&p))
		for name := range p.marks {
			all = append(all, name)
		}
	}
	for _, f := range v.facts {
		if f.value != "" {
			all = append(all, f.kind())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (v *view) conversation(c *llm.Chat) {
	num := numbering{byID: map[string]int{}}
	for i, p := range c.System {
		v.pieces = append(v.pieces, num.piece(fmt.Sprintf("system.%d", i), "", p)...)
	}
	turn, speaker := len(v.pieces), llm.Role("")
	for i, m := range c.Messages {
		if m.Role != speaker {
			v.sortTurn(turn)
			turn, speaker = len(v.pieces), m.Role
		}
		path := fmt.Sprintf("messages.%d", i)
		from := len(v.pieces)
		for k, p := range m.Parts {
			v.pieces = append(v.pieces, num.piece(fmt.Sprintf("%s.content.%d", path, k), m.Role, p)...)
		}
		if m.Name != "" && len(v.pieces) > from {
			v.pieces[from].mark("name", m.Name)
		}
	}
	v.sortTurn(turn)
}

// sortTurn puts the results of the turn that begins at a piece first, in the order of their calls.
func (v *view) sortTurn(from int) {
	slices.SortStableFunc(v.pieces[from:], func(a, b piece) int { return order(a) - order(b) })
}

func order(p piece) int {
	if rest, ok := strings.CutPrefix(p.says, "result of "); ok {
		number, _, _ := strings.Cut(rest, " ")
		n, _ := strconv.Atoi(number)
		return n
	}
	return 1 << 30
}

func (p *piece) mark(name, value string) {
	if p.marks == nil {
		p.marks = map[string]string{}
	}
	p.marks[name] = value
}

func (n *numbering) piece(path string, speak llm.Role, part llm.Part) []piece {
	p := piece{path: path, speak: speak}
	cached := func(m *llm.CacheMark) {
		if m != nil {
			p.mark("cache_control", m.TTL.String())
		}
	}
	sealed := func(s *llm.Seal) {
		if s != nil {
			p.mark("signature", s.Issuer+" "+s.Data)
		}
	}
	switch part := part.(type) {
	case llm.Text:
		p.says = "text " + part.Text
		cached(part.Mark)
		sealed(part.Seal)
		if len(part.Cites) > 0 {
			p.mark("citations", strconv.Itoa(len(part.Cites)))
		}
	case llm.Media:
		p.says = "media " + content(&part)
		cached(part.Mark)
		if part.Detail != "" && part.Detail != "auto" {
			p.mark("detail", part.Detail)
		}
	case llm.Thought:
		p.says = fmt.Sprintf("thought %t %s", part.Redacted, part.Text)
		sealed(part.Seal)
	case llm.Call:
		n.n++
		n.byID[part.ID] = n.n
		p.says = fmt.Sprintf("call %d of %s with %s", n.n, part.Name, arguments(part.Args))
		cached(part.Mark)
		sealed(part.Seal)
	case llm.Result:
		cached(part.Mark)
		return n.result(p, &part)
	case llm.Opaque:
		p.says = fmt.Sprintf("opaque %s %s %s", part.From, part.Kind, canonical(part.Raw))
	}
	return []piece{p}
}

// result is one piece for the text of a result, and one for every other part of it.
func (n *numbering) result(p piece, r *llm.Result) []piece {
	number := n.byID[r.CallID] // 0: answers nothing
	var texts []string
	all := []piece{p}
	for i, part := range r.Parts {
		path := fmt.Sprintf("%s.content.%d", p.path, i)
		if t, ok := part.(llm.Text); ok {
			texts = append(texts, t.Text)
			if t.Mark != nil {
				all[0].mark("cache_control", t.Mark.TTL.String())
			}
			continue
		}
		for _, inner := range n.piece(path, p.speak, part) {
			inner.says = fmt.Sprintf("result of %d holds %s", number, inner.says)
			all = append(all, inner)
		}
	}
	text := strings.TrimSpace(strings.Join(texts, "\n"))
	if json := canonical([]byte(text)); json != "" {
		text = json
	}
	all[0].says = fmt.Sprintf("result of %d says %s", number, text)
	if r.Failed {
		all[0].mark("is_error", "true")
	}
	return all
}

func content(m *llm.Media) string {
	switch {
	case len(m.Data) > 0:
		return fmt.Sprintf("%s %x", mediaType(m.Type), sha256.Sum256(m.Data))
	case m.URL != "":
		return m.URL
	}
	return "file " + m.FileID
}

// mediaType makes spellings of one type equal. Kinds of text are one: Anthropic takes them under one name, and so does whoever
// reads them.
func mediaType(mime string) string {
	kind, _, _ := strings.Cut(mime, ";")
	switch {
	case kind == "image/jpg":
		return "image/jpeg"
	case strings.HasPrefix(kind, "text/"), kind == "application/json":
		return "text/plain"
	}
	return strings.Replace(kind, "/x-", "/", 1)
}

// arguments are compared as JSON; none are an empty object.
func arguments(text string) string {
	if t := strings.TrimSpace(text); t == "" || t == "null" {
		return "{}"
	}
	if c := canonical([]byte(text)); c != "" {
		return c
	}
	return text
}

// canonical is a JSON document in one spelling, "" for what is none.
func canonical(doc []byte) string {
	v := jsontext.Value(slices.Clone(doc))
	if len(v) == 0 || v.Canonicalize(jsontext.AllowDuplicateNames(true)) != nil {
		return ""
	}
	return string(v)
}

// offered tells whether a tool may be called: not to be allowed and not to be there come to the same.
func offered(c *llm.Chat, t *llm.Tool) bool {
	return len(c.Choice.Allowed) == 0 || t.Kind != "" && t.Kind != "custom" || slices.Contains(c.Choice.Allowed, t.Name)
}

// tool is known by its name, since its place changes when another is lost.
func (v *view) tool(path string, t *llm.Tool) {
	add := func(member, value string) {
		v.facts = append(v.facts, fact{key: "tool " + t.Name + " " + member, value: value, paths: []string{path, path + ".name", path + "." + member}})
	}
	if t.Kind != "" && t.Kind != "custom" {
		add("raw", string(t.From)+" "+t.Kind+" "+canonical(t.Raw))
		return
	}
	add("name", t.Kind+" "+t.Name)
	add("description", t.Description)
	add("parameters", v.schema(t.Schema))
	add("strict", unless(optional(t.Strict), "false"))
	if t.Mark != nil {
		add("cache_control", t.Mark.TTL.String())
	}
}

func optional[T comparable](p *T) string {
	if p == nil {
		return ""
	}
	return fmt.Sprint(*p)
}

// choice is empty where nothing else than the default is said: to choose freely, and as many as it takes.
func (v *view) choice(c *llm.Chat) {
	mode, name, parallel := c.Choice.Mode, c.Choice.Name, optional(c.Choice.Parallel)
	if allowed := c.Choice.Allowed; mode == llm.ToolAny && len(allowed) == 1 {
		mode, name = llm.ToolThis, allowed[0]
	}
	if mode == llm.ToolAuto || mode == llm.ToolNone && len(c.Tools) == 0 {
		mode = ""
	}
	if mode == llm.ToolNone || len(c.Tools) == 0 {
		parallel = ""
	}
	paths := make([]string, len(c.Tools))
	for i := range paths { // a choice among some is narrower when one of them is lost
		paths[i] = fmt.Sprintf("tools.%d.name", i)
	}
	v.fact(strings.TrimSpace(string(mode)+" "+name), "tool_choice", paths...)
	v.fact(unless(parallel, "true"), "parallel_tool_calls")
}

func (v *view) sampling(s *llm.Sampling) {
	neutral := ""
	if v.target != llm.Gemini { // others have models that take no numbers, and do what 1 says
		neutral = "1"
	}
	v.fact(unless(optional(s.Temperature), neutral), "temperature")
	v.fact(unless(optional(s.TopP), neutral), "top_p")
	v.fact(optional(s.TopK), "top_k")
	v.fact(unless(optional(s.FrequencyPenalty), "0"), "frequency_penalty")
	v.fact(unless(optional(s.PresencePenalty), "0"), "presence_penalty")
	v.fact(optional(s.Seed), "seed")
	v.fact(unless(optional(s.N), "1"), "n")
	v.fact(unless(optional(s.Logprobs), "false"), "logprobs")
	v.fact(unless(optional(s.TopLogprobs), "0"), "top_logprobs", "logprobs")
	if v.fact(optional(s.MaxTokens), "max_tokens"); s.MaxTokens == nil && v.target == llm.Anthropic {
		v.any() // it must be said there
	}
	if len(s.Stop) > 0 {
		v.fact(fmt.Sprintf("%q", s.Stop), "stop")
	}
}

// unless drops a value that means the same as saying nothing.
func unless(value, none string) string {
	if value == none {
		return ""
	}
	return value
}

// thinking compares whether reasoning is wanted, and how much where both say it in the same terms: an effort may become a budget.
func (v *view) thinking(t *llm.Thinking, tools bool) {
	wanted := ""
	switch {
	case t.Off || t.Effort == "none":
		wanted = "no"
	case t.Auto || t.Budget != nil || t.Effort != "":
		wanted = "yes"
	}
	display := map[string]string{"summarized": "show", "omitted": "hide"}[t.Display]
	if display == "" {
		display = t.Display
	}
	switch v.fact(wanted, "thinking"); {
	case wanted == "" && display == "show":
		v.any() // where thinking must be asked for, whoever wants to see it does
	case wanted == "no" && tools && v.target == llm.OpenAIChat:
		v.any() // models that do not take it with tools do not think then
	}
	if v.fact(display, "thinking.display", "thinking"); display == "" {
		v.any() // the dialects differ in what they do then
	}
}

func (v *view) output(o *llm.Output) {
	kind := unless(o.Kind, "text")
	v.fact(kind, "response_format")
	v.fact(v.schema(o.Schema), "response_format.schema", "response_format")
	v.fact(o.Description, "response_format.description")
	if v.fact(unless(optional(o.Strict), "false"), "response_format.strict"); o.Strict == nil || !*o.Strict || v.target != llm.OpenAIChat {
		v.any() // the others are always strict
	}
	v.fact(o.Verbosity, "verbosity")
	v.fact(unless(strings.Join(o.Modalities, " "), "text"), "modalities")
}

// unknown lists the members that the model has no word for: each must be named where it is not the target's own.
func (v *view) unknown(c *llm.Chat) {
	v.members(c.Ext, "")
	for i, t := range c.Tools {
		if offered(c, &t) {
			v.members(t.Ext, fmt.Sprintf("tools.%d", i))
		}
	}
	for i, m := range c.Messages {
		path := fmt.Sprintf("messages.%d", i)
		v.members(m.Ext, path)
		for k, p := range m.Parts {
			v.members(extOf(p), fmt.Sprintf("%s.content.%d", path, k))
		}
	}
	for i, p := range c.System {
		v.members(extOf(p), fmt.Sprintf("system.%d", i))
	}
}

func extOf(p llm.Part) llm.Ext {
	switch p := p.(type) {
	case llm.Text:
		return p.Ext
	case llm.Media:
		return p.Ext
	case llm.Thought:
		return p.Ext
	case llm.Call:
		return p.Ext
	case llm.Result:
		return p.Ext
	case llm.Opaque:
	}
	return nil
}

func (v *view) members(x llm.Ext, path string) {
	for d, raw := range x {
		if d == v.target {
			continue
		}
		_ = rawjson.Object(raw, func(name, value []byte) bool {
			at := strings.TrimPrefix(path+"."+string(name), ".")
			v.facts = append(v.facts, fact{key: "member " + at, value: string(value), paths: []string{at}})
			return true
		})
	}
}
