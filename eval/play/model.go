package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/hivellm/synap-go/eval"
)

// try is how a model is given a task. What it says goes to said.
type try func(ctx context.Context, t *eval.Task, said io.Writer) (eval.Attempt, error)

// trying is how the options say that a model is given its tasks.
func trying(o options, on *eval.Server) (try, error) {
	if o.chat == "" {
		return func(ctx context.Context, t *eval.Task, said io.Writer) (eval.Attempt, error) {
			return on.Give(ctx, t, o.model, o.most, said)
		}, nil
	}
	tokens, err := counting()
	m := eval.Model{URL: o.chat, Name: o.model, Key: os.Getenv("CHAT_KEY")}
	return func(ctx context.Context, t *eval.Task, said io.Writer) (eval.Attempt, error) {
		return on.Ask(ctx, t, m, o.most, tokens, said)
	}, err
}

// playModel has a model do the tasks, one after the other, and prints what the judge found. What was said of each is kept in a folder of its own.
func playModel(ctx context.Context, tasks []*eval.Task, give try, out io.Writer) error {
	folder, err := os.MkdirTemp("", "synap-model-said")
	if err != nil {
		return err
	}
	say(out, "What it says is kept in %s\n\n", folder)
	table := tabwriter.NewWriter(out, 24, 0, 2, ' ', 0)
	done := 0
	for _, t := range tasks {
		a, err := giveTo(ctx, give, t, filepath.Join(folder, t.ID+".txt"))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", t.ID, err) // of the harness, and not the model's
		}
		verdict := "done"
		if a.Err() != nil {
			verdict = "NOT DONE"
		} else {
			done++
		}
		say(table, "%s\t%s\t%v\t%s\n", t.ID, verdict, a.Took.Round(time.Second), used(&a))
		_ = table.Flush() // as say: for people
		if a.Broke != nil {
			say(out, "  it did not end well: %v\n", a.Broke)
		}
		for _, v := range a.Verdicts {
			if !v.OK {
				say(out, "  NO   %s (%s)\n", v.Says, v.Why)
			}
		}
	}
	say(out, "\n%d of %d tasks are done\n", done, len(tasks))
	if done < len(tasks) {
		return fmt.Errorf("%d of %d tasks are not done", len(tasks)-done, len(tasks))
	}
	return nil
}

// used is what a model used whose calls are seen.
func used(a *eval.Attempt) string {
	if a.Calls == 0 && a.Read == 0 {
		return ""
	}
	return fmt.Sprintf("%d calls, %d errors; %d tokens read, %d written", a.Calls, a.Errors, a.Read, a.Wrote)
}

// giveTo is a task given to the model; what it says is kept in a file.
func giveTo(ctx context.Context, give try, t *eval.Task, file string) (a eval.Attempt, err error) {
	said, err := os.Create(file) //nolint:gosec // in a folder of our own
	if err != nil {
		return a, err
	}
	a, err = give(ctx, t, said)
	if closing := said.Close(); err == nil {
		err = closing
	}
	return a, err
}
