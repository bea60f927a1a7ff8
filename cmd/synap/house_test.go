package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/hivellm/synap-go/"

// plan says which of our packages each of our packages may import. A package that is not in it has no room in
// the house. Tests of a package in a package of their own (foo_test) may import anything.
var plan = map[string][]string{
	"core/fault":   {},
	"core/value":   {"core/fault"},
	"core/pack":    {"core/fault", "core/value"},
	"core/auth":    {"core/fault"},
	"core/journal": {"core/fault"},
	"core/quota":   {"core/fault"},
	"core/clients": {"core/fault"},
	"core/command": {"core/auth", "core/fault", "core/journal", "core/quota", "core/value"},
	"core":         {"core/auth", "core/clients", "core/command", "core/fault", "core/journal", "core/quota", "core/value"},

	// The structures: each knows itself and the table, never another structure, the engine or a door.
	"core/kv": {"core/auth", "core/command", "core/fault", "core/journal", "core/quota", "core/value"},

	"core/queue":  {"core/auth", "core/command", "core/fault", "core/journal", "core/quota", "core/value"},
	"core/stream": {"core/auth", "core/command", "core/fault", "core/journal", "core/quota", "core/value"},
	"core/pubsub": {"core/auth", "core/command", "core/fault", "core/journal", "core/value"},
	"core/agent":  {"core/auth", "core/command", "core/fault", "core/journal", "core/value"},

	// It stands on what finds vectors and texts, and on an embedder that runs elsewhere.
	"memory":       {"core/auth", "core/command", "core/fault", "core/journal", "core/value", "vector/distance", "vector/fusion", "vector/hnsw", "vector/text"},
	"memory/embed": {},

	// Federation: the structure knows peers and places, link calls other servers; what flows it knows by the commands' names.
	"peer":      {"core/auth", "core/command", "core/fault", "core/journal", "core/pack", "core/value"},
	"peer/link": {"core/auth", "core/command", "core/fault", "core/pack", "core/value", "peer", "umicp/client"},

	// What structures are made of, and what knows neither commands nor the journal: numbers in, numbers out.
	"vector/text":   {},
	"vector/fusion": {},

	// Vectors: the structure has commands and ops, collection the data, and what is below it knows no commands.
	"vector": {
		"core/auth", "core/command", "core/fault", "core/journal", "core/value",
		"vector/collection", "vector/distance", "vector/fusion", "vector/matrix", "vector/tensor",
	},
	"vector/collection": {"core/fault", "core/journal", "core/value", "vector/distance", "vector/hnsw", "vector/tensor", "vector/text"},
	"vector/matrix":     {"core/auth", "core/command", "core/fault", "core/value", "vector/tensor"},
	"vector/tensor":     {"core/fault"},

	// Inside the vector structure: pure maths, which knows no command.
	"vector/distance":     {"core/fault"},
	"vector/distance/asm": {},
	"vector/hnsw":         {"core/fault", "vector/distance"},
	"core/auth/directory": {"core/auth", "core/command", "core/fault", "core/journal"},

	// The doors: they know the table, never a structure, the engine, the disk or each other.
	"http":  {"core/auth", "core/clients", "core/command", "core/fault", "core/journal", "core/pack", "core/quota", "core/value", "http/dialect"},
	"mcp":   {"core/auth", "core/clients", "core/command", "core/fault", "core/journal", "core/value", "prompts"},
	"umicp": {"core/auth", "core/clients", "core/command", "core/fault", "core/journal", "core/pack", "core/quota", "core/value", "umicp/umx"},

	// A language that a door speaks besides its own: it knows commands by their names.
	"http/dialect": {"core/fault"},

	// What a door and its clients share.
	"umicp/umx":    {"core/fault"},
	"umicp/client": {"core/fault", "core/journal", "core/pack", "core/value", "umicp/umx"},

	// What Prometheus is shown: the engine and its table, and no structure.
	"metrics": {"core", "core/command"},

	// The audit log: it hears of calls and writes names, never what is in a request.
	"audit": {"core/auth", "core/clients", "core/command", "core/fault"},

	// TLS: it knows files and certificates, and nothing of what goes over the connections.
	"certs":           {},
	"certs/certstest": {},
	"prompts":         {},

	// The disk: it keeps records and chunks of bytes, and knows nothing of what is in them.
	"persistence":          {"core/fault", "core/journal", "persistence/snapshot", "persistence/vfs", "persistence/wal"},
	"persistence/wal":      {"core/fault", "persistence/vfs"},
	"persistence/snapshot": {"core/fault", "persistence/vfs"},
	"persistence/vfs":      {"core/fault"},

	// Tasks for agents: they know a server by its address, and nothing of what is inside.
	"eval":      {},
	"eval/play": {"eval"},

	// The only places where the names meet.
	"cmd/synap":        {"*"},
	"core/formattest":  {"core/command", "core/fault", "core/journal"},
	"core/synaptest":   {"*"},
	"bench/federation": {"*"},
	"bench/http":       {"*"},
	"bench/load":       {"core/pack", "umicp/umx"},
	"bench/messages":   {"*"},
	"bench/neighbour":  {"bench/process"},
	"bench/process":    {},
	"bench/umicp":      {"*"},
	"bench/vector":     {"vector/distance", "vector/hnsw"},
}

// testOnly are imported by tests and by nothing else.
var testOnly = []string{"certs/certstest", "core/formattest", "core/synaptest"}

const root = "../.."

// goFiles calls visit for every Go file of the project with its folder relative to the root.
func goFiles(t *testing.T, visit func(dir, file string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() != ".." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata"):
			return filepath.SkipDir
		case strings.HasSuffix(file, ".go"):
			dir, err := filepath.Rel(root, filepath.Dir(file))
			if err != nil {
				return err
			}
			visit(filepath.ToSlash(dir), file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhoImportsWhom(t *testing.T) {
	seen := map[string]bool{}
	goFiles(t, func(dir, file string) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		allowed, planned := plan[dir]
		if !planned {
			t.Errorf("%s is in no room of the house plan", dir)
			return
		}
		seen[dir] = true
		if strings.HasSuffix(parsed.Name.Name, "_test") {
			return
		}
		for _, spec := range parsed.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			ours, ok := strings.CutPrefix(imported, module)
			if !ok {
				continue
			}
			if slices.Contains(testOnly, ours) && strings.HasSuffix(file, "_test.go") {
				continue
			}
			if !slices.Contains(allowed, ours) && !slices.Contains(allowed, "*") && !strings.HasPrefix(ours, dir+"/") {
				t.Errorf("%s imports %s; the house plan does not let it", dir, ours)
			}
			if slices.Contains(testOnly, ours) {
				t.Errorf("%s imports %s, which is for tests", file, ours)
			}
		}
	})
	for dir := range plan {
		if !seen[dir] {
			t.Errorf("the house plan has a room %s that does not exist", dir)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	documented := map[string]bool{}
	goFiles(t, func(dir, file string) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if parsed.Doc != nil && !strings.HasSuffix(file, "_test.go") {
			if documented[dir] {
				t.Errorf("%s has two package comments", dir)
			}
			documented[dir] = true
			name := path.Base(dir)
			want := "Package " + name + " "
			if parsed.Name.Name == "main" {
				want = "Command " + name + " "
			}
			if !strings.HasPrefix(parsed.Doc.Text(), want) {
				t.Errorf("the package comment of %s does not begin with %q", dir, want)
			}
		}
	})
	for dir := range plan {
		if !documented[dir] {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

// TestNothingLeadsOutside keeps what only one machine knows out of the project.
func TestNothingLeadsOutside(t *testing.T) {
	goFiles(t, func(_, file string) {
		if filepath.Base(file) == "house_test.go" {
			return
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"/work/", "/root/", "../shared", "TODO", "FIXME"} {
			if strings.Contains(string(text), word) {
				t.Errorf("%s contains %q", file, word)
			}
		}
	})
}
