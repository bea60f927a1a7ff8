package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core/fault"
)

// healthVerb asks a server how it is, for supervisors that can only run a program.
func (a *app) healthVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use: "health", Short: "Ask whether a server can serve, for health checks", Args: cobra.NoArgs,
		Long: "Ask the server at --server whether it can serve: it has all its data, and its disk is well. Nothing but the exit code says so, and a\n" +
			"line when it cannot. With --live it is enough that it is alive. No key is needed.",
		RunE: a.health,
	}
	cmd.Flags().Bool("live", false, "ask only whether it is alive")
	addSettings(cmd, cmd.Flags(), "server", "timeout")
	return cmd
}

func (a *app) health(cmd *cobra.Command, _ []string) error {
	c, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	live, err := cmd.Flags().GetBool("live")
	if err != nil {
		return err
	}
	path := "/ready"
	if live {
		path = "/health"
	}
	s := newRemote(c, a.table)
	defer s.close()
	if s.broken != nil {
		return s.broken
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), c.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return err
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return s.lost(ctx, fmt.Errorf("%w: %w", errNoServer, err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	switch {
	case err != nil:
		return fault.Wrap(fault.Unavailable, err, "the answer of %s breaks off", c.Server)
	case resp.StatusCode == http.StatusOK:
		return nil
	}
	if _, err := s.decode(resp, body); err != nil {
		return err
	}
	return fault.New(fault.Unavailable, "%s answers with status %d", c.Server, resp.StatusCode)
}
