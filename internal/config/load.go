package config

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// DefaultPath is read when no other file is named and it exists.
const DefaultPath = "tidegate.yaml"

// Catalog is what must be known of the providers that are built into the program.
type Catalog interface {
	Names() []string                    // for suggestions
	Lookup(name string) (Builtin, bool) // by name or alias
}

// Builtin is a provider that is built into the program.
type Builtin struct {
	Name    string   // its own, where it was looked up by an alias
	Env     []string // variables that may hold its key; none if it needs none
	BaseURL string   // "" when only the user can know it
}

// Flags are what the command line says; they win over the environment, which wins over the file. "" is not given.
type Flags struct {
	Config string // --config
	Listen string // --listen
	Data   string // --data
}

// Env is what the environment says to the program itself.
type Env struct {
	Config      string // TIDEGATE_CONFIG
	Listen      string // TIDEGATE_LISTEN
	Data        string // TIDEGATE_DATA
	AdminKey    Secret // TIDEGATE_ADMIN_KEY
	Secret      Secret // TIDEGATE_SECRET
	DatabaseURL Secret // TIDEGATE_DATABASE_URL
	RedisURL    Secret // TIDEGATE_REDIS_URL
}

// FromEnv reads the program's own variables. Lookup is os.LookupEnv or stands for it.
func FromEnv(lookup func(string) (string, bool)) Env {
	get := func(name string) string {
		value, _ := lookup("TIDEGATE_" + name)
		return strings.TrimSpace(value)
	}
	return Env{
		Config: get("CONFIG"), Listen: get("LISTEN"), Data: get("DATA"),
		AdminKey: NewSecret(get("ADMIN_KEY")), Secret: NewSecret(get("SECRET")),
		DatabaseURL: NewSecret(get("DATABASE_URL")), RedisURL: NewSecret(get("REDIS_URL")),
	}
}

// Loader reads configs. The same loader reads a file again when it has changed.
type Loader struct {
	Catalog Catalog
	Env     func(string) (string, bool) // os.LookupEnv or what stands for it
	Flags   Flags
}

// Path is the file to read: the flag's, the environment's, or tidegate.yaml if there is one, else "".
func (l Loader) Path() string {
	if path := cmp.Or(l.Flags.Config, FromEnv(l.Env).Config); path != "" {
		return path
	}
	if _, err := os.Stat(DefaultPath); err == nil {
		return DefaultPath
	}
	return ""
}

// Load reads the file at path; "" is no file, and yields the defaults. The error is [Problems], all of them at once, or says
// why the file cannot be read. Warnings come with and without an error.
func (l Loader) Load(path string) (*Config, []Problem, error) {
	if path == "" {
		return l.Parse("", nil)
	}
	doc, err := read(path)
	if err != nil {
		return nil, nil, Problems{{File: path, Text: reason(err)}}
	}
	return l.Parse(path, doc)
}

// read stops where a document becomes too long, so that a device or a log file given by mistake does no harm.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxDocument+1))
}

// reason is what went wrong with a file, without its name.
func reason(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}

// Parse reads a document; name is what errors call it.
func (l Loader) Parse(name string, doc []byte) (*Config, []Problem, error) {
	r := &report{file: name, at: map[string]place{}}
	c := &Config{File: name, Version: version(doc)}
	d := &decoder{report: r, env: l.Env}
	d.defaults(reflect.ValueOf(c).Elem())
	root, ok := d.parse(doc)
	if !ok {
		return nil, nil, r.errors
	}
	if root != nil {
		d.value(reflect.ValueOf(c).Elem(), root, "", "")
	}
	l.override(c, r)
	(&checker{report: r, Config: c, catalog: l.Catalog, env: l.Env}).check()
	r.errors.sort()
	r.warnings.sort()
	switch n := len(r.errors); {
	case n > maxErrors:
		return nil, r.warnings, append(r.errors[:maxErrors:maxErrors], Problem{File: name, Line: r.errors[maxErrors].Line, Col: 1, Text: "and more; so many mistakes are too many to list"})
	case n > 0:
		return nil, r.warnings, r.errors
	}
	return c, r.warnings, nil
}

func version(doc []byte) string {
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:6])
}

// parse yields the one mapping that the document is, nil when it is empty. False: it is broken, and reported.
func (d *decoder) parse(doc []byte) (*yaml.Node, bool) {
	if len(doc) > maxDocument {
		d.errorf("", "larger than %s", showSize(Size(maxDocument)))
		return nil, false
	}
	stream := yaml.NewDecoder(bytes.NewReader(doc))
	var first, second yaml.Node
	if err := stream.Decode(&first); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, true
		}
		d.syntax(err)
		return nil, false
	}
	switch err := stream.Decode(&second); {
	case err == nil:
		d.errorAt(&second, "", "a second document begins here; a config is one")
		return nil, false
	case !errors.Is(err, io.EOF):
		d.syntax(err)
		return nil, false
	}
	return first.Content[0], true
}

// syntax reports an error of the YAML parser, which says "yaml: line 3: what".
func (d *decoder) syntax(err error) {
	p := Problem{File: d.file, Text: strings.TrimPrefix(err.Error(), "yaml: ")}
	if rest, ok := strings.CutPrefix(p.Text, "line "); ok {
		if number, text, ok := strings.Cut(rest, ": "); ok {
			if line, err := strconv.Atoi(number); err == nil {
				p.Line, p.Col, p.Text = line, 1, text
			}
		}
	}
	p.Text = "not YAML: " + p.Text
	d.errors = append(d.errors, p)
}

// override applies what flags and environment say.
func (l Loader) override(c *Config, r *report) {
	env := FromEnv(l.Env)
	set := func(v *string, path, flag, fromEnv, variable string) {
		if fromEnv != "" {
			*v, r.at[path] = fromEnv, place{from: variable}
		}
		if flag != "" {
			*v, r.at[path] = flag, place{from: "--" + path}
		}
	}
	set(&c.Listen, "listen", l.Flags.Listen, env.Listen, "TIDEGATE_LISTEN")
	set(&c.Data, "data", l.Flags.Data, env.Data, "TIDEGATE_DATA")
}
