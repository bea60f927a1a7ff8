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

// playModel has a program that runs a model do the tasks, one after the other, and prints what the judge found. What the program said of each
// is kept in a folder of its own.
func playModel(ctx context.Context, on *eval.Server, tasks []*eval.Task, program string, most time.Duration, out io.Writer) error {
	folder, err := os.MkdirTemp("", "synap-model-said")
	if err != nil {
		return err
	}
	say(out, "What it says is kept in %s\n\n", folder)
	table := tabwriter.NewWriter(out, 24, 0, 2, ' ', 0)
	done := 0
	for _, t := range tasks {
		a, err := giveTo(ctx, on, t, program, most, filepath.Join(folder, t.ID+".txt"))
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
		say(table, "%s\t%s\t%v\n", t.ID, verdict, a.Took.Round(time.Second))
		_ = table.Flush() // as say: for people
		if a.Broke != nil {
			say(out, "  the program: %v\n", a.Broke)
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

// giveTo is a task given to the program; what it says is kept in a file.
func giveTo(ctx context.Context, on *eval.Server, t *eval.Task, program string, most time.Duration, file string) (a eval.Attempt, err error) {
	said, err := os.Create(file) //nolint:gosec // in a folder of our own
	if err != nil {
		return a, err
	}
	a, err = on.Give(ctx, t, program, most, said)
	if closing := said.Close(); err == nil {
		err = closing
	}
	return a, err
}
