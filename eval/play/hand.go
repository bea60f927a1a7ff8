package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hivellm/synap-go/eval"
)

// byHand offers a task to whoever wants to do it, and judges it when they say so.
func byHand(ctx context.Context, on *eval.Server, t *eval.Task, in io.Reader, out io.Writer) (err error) {
	w, err := on.Open(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close(context.WithoutCancel(ctx))) }()
	say(out, "%s\n\n", t.Title)
	if prompt := w.Prompt(); prompt != "" {
		say(out, "The model is given the server's prompt %s, and this:\n\n", prompt)
	}
	say(out, "%s\n\n", w.Text())
	say(out, "Over HTTP:   %s\n             Authorization: Bearer %s\n", w.URL(), w.Key)
	say(out, "Over stdio:  %s\n", w.Stdio())
	say(out, "As JSON:     %s\n\n", w.Config())
	say(out, "Press Enter when it is done.\n")
	enter := make(chan error, 1)
	go func() { // it ends with the process: a read from a terminal cannot be called off
		_, err := bufio.NewReader(in).ReadString('\n')
		enter <- err
	}()
	select {
	case err := <-enter:
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	verdicts, err := w.Judge(ctx)
	if err != nil {
		return err
	}
	wrong := 0
	for _, v := range verdicts {
		if v.OK {
			say(out, "yes  %s\n", v.Says)
			continue
		}
		wrong++
		say(out, "NO   %s (%s)\n", v.Says, v.Why)
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d things are not as they should be", wrong, len(verdicts))
	}
	return nil
}
