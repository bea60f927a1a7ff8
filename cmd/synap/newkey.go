package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/memory"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// newKeyVerb gives the owner of a data directory a key again. Whoever can write to the directory owns what is in it, and
// could read and change all of it by other means: the lock says that no server does so now.
func (a *app) newKeyVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use: "new", Short: "Make a key that may do everything, in a data directory that no server uses", Args: cobra.NoArgs,
		Long: "Make an API key that may do everything, in a data directory that no server uses now, and keep it in the file admin.key there, readable\n" +
			"by you only: for a restored backup, which holds hashes of keys but no key, or when all keys that may do everything are lost.\n" +
			"Keys that exist stay as they are; synap auth key list shows them.",
		RunE: a.makeNewKey,
	}
	addSettings(cmd, cmd.Flags(), "data_dir")
	return cmd
}

func (a *app) makeNewKey(cmd *cobra.Command, _ []string) error {
	config, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(config.DataDir, "log")); err != nil { // it is not for this command to make one
		return fault.Wrap(fault.NotFound, err, "%s is no data directory of a server: name one with --data-dir", config.DataDir)
	}
	log, err := a.newLog(config)
	if err != nil {
		return err
	}
	engine, store, err := openDurable(config, vfs.OS, log, memory.Options{}, nil)
	if err != nil {
		return err
	}
	key := ""
	// The store's end is part of the deed: it writes what was buffered.
	var g group
	g.add(func(ctx context.Context) error { return errors.Join(store.Run(ctx), store.Close()) })
	if err = config.recoverDurable(cmd.Context(), engine, store); err != nil {
		return errors.Join(err, store.Close())
	}
	g.add(func(ctx context.Context) (err error) {
		key, err = makeAdminKey(ctx, engine)
		return err
	})
	if err := g.run(cmd.Context()); err != nil {
		return err
	}
	path := filepath.Join(config.DataDir, adminKeyName)
	if err := writeKey(path, key); err != nil {
		return fault.Wrap(fault.Unavailable, err, "the key was made, and cannot be kept in %s: %v", path, err)
	}
	tell(a.stdout, "made a key that may do everything, in %s; the next server on this directory, and `synap` on this machine, find it\n", path)
	return nil
}
