package command

import (
	"context"
	"errors"

	"github.com/hivellm/synap-go/core/auth"
)

// lapsed is why a call that was going on ended: its caller may not go on with it.
type lapsed struct{ error }

// guard ends the context of a call that takes a while once its caller may not make it any more: the key was revoked or has
// expired, or its roles have changed. release gives back what that takes.
func (r *Request) guard(ctx context.Context, args any) (guarded context.Context, release func()) {
	if !r.Caller.MayChange() {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	caller, command, namespace := r.Caller, r.Command, r.Namespace
	stop := caller.OnChange(func() {
		if err := stillMay(caller, command, namespace, args); err != nil {
			cancel(lapsed{err})
		}
	})
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// stillMay asks again what was asked before the call began.
func stillMay(caller *auth.Identity, c *Command, namespace string, args any) error {
	now, err := caller.Now()
	if err != nil {
		return err
	}
	if _, err := now.Select(namespace); err != nil {
		return err
	}
	return c.permit(now, args)
}

// whyEnded returns, for a call that failed under guard, why its caller could not go on, if it was that; err otherwise.
func whyEnded(ctx context.Context, err error) error {
	var l lapsed
	if err != nil && errors.As(context.Cause(ctx), &l) {
		return l.error
	}
	return err
}
