package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/hivellm/synap-go/eval"
)

// playAll has the solvers do all tasks, and prints what each took.
func playAll(ctx context.Context, on *eval.Server, tasks []*eval.Task, over []string, out io.Writer) error {
	tokens, err := counting()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	say(table, "task\tover\tcalls\terrors\ttokens of the list\tof the answers\tof the longest\t\t\n")
	var sum eval.Tally
	var failed []string
	played := 0
	for _, t := range tasks {
		if err := on.Doubt(ctx, t); err != nil {
			failed = append(failed, fmt.Sprintf("%s, the judge: %v", t.ID, err))
		}
		for _, transport := range over {
			score, err := on.Play(ctx, t, eval.Transport(transport), tokens)
			verdict := "done"
			if err != nil {
				verdict = "FAILED"
				failed = append(failed, fmt.Sprintf("%s over %s: %v", t.ID, transport, err))
			}
			say(table, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\t\n", t.ID, transport, score.Calls, score.Errors, score.List, score.Results, score.Largest, verdict)
			played++
			sum.Calls += score.Calls
			sum.Errors += score.Errors
			sum.List += score.List
			sum.Results += score.Results
			sum.Largest = max(sum.Largest, score.Largest)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, f := range failed {
		say(out, "%s\n", f)
	}
	say(out, "%d tasks, played %d times: %d calls, %d of them answered with an error; %d tokens of tool lists, %d of answers, %d of the longest\n",
		len(tasks), played, sum.Calls, sum.Errors, sum.List, sum.Results, sum.Largest)
	if len(failed) > 0 {
		return fmt.Errorf("%d failed", len(failed))
	}
	return nil
}
