package directory

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"testing"
)

// TestSecretsAreComparedInConstantTime reads how callers are recognised: nothing there is compared with == that is a secret, or
// made of one. How long the comparison itself takes no test on a busy machine can tell.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	secrets := []string{"hash", "mac", "got", "Key", "Password", "Ticket"}
	comparisons := 0
	for _, file := range []string{"authenticate.go", "password.go", "ticket.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if n.Op != token.EQL && n.Op != token.NEQ {
					return true
				}
				for _, side := range []ast.Expr{n.X, n.Y} {
					if name := lastName(side); slices.Contains(secrets, name) && !isEmptyText(n.X) && !isEmptyText(n.Y) {
						t.Errorf("%s compares %s with %s", file, name, n.Op)
					}
				}
			case *ast.CallExpr:
				if name := lastName(n.Fun); name == "ConstantTimeCompare" || name == "Equal" {
					comparisons++
				}
			}
			return true
		})
	}
	if comparisons != 3 {
		t.Errorf("there are %d comparisons in constant time: of a key, of a password's hash, and of a password that was right lately", comparisons)
	}
}

// lastName is the name that an expression ends with: hash of s.hash[:].
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.SliceExpr:
		return lastName(e.X)
	case *ast.IndexExpr:
		return lastName(e.X)
	}
	return ""
}

// isEmptyText: whether there is a secret at all is none.
func isEmptyText(e ast.Expr) bool {
	lit, ok := e.(*ast.BasicLit)
	return ok && lit.Value == `""`
}
