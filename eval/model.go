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

// Attempt is how a model fared that a program runs.
type Attempt struct {
	Took     time.Duration
	Verdicts []Verdict
	Broke    error // why the program did not end well; the judge looks all the same
}

// Err is what is not as it should be.
func (a *Attempt) Err() error { return errors.Join(a.Broke, refused(a.Verdicts)) }

// Give has a program do the task that runs a model: a command line for sh. It reads what the model is told from its input, and is run in an
// empty folder. In the command line {config} is a file with the MCP servers as clients have it in their configuration, {url} and {key} are
// for HTTP, and {stdio} is the command that speaks MCP over pipes. What it writes goes to said. After most it is ended.
func (s *Server) Give(ctx context.Context, t *Task, program string, most time.Duration, said io.Writer) (a Attempt, err error) {
	ctx, cancel := context.WithTimeout(ctx, most+patience)
	defer cancel()
	w, err := s.Open(ctx, t)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, w.Close(context.WithoutCancel(ctx))) }()
	task, err := w.Brief(ctx)
	if err != nil {
		return a, err
	}
	home, err := os.MkdirTemp("", "synap-model")
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	here := filepath.Join(home, "here")
	config := filepath.Join(home, "mcp.json")
	if err := errors.Join(os.Mkdir(here, 0o700), os.WriteFile(config, w.Config(), 0o600)); err != nil {
		return a, err
	}
	line := strings.NewReplacer("{config}", quoted(config), "{url}", quoted(w.URL()), "{key}", quoted(w.Key), "{stdio}", w.Stdio()).Replace(program)
	start := time.Now()
	a.Broke = runFor(ctx, most, line, here, task, said)
	a.Took = time.Since(start)
	a.Verdicts, err = w.Judge(ctx)
	return a, err
}

// runFor runs a command line for so long at most.
func runFor(ctx context.Context, most time.Duration, line, here, input string, said io.Writer) error {
	limited, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	cmd := exec.CommandContext(limited, "sh", "-c", line) //nolint:gosec // whoever plays names the program
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = here, strings.NewReader(input), said, said, mustEnd
	err := cmd.Run()
	if limited.Err() != nil {
		return fmt.Errorf("it was not done after %v", most)
	}
	return err
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
