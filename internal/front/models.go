package front

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"tidegate/internal/dialect"
	"tidegate/internal/llm"
)

// listed is a model in OpenAI's shape (platform.openai.com/docs/api-reference/models, 2026-11).
type listed struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// available is what the caller may call.
func (f *Front) available(r *http.Request) ([]listed, error) {
	state := f.gate.State()
	key, err := state.Keys.Admit(credential(r.Header), time.Now())
	if err != nil {
		return nil, err
	}
	models := []listed{}
	for _, m := range state.Routes.Models() {
		if key.Allows(m.Name, m.Target, m.Own) {
			models = append(models, listed{ID: m.Name, Object: "model", OwnedBy: m.Owner})
		}
	}
	return models, nil
}

func (f *Front) models(w http.ResponseWriter, r *http.Request) {
	models, err := f.available(r)
	if err != nil {
		f.refuseAs(w, err)
		return
	}
	writeJSON(w, struct {
		Object string   `json:"object"`
		Data   []listed `json:"data"`
	}{"list", models})
}

func (f *Front) model(w http.ResponseWriter, r *http.Request) {
	models, err := f.available(r)
	if err != nil {
		f.refuseAs(w, err)
		return
	}
	id := strings.TrimSuffix(r.PathValue("model"), "/")
	for _, m := range models {
		if m.ID == id {
			writeJSON(w, m)
			return
		}
	}
	f.refuse(w, r, http.StatusNotFound, "model_not_found", "there is no such model, or this API key may not use it")
}

func (f *Front) refuseAs(w http.ResponseWriter, err error) {
	codec, _ := dialect.For(llm.OpenAIChat)
	writeError(w, codec, llm.AsError(err))
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.MarshalWrite(w, v) // the client left: nobody to tell
}
