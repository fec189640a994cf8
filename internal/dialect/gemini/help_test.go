package gemini

import (
	"bytes"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func unmarshal(doc []byte) (any, error) { return jsonschema.UnmarshalJSON(bytes.NewReader(doc)) }
