package main

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/quota"
)

// constants finds the constants of a package's source, as the expressions that they are.
func constants(t *testing.T, dir string) map[string]ast.Expr {
	t.Helper()
	found := map[string]ast.Expr{}
	files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			general, ok := d.(*ast.GenDecl)
			if !ok || general.Tok != token.CONST {
				continue
			}
			for _, s := range general.Specs {
				spec := s.(*ast.ValueSpec)
				for i, value := range spec.Values {
					found[spec.Names[i].Name] = value
				}
			}
		}
	}
	return found
}

// units are what the page writes after a number.
var units = map[string]int64{
	"": 1, "bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "ms": 1_000_000, "s": 1_000_000_000,
}

var (
	limitRow = regexp.MustCompile("^\\| (.+) \\| ([0-9,]+) ?([A-Za-z]*)[^|]* \\| .*\\| `([a-z/]+)\\.([A-Za-z]+)` \\|$")
	times    = strings.NewReplacer("time.Millisecond", "1000000", "time.Second", "1000000000", "time.Minute", "60000000000")
)

// TestTheLimitsAreWhatThePageSays holds every number of docs/limits.md that names a constant against the source.
func TestTheLimitsAreWhatThePageSays(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "limits.md"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]map[string]ast.Expr{}
	checked := 0
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		cells := limitRow.FindStringSubmatch(line)
		if cells == nil {
			if strings.HasSuffix(line, "` |") && strings.Count(line, "|") == 5 {
				t.Errorf("this row cannot be read: %s", line)
			}
			continue
		}
		what, dir, name := cells[1], cells[4], cells[5]
		if known[dir] == nil {
			known[dir] = constants(t, dir)
		}
		expr := known[dir][name]
		if expr == nil {
			t.Errorf("%s: there is no constant %s in %s", what, name, dir)
			continue
		}
		actual, err := types.Eval(token.NewFileSet(), nil, token.NoPos, times.Replace(types.ExprString(expr)))
		if err != nil {
			t.Errorf("%s: %s.%s: %v", what, dir, name, err)
			continue
		}
		said, err := strconv.ParseInt(strings.ReplaceAll(cells[2], ",", ""), 10, 64)
		unit, ok := units[cells[3]]
		if err != nil || !ok {
			t.Errorf("%s: %s %s is no number", what, cells[2], cells[3])
			continue
		}
		if n, exact := constant.Int64Val(constant.ToInt(actual.Value)); !exact || n != said*unit {
			t.Errorf("%s: the page says %s %s, and %s.%s is %s", what, cells[2], cells[3], dir, name, actual.Value)
		}
		checked++
	}
	if checked < 50 {
		t.Errorf("only %d limits were found on the page", checked)
	}
	for _, q := range quota.Names() {
		if !strings.Contains(string(page), "\n| `"+q+"` |") {
			t.Errorf("the page has no row for the quota %s", q)
		}
	}
	for _, s := range limitSettings() {
		if strings.HasPrefix(s.key, "limits.") && !strings.Contains(string(page), "`"+s.key+"`") {
			t.Errorf("the page says nothing of the setting %s", s.key)
		}
	}
}
