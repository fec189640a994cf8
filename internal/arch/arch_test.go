package arch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	root     = "../.."
	module   = "tidegate/"
	maxLines = 600
)

// TestDependencies holds the imports to the deps block of ARCHITECTURE.md.
func TestDependencies(t *testing.T) {
	may := picture(t)
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	drawn := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		from := room(f[0])
		drawn[from] = true
		allowed, ok := may[from]
		if !ok {
			t.Errorf("%s is not in the picture", f[0])
			continue
		}
		for _, imp := range f[1:] {
			if !strings.HasPrefix(imp, module) {
				continue
			}
			if to := room(imp); to != from && !allowed["*"] && !allowed[to] {
				t.Errorf("%s must not import %s", from, to)
			}
		}
	}
	for name := range may {
		if !drawn[name] {
			t.Errorf("%s is in the picture, but does not exist", name)
		}
	}
}

// room is the name that a package has in the picture: its first folder below internal.
func room(path string) string {
	path = strings.TrimPrefix(strings.TrimPrefix(path, module), "internal/")
	name, _, _ := strings.Cut(path, "/")
	return name
}

func picture(t *testing.T) map[string]map[string]bool {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(doc), "```deps\n")
	block, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("ARCHITECTURE.md has no deps block")
	}
	rooms := map[string]map[string]bool{}
	for line := range strings.Lines(block) {
		from, to, ok := strings.Cut(line, "->")
		if !ok {
			continue
		}
		allowed := map[string]bool{}
		for name := range strings.FieldsSeq(to) {
			allowed[name] = true
		}
		rooms[strings.TrimSpace(from)] = allowed
	}
	return rooms
}

// TestSources: one doc comment a package, no init functions, no file longer than can be read, no tool of the trade that
// truncates streams.
func TestSources(t *testing.T) {
	docs := map[string]int{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == "test" || strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		check(t, docs, path, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, n := range docs {
		if n != 1 {
			t.Errorf("%s has %d package comments, want one", dir, n)
		}
	}
}

func check(t *testing.T, docs map[string]int, path string, text []byte) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments)
	if err != nil {
		t.Error(err)
		return
	}
	if strings.HasSuffix(path, "_test.go") {
		return
	}
	dir := filepath.Dir(path)
	docs[dir] += 0
	if file.Doc != nil {
		docs[dir]++
	}
	if n := bytes.Count(text, []byte("\n")); n > maxLines {
		t.Errorf("%s has %d lines: split it", path, n)
	}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			t.Errorf("%s has an init function: say it explicitly", path)
		}
	}
	if bytes.Contains(text, []byte("bufio.NewScanner")) {
		t.Errorf("%s uses bufio.Scanner, which ends a stream at its longest line: use frame/sse or a bufio.Reader", path)
	}
}
