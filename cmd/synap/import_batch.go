package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptrace"

	"github.com/hivellm/synap-go/core/fault"
)

// How many commands are sent at once, and about how many bytes: a longer one goes alone.
const (
	importLines = 200
	importBytes = 4 << 20
)

// add puts a command into the batch.
func (in *importing) add(ctx context.Context, n int64, c call) error {
	if len(in.batch) == importLines || in.bytes+len(c.Payload) > importBytes {
		if err := in.send(ctx, n); err != nil {
			return err
		}
	}
	in.batch, in.lines = append(in.batch, c), append(in.lines, n)
	in.bytes += len(c.Payload)
	return nil
}

// send runs the batch; next is the line after it. After a failure, unless it is to go on, it returns an error.
func (in *importing) send(ctx context.Context, next int64) error {
	if len(in.batch) == 0 {
		return nil
	}
	results, err := in.perform(ctx, in.batch)
	for i, r := range results {
		in.last = r.Payload
		if r.Error == nil {
			in.total.Done++
			continue
		}
		in.fail(in.lines[i], in.batch[i].Command, r.Error)
	}
	if err != nil {
		return unanswered(err, in.lines[len(results)], in.lines[len(in.lines)-1])
	}
	in.batch, in.lines, in.bytes = in.batch[:0], in.lines[:0], 0
	return in.goOn(next)
}

// notRun is an error after which it is certain that nothing of what was to be run was.
type notRun struct{ error }

func (e notRun) Unwrap() error { return e.error }

// unanswered says what became of the lines that the server did not answer.
func unanswered(err error, first, last int64) error {
	what := fmt.Sprintf("of the lines %d to %d it is not known which were run", first, last)
	if first == last {
		what = fmt.Sprintf("it is not known whether line %d was run", first)
	}
	if errors.As(err, new(notRun)) {
		what = fmt.Sprintf("nothing was run from line %d on; when that is mended go on with --from-line %d", first, first)
		if first == 1 {
			what = "nothing was run"
		}
	}
	return fault.Wrap(fault.CodeOf(err), err, "%s; %s", err, what)
}

// perform runs commands, in portions that the server takes. With an error it returns what was answered before.
func (in *importing) perform(ctx context.Context, commands []call) ([]reply, error) {
	within, cancel := context.WithTimeout(ctx, in.config.Timeout)
	defer cancel()
	results, err := in.server.batch(within, commands)
	switch {
	case fault.CodeOf(err) != fault.TooLarge:
		return results, err
	case len(commands) == 1:
		return []reply{{Error: fault.From(err)}}, nil
	}
	half := len(commands) / 2
	results, err = in.perform(ctx, commands[:half])
	if err != nil {
		return results, err
	}
	rest, err := in.perform(ctx, commands[half:])
	return append(results, rest...), err
}

// refuse is for a line that cannot be run at all. What stands before it is run first.
func (in *importing) refuse(ctx context.Context, n int64, command string, why *fault.Error) error {
	if err := in.send(ctx, n); err != nil {
		return err
	}
	in.last = nil
	in.fail(n, command, why)
	return in.goOn(n + 1)
}

// fail tells of a line that failed.
func (in *importing) fail(n int64, command string, err *fault.Error) {
	in.total.Failed++
	if in.first == nil {
		in.first = err
	}
	if command != "" {
		command = clip(command) + ": "
	}
	tell(in.app.stderr, "synap: line %d: %s%s\n", n, command, err.Message)
}

// goOn is an error when a line failed before the next one, and that is the end.
func (in *importing) goOn(next int64) error {
	if in.first == nil || in.keepGoing {
		return nil
	}
	return fault.New(in.first.Code, "it ends here: what stands before line %d was run, but for what failed; go on with --from-line %d",
		next, next)
}

// batch runs commands in order, each for itself, and returns what became of each.
func (s *remote) batch(ctx context.Context, commands []call) ([]reply, error) {
	body, err := encodeJSON(map[string]any{"type": "batch", "commands": commands})
	if err != nil {
		return nil, fault.From(err)
	}
	r, err := s.envelope(ctx, body)
	if err != nil {
		return nil, err
	}
	reached := false // somebody, who may have been sent some of it
	r = r.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { reached = true }}))
	resp, err := s.client.Do(r)
	switch {
	case err != nil && !reached:
		return nil, notRun{s.lost(ctx, fmt.Errorf("%w: %w", errNoServer, err))}
	case err != nil:
		return nil, s.lost(ctx, fmt.Errorf("%w: %w", errNoServer, err))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if err != nil {
		return nil, s.lost(ctx, err)
	}
	said, err := s.decode(resp, text)
	switch {
	case err != nil && said != nil && fault.CodeOf(err) != fault.Internal:
		return nil, notRun{err} // the batch as such was refused
	case err != nil:
		return nil, err
	}
	var answer struct {
		Results []reply `json:"results"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || len(answer.Results) != len(commands) {
		return nil, fault.Wrap(fault.Unavailable, err, "the server answers %d of %d commands", len(answer.Results), len(commands))
	}
	return answer.Results, nil
}
