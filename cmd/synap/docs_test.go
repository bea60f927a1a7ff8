package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// A line of a block that runs synap, and one in the middle of a sentence. What follows a pipe, && or # is not looked at.
var (
	typed   = regexp.MustCompile("(?m)^(?:\\$ )?(?:[A-Z_]+=\\S* )?synap ([^\n]*)")
	inTicks = regexp.MustCompile("`synap ([^`\n]+)`")
	aBlock  = regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```")
	aWord   = regexp.MustCompile(`'([^']*)'|"([^"]*)"|(\S+)`)
)

// TestDocumentedCommandLines wants every command line that the documentation shows to be one that the program understands: its
// subcommands and flags exist, and it has as many arguments as it takes.
func TestDocumentedCommandLines(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	root, err := (&app{}).root()
	if err != nil {
		t.Fatal(err)
	}
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	seen := 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range aBlock.FindAllSubmatch(text, -1) {
			for _, line := range typed.FindAllSubmatch(block[1], -1) {
				seen++
				understands(t, root, page, string(line[1]), true)
			}
		}
		prose := aBlock.ReplaceAllString(string(text), "")
		for _, line := range inTicks.FindAllStringSubmatch(prose, -1) {
			seen++
			understands(t, root, page, line[1], false)
		}
	}
	if seen < 100 {
		t.Errorf("there are %d command lines in the documentation; they are not found", seen)
	}
}

// understands looks at one command line. In a sentence a command may stand without its arguments.
func understands(t *testing.T, root *cobra.Command, page, line string, whole bool) {
	t.Helper()
	if strings.ContainsAny(line, "…<") {
		return // what the program says, or the form of many lines
	}
	var args []string
	for _, w := range aWord.FindAllStringSubmatch(line, -1) {
		word := w[1] + w[2] + w[3]
		if bare := w[3]; bare == "|" || bare == "&&" || bare == ";" || bare == ">" || strings.HasPrefix(bare, "#") {
			break
		}
		if word == "N" {
			word = "1"
		}
		args = append(args, word)
	}
	if args[0] == "completion" {
		args = args[:1] // of any of the shells that follow
	}
	cmd, rest, err := root.Find(args)
	if err == nil && cmd == root {
		t.Errorf("%s: synap %s: there is no such command", page, line)
		return
	}
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil && whole && cmd.Args != nil {
		err = cmd.Args(cmd, cmd.Flags().Args())
	}
	if err != nil {
		t.Errorf("%s: synap %s: %v", page, line, err)
	}
}
