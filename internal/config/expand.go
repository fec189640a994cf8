package config

import (
	"regexp"
	"strings"
)

// A variable: $${ is a literal ${; ${NAME} and ${NAME:-fallback} are replaced; anything else after ${ is a mistake.
var variable = regexp.MustCompile(`\$?\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\})?`)

// expansion is a scalar with its variables replaced.
type expansion struct {
	text  string
	names []string // of the variables in it: with any, the text may be secret and must not be shown
	unset []string // those that are not set and have no fallback
	bad   bool     // a ${ without a name or an end
}

// expand replaces the variables in one scalar. It works on text that is parsed already, so that no value of a variable can
// become structure.
func expand(s string, env func(string) (string, bool)) expansion {
	var x expansion
	if !strings.Contains(s, "${") {
		x.text = s
		return x
	}
	x.text = variable.ReplaceAllStringFunc(s, func(match string) string {
		if strings.HasPrefix(match, "$$") {
			return match[1:]
		}
		groups := variable.FindStringSubmatch(match)
		name, fallback := groups[1], groups[2]
		if name == "" {
			x.bad = true
			return match
		}
		x.names = append(x.names, name)
		value, ok := env(name)
		switch {
		case fallback != "" && value == "":
			return fallback[len(":-"):]
		case !ok:
			x.unset = append(x.unset, name)
		}
		return value
	})
	return x
}
