package openaichat

import (
	"fmt"
	"slices"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// messages reads the conversation. Leading system and developer messages are the system prompt, those further down stay where
// they are; consecutive tool messages become one user message of results.
func (d *request) messages(value []byte) {
	leading := true
	last := "" // the role before
	err := rawjson.Array(value, func(i int, v []byte) bool {
		m := message{request: d, path: at("messages", i), n: i}
		m.read(v)
		switch m.role {
		case "system", "developer":
			if leading && m.name == "" && m.speech.rest.raw == nil {
				d.chat.System = append(d.chat.System, m.parts()...)
				return d.err == nil
			}
			d.append(llm.RoleSystem, &m, m.parts())
		case "user":
			d.append(llm.RoleUser, &m, m.parts())
		case "assistant":
			d.append(llm.RoleAssistant, &m, m.spoken())
		case "tool", "function":
			d.result(&m, last == "tool" || last == "function")
		default:
			d.fail(badRequest(m.path+".role", "invalid_value", fmt.Sprintf("%s.role %q is not one of system, developer, user, assistant, tool, function", m.path, m.role)))
		}
		leading, last = false, m.role
		return d.err == nil
	})
	if err != nil {
		d.fail(wrongType("messages", "an array"))
	}
}

func (d *request) append(role llm.Role, m *message, parts []llm.Part) {
	d.chat.Messages = append(d.chat.Messages, llm.Message{Role: role, Name: m.name, Parts: parts, Ext: m.speech.rest.ext()})
}

// message is one element of messages.
type message struct {
	*request
	path, role, name, callID string
	n                        int
	marked                   *llm.CacheMark
	speech                   speech
}

func (m *message) read(value []byte) {
	m.role, _ = rawjson.String(rawjson.Get(value, "role"))
	err := rawjson.Object(value, func(name, v []byte) bool {
		switch string(name) {
		case "role":
		case "content":
			m.speech.content = v
		case "name":
			m.name, _ = rawjson.String(v)
		case "tool_call_id":
			m.callID, _ = rawjson.String(v)
		case "cache_control":
			m.marked = m.mark(m.path, v)
		default:
			if m.role != "assistant" || !m.speech.take(name, v) {
				m.speech.rest.add(name, v)
			}
		}
		return true
	})
	if err != nil {
		m.fail(wrongType(m.path, "an object"))
	}
}

// parts reads a content that is not an assistant's.
func (m *message) parts() []llm.Part {
	return m.passMark(m.content(m.path+".content", m.speech.content))
}

func (m *message) spoken() []llm.Part {
	return m.passMark(m.speech.parts(&m.reader, m.path, sealer{}, func(n int) string { return fmt.Sprintf("call_%d_%d", m.n, n) }))
}

// passMark makes a cache mark on the message one on its last part that can have one.
func (m *message) passMark(parts []llm.Part) []llm.Part {
	if m.marked == nil {
		return parts
	}
	for i, p := range slices.Backward(parts) {
		switch p := p.(type) {
		case llm.Text:
			p.Mark = m.marked
			parts[i] = p
		case llm.Media:
			p.Mark = m.marked
			parts[i] = p
		case llm.Call:
			p.Mark = m.marked
			parts[i] = p
		case llm.Thought, llm.Result, llm.Opaque:
			continue
		}
		break
	}
	return parts
}

// result adds a tool's answer to the message of results in front of it, or begins one.
func (d *request) result(m *message, follows bool) {
	r := llm.Result{CallID: m.callID, Name: m.name, Parts: m.content(m.path+".content", m.speech.content), Mark: m.marked, Ext: m.speech.rest.ext()}
	if r.CallID == "" {
		r.CallID = d.unanswered(m.name)
	}
	if r.CallID == "" {
		d.fail(badRequest(m.path+".tool_call_id", "missing_required_parameter", m.path+" answers no tool call"))
		return
	}
	if n := len(d.chat.Messages); follows && n > 0 {
		last := &d.chat.Messages[n-1]
		last.Parts = append(last.Parts, r)
		return
	}
	d.chat.Messages = append(d.chat.Messages, llm.Message{Role: llm.RoleUser, Parts: []llm.Part{r}})
}

// unanswered is the id of the first call of that name (any, when it is not given) that has no result yet.
func (d *request) unanswered(name string) string {
	answered := map[string]bool{}
	for _, m := range d.chat.Messages {
		for _, p := range m.Parts {
			if r, ok := p.(llm.Result); ok {
				answered[r.CallID] = true
			}
		}
	}
	for _, m := range d.chat.Messages {
		for _, p := range m.Parts {
			if c, ok := p.(llm.Call); ok && !answered[c.ID] && (name == "" || c.Name == name) {
				return c.ID
			}
		}
	}
	return ""
}
