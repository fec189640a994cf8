package fake

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// embeddings is OpenAI's endpoint.
func embeddings(x *exchange, model string, body []byte) *fault {
	var q struct {
		Model          string         `json:"model"`
		Input          jsontext.Value `json:"input"`
		Dimensions     int            `json:"dimensions"`
		EncodingFormat string         `json:"encoding_format"`
	}
	if f := decode(body, &q); f != nil {
		return f
	}
	q.Model = cmp.Or(model, q.Model)
	inputs, n, f := embedInputs(q.Input)
	if f != nil {
		return f
	}
	if q.Dimensions < 0 || q.Dimensions > 8192 {
		return bad("dimensions", "Invalid value for 'dimensions'.")
	}
	return x.special(q.Model, func(dst []byte, sc *script) []byte {
		dst = append(dst, `{"object":"list","data":[`...)
		for i, text := range inputs {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = fmt.Appendf(dst, `{"object":"embedding","index":%d,"embedding":`, i)
			v := vector(text, cmp.Or(q.Dimensions, sc.dims))
			if q.EncodingFormat == "base64" {
				dst = base64Vector(dst, v)
			} else {
				dst = floats(dst, v)
			}
			dst = append(dst, '}')
		}
		dst = quote(append(dst, `],"model":`...), q.Model)
		if !sc.noUsage {
			if sc.usage.in >= 0 {
				n = sc.usage.in
			}
			dst = fmt.Appendf(dst, `,"usage":{"prompt_tokens":%d,"total_tokens":%d}`, n, n)
		}
		return append(dst, '}')
	})
}

// embedInputs takes a text, a list of texts, a list of tokens, or a list of lists of tokens.
func embedInputs(v jsontext.Value) (texts []string, n int64, f *fault) {
	var one string
	var lists [][]int64
	var list []int64
	switch {
	case len(v) == 0:
		return nil, 0, bad("input", "Missing required parameter: 'input'.")
	case decode(v, &one) == nil:
		texts = []string{one}
	case decode(v, &texts) == nil:
	case decode(v, &list) == nil:
		lists = [][]int64{list}
	case decode(v, &lists) == nil:
	default:
		return nil, 0, bad("input", "Invalid type for 'input': expected a string, strings, or tokens.")
	}
	if lists != nil {
		texts = nil
	}
	for _, t := range texts {
		n += max(1, tokens(len(t)))
	}
	for _, l := range lists {
		texts = append(texts, strings.Trim(fmt.Sprint(l), "[]"))
		n += int64(len(l))
	}
	if len(texts) == 0 || len(texts) > 2048 {
		return nil, 0, bad("input", "Invalid 'input': expected 1 to 2048 inputs.")
	}
	return texts, n, nil
}

// vector is a unit vector: the sum of a few directions for each word, so that texts that share words are close.
func vector(text string, dims int) []float32 {
	v := make([]float32, dims)
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		for i, h := uint64(0), seed(word); i < 16; i++ {
			bits := mix(h + i)
			v[bits>>1%uint64(dims)] += 1 - 2*float32(bits&1)
		}
	}
	sum := 0.0
	for _, f := range v {
		sum += float64(f) * float64(f)
	}
	if sum == 0 {
		v[0], sum = 1, 1
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(sum))
	}
	return v
}

func floats(dst []byte, v []float32) []byte {
	dst = append(dst, '[')
	for i, f := range v {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendFloat(dst, float64(f), 'g', 8, 32)
	}
	return append(dst, ']')
}

func base64Vector(dst []byte, v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

type geminiEmbedRequest struct {
	Model                string  `json:"model"`
	Content              content `json:"content"`
	OutputDimensionality int     `json:"outputDimensionality"`
}

func (q *geminiEmbedRequest) values(dst []byte, sc *script) []byte {
	var text strings.Builder
	for _, p := range q.Content.Parts {
		text.WriteString(p.Text)
	}
	dst = floats(append(dst, `{"values":`...), vector(text.String(), min(8192, cmp.Or(max(0, q.OutputDimensionality), sc.dims))))
	return append(dst, '}')
}

func (q *geminiEmbedRequest) check() *fault {
	if len(q.Content.Parts) == 0 {
		return bad("", "* EmbedContentRequest.content: content is not specified")
	}
	return nil
}

func geminiEmbed(x *exchange, model string, body []byte) *fault {
	var q geminiEmbedRequest
	if f := decode(body, &q, protoJSON); f != nil {
		return f
	}
	if f := q.check(); f != nil {
		return f
	}
	return x.special(model, func(dst []byte, sc *script) []byte {
		return append(q.values(append(dst, `{"embedding":`...), sc), '}')
	})
}

func geminiBatchEmbed(x *exchange, model string, body []byte) *fault {
	var q struct {
		Requests []geminiEmbedRequest `json:"requests"`
	}
	if f := decode(body, &q, protoJSON); f != nil {
		return f
	}
	for i := range q.Requests {
		r := &q.Requests[i]
		if f := r.check(); f != nil {
			return f
		}
		if r.Model != "models/"+model {
			return bad("", "* BatchEmbedContentsRequest.requests: the model of each request must be the model of the batch")
		}
	}
	return x.special(model, func(dst []byte, sc *script) []byte {
		dst = append(dst, `{"embeddings":[`...)
		for i := range q.Requests {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = q.Requests[i].values(dst, sc)
		}
		return append(dst, "]}"...)
	})
}

func geminiCount(x *exchange, model string, body []byte) *fault {
	var q struct {
		Whole jsontext.Value `json:"generateContentRequest"`
	}
	if f := decode(body, &q, protoJSON); f != nil {
		return f
	}
	if len(q.Whole) > 0 {
		body = q.Whole
	}
	a, f := x.dialect.read(x.server, x.r, body)
	if f != nil {
		return f
	}
	a.model = model
	return x.number(a, func(dst []byte, n int64) []byte {
		return fmt.Appendf(dst, `{"totalTokens":%d,"promptTokensDetails":[{"modality":"TEXT","tokenCount":%d}]}`, n, n)
	})
}

// number answers with the number of input tokens that a request would have.
func (x *exchange) number(a *ask, render func([]byte, int64) []byte) *fault {
	return x.special(a.model, func(dst []byte, sc *script) []byte {
		p := reply{}
		p.count(a, sc)
		return render(dst, p.usage.in)
	})
}

// special answers a request that is not for text: in one piece, and with the scenarios that make sense for that.
func (x *exchange) special(model string, render func([]byte, *script) []byte) *fault {
	sc, f := x.script(model)
	if f != nil {
		return f
	}
	x.describe(model, false)
	if done, f := x.early(model, sc); done || f != nil {
		return f
	}
	x.wholeBody(sc, func(dst []byte) []byte { return render(dst, sc) })
	return nil
}

// The lists of models are the scenarios.

func openaiModels(x *exchange, model string, _ []byte) *fault {
	return x.models(model, `{"object":"list","data":[`, `]}`, func(dst []byte, e *entry) []byte {
		return append(quote(append(dst, `{"id":`...), e.Name), `,"object":"model","created":1732406400,"owned_by":"fake"}`...)
	})
}

func anthropicModels(x *exchange, model string, _ []byte) *fault {
	last := catalogue[len(catalogue)-1].Name
	end := fmt.Sprintf(`],"has_more":false,"first_id":%q,"last_id":%q}`, catalogue[0].Name, last)
	return x.models(model, `{"data":[`, end, func(dst []byte, e *entry) []byte {
		dst = quote(append(dst, `{"type":"model","id":`...), e.Name)
		return append(quote(append(dst, `,"display_name":`...), e.Name), `,"created_at":"2024-11-24T00:00:00Z"}`...)
	})
}

func geminiModels(x *exchange, model string, _ []byte) *fault {
	return x.models(model, `{"models":[`, `]}`, func(dst []byte, e *entry) []byte {
		dst = quote(append(dst, `{"name":`...), "models/"+e.Name)
		dst = quote(append(dst, `,"displayName":`...), e.Name)
		dst = quote(append(dst, `,"description":`...), e.What)
		return append(dst, `,"version":"1","inputTokenLimit":1048576,"outputTokenLimit":65536,"supportedGenerationMethods":["generateContent","countTokens","embedContent"]}`...)
	})
}

// models answers with one model, any that is a scenario, or with all.
func (x *exchange) models(model, start, end string, render func([]byte, *entry) []byte) *fault {
	x.dialect.head(x.w.Header(), x.id)
	x.w.Header()["Content-Type"] = jsonType
	x.describe(model, false)
	if model != "" {
		if _, f := x.script(model); f != nil {
			return f
		}
		x.buf = render(x.buf[:0], &entry{Scenario: Scenario{Name: model}})
		x.answer(200)
		return nil
	}
	x.buf = append(x.buf[:0], start...)
	for i := range catalogue {
		if i > 0 {
			x.buf = append(x.buf, ',')
		}
		x.buf = render(x.buf, &catalogue[i])
	}
	x.buf = append(x.buf, end...)
	x.answer(200)
	return nil
}
