package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core/fault"
)

// exitCode is what the program tells the shell. The numbers are permanent.
type exitCode int

const (
	exitOK          exitCode = 0
	exitFailed      exitCode = 1
	exitUsage       exitCode = 2
	exitNotFound    exitCode = 3
	exitConflict    exitCode = 4
	exitDenied      exitCode = 5
	exitUnavailable exitCode = 6
	exitTimeout     exitCode = 7
	exitExhausted   exitCode = 8
	exitDamaged     exitCode = 9
	exitInterrupted exitCode = 130
)

// exits says what each code means and which faults lead to it; the rest are failures.
var exits = []struct {
	code  exitCode
	what  string
	codes []fault.Code
}{
	{exitOK, "it worked", nil},
	{exitFailed, "it failed", []fault.Code{fault.Internal, fault.Unsupported, fault.TooLarge}},
	{exitUsage, "the command line or the request is wrong", []fault.Code{fault.Invalid, fault.OutOfRange}},
	{exitNotFound, "there is no such thing, or the key has no value", []fault.Code{fault.NotFound}},
	{exitConflict, "it exists already, or has changed meanwhile", []fault.Code{fault.AlreadyExists, fault.Conflict}},
	{exitDenied, "you may not", []fault.Code{fault.Denied, fault.Unauthenticated}},
	{exitUnavailable, "no server answers, or it cannot serve now", []fault.Code{fault.Unavailable, fault.NotPrimary}},
	{exitTimeout, "it took too long", []fault.Code{fault.Timeout}},
	{exitExhausted, "a limit is reached; later may work", []fault.Code{fault.Exhausted}},
	{exitDamaged, "data is damaged", []fault.Code{fault.Corrupt}},
	{exitInterrupted, "it was interrupted", []fault.Code{fault.Canceled}},
}

// errSilent ends the program with a code after everything was said.
type errSilent exitCode

func (e errSilent) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func isSilent(err error) bool {
	var silent errSilent
	return errors.As(err, &silent)
}

// exitOf returns the exit code for what a command returned.
func (a *app) exitOf(ctx context.Context, err error) exitCode {
	var silent errSilent
	var known *fault.Error
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &silent):
		return exitCode(silent)
	case !errors.As(err, &known) && !a.started:
		return exitUsage // found out by the parser of the command line
	case ctx.Err() != nil:
		return exitInterrupted
	}
	code := fault.CodeOf(err)
	for _, e := range exits {
		for _, c := range e.codes {
			if c == code {
				return e.code
			}
		}
	}
	return exitFailed
}

// explain tells people what went wrong and what they can do about it.
func (a *app) explain(w io.Writer, err error) {
	var known *fault.Error
	if !errors.As(err, &known) {
		tell(w, "synap: %s\n", err)
		return
	}
	tell(w, "synap: %s\n", a.inSubcommands(known.Message))
	switch {
	case errors.Is(err, errNoServer):
		tell(w, "start one with `synap serve`, or name another with --server or SYNAP_SERVER\n")
	case known.Code == fault.Unauthenticated:
		tell(w, "give a key with SYNAP_KEY or --key; one that a server on this machine made for you is found by itself. "+
			"For a lost or restored one: synap key new --help\n")
	case known.Code == fault.Internal && errors.Unwrap(known) != nil:
		tell(w, "cause: %v\n", errors.Unwrap(known))
	}
}

// tell writes for people. When nobody can read it there is nothing left to do about it.
func tell(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

// exitTopic is `synap help exit-codes`.
func exitTopic() *cobra.Command {
	var text strings.Builder
	tell(&text, "Every command ends with one of these exit codes:\n\n")
	for _, e := range exits {
		names := make([]string, len(e.codes))
		for i, c := range e.codes {
			names[i] = c.String()
		}
		tell(&text, "  %3d  %s", int(e.code), e.what)
		if len(names) > 0 {
			tell(&text, " (%s)", strings.Join(names, ", "))
		}
		tell(&text, "\n")
	}
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: text.String()}
}
