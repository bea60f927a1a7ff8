package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// mustEnd is how long a program is waited for that was told to end.
const mustEnd = 10 * time.Second

// howTo is said below each task that a program does by itself.
const howTo = "Do this with the tools of the MCP server \"synap\". Nobody is here to answer questions: when it is done, or cannot be done, say so and stop.\n"

// Attempt is how a model fared.
type Attempt struct {
	Took     time.Duration
	Verdicts []Verdict
	Broke    error // why it did not end well; the judge looks all the same
	Tally          // of a model behind an endpoint: what it called
	Read     int   // tokens that such a model was charged for reading, as its endpoint counts
	Wrote    int   // and for writing
}

// Err is what is not as it should be.
func (a *Attempt) Err() error { return errors.Join(a.Broke, refused(a.Verdicts)) }

// attempt opens a task's world, has it done, and judges it.
func (s *Server) attempt(ctx context.Context, t *Task, most time.Duration, do func(ctx context.Context, w *World, a *Attempt) (broke, err error)) (a Attempt, err error) {
	ctx, cancel := context.WithTimeout(ctx, most+patience)
	defer cancel()
	w, err := s.Open(ctx, t)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, w.Close(context.WithoutCancel(ctx))) }()
	limited, enough := context.WithTimeout(ctx, most)
	defer enough()
	start := time.Now()
	a.Broke, err = do(limited, w, &a)
	a.Took = time.Since(start)
	if err != nil {
		return a, err
	}
	if limited.Err() != nil {
		a.Broke = fmt.Errorf("it was not done after %v", most)
	}
	a.Verdicts, err = w.Judge(ctx)
	return a, err
}

// Give has a program do the task that runs a model: a command line for sh. It reads what the model is told from its input, and is run in an
// empty folder. In the command line {config} is a file with the MCP servers as clients have it in their configuration, {url} and {key} are
// for HTTP, and {stdio} is the command that speaks MCP over pipes. What it writes goes to said. After most it is ended.
func (s *Server) Give(ctx context.Context, t *Task, program string, most time.Duration, said io.Writer) (Attempt, error) {
	return s.attempt(ctx, t, most, func(ctx context.Context, w *World, _ *Attempt) (broke, err error) {
		task, err := w.Brief(context.WithoutCancel(ctx)) // it takes no time that counts
		if err != nil {
			return nil, err
		}
		home, err := os.MkdirTemp("", "synap-model")
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
		here := filepath.Join(home, "here")
		config := filepath.Join(home, "mcp.json")
		if err := errors.Join(os.Mkdir(here, 0o700), os.WriteFile(config, w.Config(), 0o600)); err != nil {
			return nil, err
		}
		line := strings.NewReplacer("{config}", quoted(config), "{url}", quoted(w.URL()), "{key}", quoted(w.Key), "{stdio}", w.Stdio()).Replace(program)
		cmd := exec.CommandContext(ctx, "sh", "-c", line) //nolint:gosec // whoever plays names the program
		cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = here, strings.NewReader(task), said, said, mustEnd
		return cmd.Run(), nil
	})
}

// Brief is all that a model is told: the prompt's text, the task, and that nobody will answer.
func (w *World) Brief(ctx context.Context) (string, error) {
	if w.Task.Prompt == "" {
		return w.Text() + "\n\n" + howTo, nil
	}
	a, err := w.connect(ctx, HTTP, func(string) int { return 0 })
	if err != nil {
		return "", err
	}
	defer a.close()
	return strings.TrimSpace(a.Say+"\n\n"+w.Text()) + "\n\n" + howTo, nil
}

// mcpArgs are the arguments with which the program speaks MCP over pipes, to this world.
func (w *World) mcpArgs() []string {
	args := append(append([]string{}, w.server.Command[1:]...), "mcp", "--server", w.server.URL, "--agent", Player)
	if w.Task.Profile != "" {
		args = append(args, "--profile", w.Task.Profile)
	}
	return args
}

// Config is how a client's configuration names the server.
func (w *World) Config() []byte {
	type server struct {
		Command string            `json:"command"`
		Args    []string          `json:"args"`
		Env     map[string]string `json:"env"`
	}
	env := map[string]string{"SYNAP_KEY": w.Key}
	for _, e := range w.server.Env {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	text, err := json.Marshal(map[string]any{"mcpServers": map[string]server{"synap": {w.server.Command[0], w.mcpArgs(), env}}})
	if err != nil {
		return nil // texts always encode
	}
	return text
}

// Stdio is the command line that speaks MCP over pipes.
func (w *World) Stdio() string {
	words := []string{"env"}
	for _, e := range append([]string{"SYNAP_KEY=" + w.Key}, w.server.Env...) {
		words = append(words, quoted(e))
	}
	for _, word := range append([]string{w.server.Command[0]}, w.mcpArgs()...) {
		words = append(words, quoted(word))
	}
	return strings.Join(words, " ")
}

// quoted is one word for sh.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
