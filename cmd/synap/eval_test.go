package main

import (
	"os"
	"testing"

	"github.com/tiktoken-go/tokenizer"

	"github.com/hivellm/synap-go/eval"
)

// mostResultTokens is what an answer may cost a model.
const mostResultTokens = 8000

// TestTasksForAgents has every task done by its scripted solver over HTTP, and a few over stdio; and the judges judged.
func TestTasksForAgents(t *testing.T) {
	a := serveAsking(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	on := &eval.Server{URL: a.url, Key: a.admin, Command: []string{self}, Env: []string{childEnv + "=1"}}
	tokens := countTokens(t)
	tasks, err := eval.Tasks()
	if err != nil {
		t.Fatal(err)
	}
	overPipes := map[string]bool{"follow-a-resource": true, "find-your-limits": true}
	t.Run("all", func(t *testing.T) {
		for _, task := range tasks {
			t.Run(task.ID, func(t *testing.T) {
				t.Parallel()
				if err := on.Doubt(t.Context(), task); err != nil {
					t.Error(err)
				}
				over := []eval.Transport{eval.HTTP}
				if overPipes[task.ID] {
					over = append(over, eval.Stdio)
				}
				for _, transport := range over {
					score, err := on.Play(t.Context(), task, transport, tokens)
					if err != nil {
						t.Errorf("over %s: %v", transport, err)
					}
					if score.Largest > mostResultTokens {
						t.Errorf("over %s an answer has %d tokens", transport, score.Largest)
					}
				}
			})
		}
	})
}

// countTokens counts in tokens of o200k, or about so: under the race detector counting takes longer than all else.
func countTokens(t *testing.T) func(string) int {
	if underRace {
		return func(text string) int { return len(text) / 4 }
	}
	encoding, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		t.Fatal(err)
	}
	return func(text string) int {
		ids, _, err := encoding.Encode(text)
		if err != nil {
			t.Error(err)
		}
		return len(ids)
	}
}
