package fake

var after = Option{Name: "after", Default: "5", What: "events that pass before it happens"}

// catalogue lists every scenario, in the order of the documentation.
var catalogue = []entry{
	{Scenario{Name: "chat", What: "plausible text, the same for the same prompt; JSON that fits the schema when one is asked for; a tool call when one is forced. Implied when no other answer is named"},
		func(s *script, _ *args) { s.answer = "chat" }},
	{Scenario{Name: "echo", What: "answers with the last text of the user"},
		func(s *script, _ *args) { s.answer = "echo" }},
	{Scenario{Name: "think", What: "reasons before it answers. The reasoning is signed; when it comes back altered, or is missing before a tool result, the request is refused as the vendor would"},
		func(s *script, _ *args) { s.think = true }},
	{Scenario{Name: "tools", What: "calls the offered tools with arguments that fit their schemas; answers with text once the results are there, or when none is offered. With chat or echo it writes text before the calls",
		Options: []Option{
			{"n", "1", "parallel calls"},
			{"rounds", "1", "rounds of calls before the final text"},
			{"layout", "sequential", "how calls are laid out in a stream: sequential, interleaved (OpenAI dialects), whole (arguments in one piece), same_index and missing_id (OpenAI Chat), empty_args, escapes (arguments full of escape sequences, cut inside of them)"},
		}}, applyTools},
	{Scenario{Name: "refuse", What: "the model declines: a refusal, in Gemini a blocked prompt"},
		func(s *script, _ *args) { s.finish = refused }},
	{Scenario{Name: "length", What: "the answer stops in the middle for its length"},
		func(s *script, _ *args) { s.finish = length }},
	{Scenario{Name: "filter", What: "the answer stops in the middle for its content; in Anthropic a refusal"},
		func(s *script, _ *args) { s.finish = filtered }},
	{Scenario{Name: "embed", What: "embeddings: unit vectors, close to each other when the texts share words",
		Options: []Option{{"dims", "1536", "length of the vectors, unless the request says"}}},
		func(s *script, a *args) { s.dims = a.int("dims", 1, 8192) }},

	{Scenario{Name: "usage", What: "reports these numbers of tokens, whatever the text; what is not said is counted, about a token for 4 bytes",
		Options: []Option{
			{"in", "", "all input, with what was read from and written to caches"},
			{"out", "", "all output, with reasoning"},
			{"cached", "", "of the input, read from a cache"},
			{"cache_write", "", "of the input, written to a cache (Anthropic: for 5 minutes)"},
			{"cache_write_1h", "", "of the input, written for an hour (Anthropic)"},
			{"reasoning", "", "of the output, reasoning"},
			{"at", "", "OpenAI Chat streams: finish (in the last chunk of the answer), every (in every chunk, growing) or twice, without being asked for"},
		}}, applyUsage},
	{Scenario{Name: "no_usage", What: "reports no usage at all"},
		func(s *script, _ *args) { s.noUsage = true }},

	{Scenario{Name: "latency", What: "waits before it answers at all", Options: []Option{{"ms", "50", "milliseconds"}}},
		func(s *script, a *args) { s.latency = a.ms("ms") }},
	{Scenario{Name: "slow_first_byte", What: "sends status and headers at once, then nothing for a while", Options: []Option{{"ms", "130000", "milliseconds"}}},
		func(s *script, a *args) { s.firstByte = a.ms("ms") }},
	{Scenario{Name: "stream", What: "shapes the stream of an answer; a text with fewer characters than chunks is repeated",
		Options: []Option{
			{"chunks", "100", "pieces of text"},
			{"gap", "0s", "from one event to the next"},
			{"split", "", "bytes of a write, for clients that must put events together; 1 cuts everywhere"},
			{"crlf", "", "1 ends lines with CR LF"},
			{"comments", "", "1 sends comment lines before the events"},
		}}, applyStream},
	{Scenario{Name: "stamp", What: "writes its own times into the text, in Unix nanoseconds, so that a load generator can take them out of what it measures: `@received,sent` before a whole answer, `@sent` before each piece of a stream"},
		func(s *script, _ *args) { s.stamp = true }},
	{Scenario{Name: "gzip", What: "compresses the answer, streams too, when the client accepts that"},
		func(s *script, _ *args) { s.gzip = true }},
	{Scenario{Name: "huge_event", What: "one event of many megabytes", Options: []Option{{"mb", "20", "megabytes"}}},
		func(s *script, a *args) { s.hugeBytes = a.int("mb", 1, 64) << 20; s.chunks = 1 }},

	{Scenario{Name: "fail", What: "fails with the vendor's own error",
		Options: []Option{
			{"status", "500", "HTTP status, 400 to 599"},
			{"why", "", "context (too long), quota, policy or auth: the vendor's error of that kind, with its own status"},
			{"retry_after", "", "seconds; Gemini says them in the body"},
			{"as", "", "the form of retry_after: ms (OpenAI's retry-after-ms) or date; seconds otherwise"},
			{"times", "", "fails so many times, then is well; counted by model name and key"},
			{"every", "", "every so many requests one fails; counted likewise"},
			{"leak", "", "1 quotes the received key in the message, which no client should ever see"},
		}}, applyFail},
	{Scenario{Name: "hang", What: "accepts the request and never answers"},
		func(s *script, _ *args) { s.hang = true }},
	{Scenario{Name: "cut", What: "the connection is dropped in the middle of a stream; a whole answer stops half way",
		Options: []Option{after,
			{"how", "fin", "fin (closed inside a chunk), rst (reset), nolastchunk (closed between chunks), clean (HTTP ends well, the answer does not)"}}},
		func(s *script, a *args) {
			s.cutAfter, s.cutHow = a.events(), a.word("how", "fin", "rst", "nolastchunk", "clean")
		}},
	{Scenario{Name: "stall", What: "a stream falls silent but stays open",
		Options: []Option{after, {"ms", "", "milliseconds until it goes on; for ever otherwise"}}},
		func(s *script, a *args) { s.stallAfter, s.stallFor = a.events(), a.ms("ms") }},
	{Scenario{Name: "error_event", What: "an error inside a stream that began with status 200, in the dialect's own form; a whole answer is the error with status 200",
		Options: []Option{{"after", "1", after.What}, {"status", "", "the status whose error it is; an overloaded server otherwise"}}},
		func(s *script, a *args) {
			s.errorAfter = a.events()
			s.errorFault = fault{status: max(0, a.int("status", 400, 599)), why: whyOverloaded}
			if a.has("status") {
				s.errorFault.why = ""
			}
		}},
	{Scenario{Name: "bad_event", What: "one event of a stream is broken JSON, then all goes well; a whole answer is broken JSON", Options: []Option{after}},
		func(s *script, a *args) { s.badAfter = a.events() }},
	{Scenario{Name: "truncated_json", What: "the JSON of the answer stops half way although HTTP ends well; in a stream that of the third event"},
		func(s *script, _ *args) { s.truncate = true }},
	{Scenario{Name: "empty", What: "status 200 and nothing",
		Options: []Option{{"what", "body", "body (no byte at all) or text (a well-formed answer without text)"}}},
		func(s *script, a *args) { s.empty = a.word("what", "body", "text") }},
	{Scenario{Name: "html200", What: "a web page with status 200, as a captive portal would"},
		func(s *script, _ *args) { s.html = true }},
	{Scenario{Name: "redirect", What: "redirects to a cloud's metadata address, which must not be followed"},
		func(s *script, _ *args) { s.redirect = true }},
}

func applyTools(s *script, a *args) {
	s.tools = toolScript{
		n:      a.int("n", 1, 128),
		rounds: a.int("rounds", 1, 1000),
		layout: a.word("layout", "sequential", "interleaved", "whole", "same_index", "missing_id", "empty_args", "escapes"),
	}
}

func applyUsage(s *script, a *args) {
	s.usage = forced{
		in: a.tokens("in"), out: a.tokens("out"), reasoning: a.tokens("reasoning"),
		cached: a.tokens("cached"), write: a.tokens("cache_write"), write1h: a.tokens("cache_write_1h"),
		at: a.word("at", "finish", "every", "twice"),
	}
}

func applyStream(s *script, a *args) {
	s.chunks = a.int("chunks", 1, 1_000_000)
	s.gap = a.span("gap")
	s.split = max(0, a.int("split", 1, 1<<20))
	s.crlf = a.text("crlf") == "1"
	s.comments = a.text("comments") == "1"
}

func applyFail(s *script, a *args) {
	f := &failure{times: max(0, a.int("times", 1, 1_000_000)), every: max(0, a.int("every", 1, 1_000_000))}
	f.status = a.int("status", 400, 599)
	if w := a.word("why", "context", "quota", "policy", "auth"); w != "" {
		f.why = why(w)
	}
	f.retryAfter = max(0, a.int("retry_after", 0, 86_400))
	f.retryAs = a.word("as", "ms", "date")
	f.leak = a.text("leak") == "1"
	s.fail = f
}
