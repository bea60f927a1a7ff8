package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// outcome is how a call ended: with an answer, or with an error and the text that explains it to a model.
type outcome struct {
	answer json.RawMessage // compact JSON without nulls; nil after an error
	fault  *fault.Error
	lesson string // what a model is told of the fault
}

type profileKey struct{}

// withProfile makes the profile that the client chose known to what it calls.
func withProfile(ctx context.Context, p *profile) context.Context {
	return context.WithValue(ctx, profileKey{}, p)
}

// profileOf returns the profile that the client chose.
func profileOf(ctx context.Context) *profile { return ctx.Value(profileKey{}).(*profile) }

// call runs a tool as the caller whom the context carries.
func (s *Server) call(ctx context.Context, t *tool, raw json.RawMessage) (result outcome) {
	p := profileOf(ctx)
	var args arguments
	answer, err := s.try(ctx, t, p, raw, &args)
	if err == nil {
		return outcome{answer: answer}
	}
	f := fault.From(err)
	if f.Code == fault.Internal {
		s.log.WithError(cause(f)).WithField("tool", t.name()).Error("a tool failed")
	}
	return outcome{fault: f, lesson: t.teach(f, raw, args, s.toolsOf(ctx))}
}

// try is call up to what a model is told. args are set as far as they were understood.
func (s *Server) try(ctx context.Context, t *tool, p *profile, raw json.RawMessage, args *arguments,
) (answer json.RawMessage, err error) {
	defer func() {
		if bug := recover(); bug != nil {
			err = fault.Wrap(fault.Internal, fmt.Errorf("panic: %v\n%s", bug, debug.Stack()), "internal error")
		}
	}()
	if id := auth.FromContext(ctx); id.Profile != "" && !p.has(t) {
		return nil, fault.New(fault.Denied, "%s is not in the profile %q, which is all that this key is for", t.name(), p.name).With("allowed", p.names())
	}
	if !p.has(t) {
		return nil, fault.New(fault.Unsupported, "%s is not in the profile %q that this client chose", t.name(), p.name).
			With("profile", p.name).With("allowed", p.names())
	}
	if id := auth.FromContext(ctx); !t.may(id) {
		return nil, t.hidden(id, s.toolsOf(ctx))
	}
	if *args, err = t.read(raw); err != nil {
		return nil, err
	}
	payload := t.request(*args)
	resp, err := s.run(ctx, &command.Request{Caller: auth.FromContext(ctx), Command: t.command, Payload: payload})
	if err != nil {
		return nil, err
	}
	if answer, err = t.present(resp); err != nil || !tooLong(answer) {
		return answer, err
	}
	return s.fit(ctx, t, payload, answer)
}

// run executes the request. A watch answers with what there is, and waits no longer than it was asked to. A call
// that is waiting when the door closes ends with Unavailable.
func (s *Server) run(ctx context.Context, r *command.Request) (resp any, err error) {
	if isOver(r.Command) {
		return s.executor.Do(ctx, r) // it is over at once
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.calls, func() { cancel(errStopping) })()
	if r.Command.Kind == command.KindWatch {
		resp, err = command.Collect(ctx, s.executor, r)
	} else {
		resp, err = s.executor.Do(ctx, r)
	}
	if err != nil && errors.Is(context.Cause(ctx), errStopping) {
		return nil, fault.Wrap(fault.Unavailable, err, "the server is stopping")
	}
	return resp, err
}

// cause is what happened inside; it is for the log only.
func cause(f *fault.Error) error {
	if inside := f.Unwrap(); inside != nil {
		return inside
	}
	return f
}
