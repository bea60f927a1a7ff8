package eval_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/eval"
	"github.com/hivellm/synap-go/prompts"
)

// fewestTasks besides those that play a prompt.
const fewestTasks = 25

// TestEveryPromptIsPlayed wants a task for each prompt, and enough others. That each can be done, and its judge say no, is seen where
// there is a server (cmd/synap).
func TestEveryPromptIsPlayed(t *testing.T) {
	tasks, err := eval.Tasks()
	if err != nil {
		t.Fatal(err)
	}
	played := map[string]bool{}
	others := 0
	for _, task := range tasks {
		name, _, _ := strings.Cut(task.Prompt, " ")
		if played[name] = true; name == "" {
			others++
		}
		if len(task.Wrong) == 0 {
			t.Errorf("%s says no way of doing it wrong", task.ID)
		}
	}
	files, err := fs.Glob(prompts.Files, "*.md")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(file, ".md"); !played[name] {
			t.Errorf("no task plays the prompt %s", name)
		}
	}
	if others < fewestTasks {
		t.Errorf("there are %d tasks, and were %d", others, fewestTasks)
	}
}
