package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

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
	if err != nil {
		return fault.Wrap(fault.CodeOf(err), err, "%s; of the lines %d to %d it is not known which were run",
			err, in.lines[0], in.lines[len(in.lines)-1])
	}
	for i, r := range results {
		in.last = r.Payload
		if r.Error == nil {
			in.total.Done++
			continue
		}
		in.fail(in.lines[i], in.batch[i].Command, r.Error)
	}
	in.batch, in.lines, in.bytes = in.batch[:0], in.lines[:0], 0
	return in.goOn(next)
}

// perform runs commands, in portions that the server takes.
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
		return nil, err
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
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, s.lost(ctx, fmt.Errorf("%w: %w", errNoServer, err))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if err != nil {
		return nil, s.lost(ctx, err)
	}
	if _, err := s.decode(resp, text); err != nil {
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
