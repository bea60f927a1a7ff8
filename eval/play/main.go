// Command play has the tasks for agents done on a server of its own.
//
// Without -task the scripted solvers do them all, over HTTP and over stdio, the judges are judged, and a table says what each took. With
// -task it tells the task to whoever is to do it, offers the server, waits for Enter, and says what the judge found. With -model a program
// that runs a model, or with -chat a model behind an endpoint, does all of them, or the one, and the judge looks when it has ended.
//
// It owns the server process that it starts, and the folder that this has for a home; both are gone when it ends.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/tiktoken-go/tokenizer"

	"github.com/hivellm/synap-go/eval"
)

type options struct {
	synap string // the program
	task  string // to be done by hand; "" is all, by their solvers
	over  string
	list  bool
	model string        // the command line of a program that runs a model, or with chat the model's name; "" is none
	chat  string        // the endpoint of the model; "" is none
	most  time.Duration // how long it may take over a task
}

func main() {
	var o options
	flag.StringVar(&o.synap, "synap", "", "the program; built from here when absent")
	flag.StringVar(&o.task, "task", "", "the task to be done by hand")
	flag.StringVar(&o.over, "over", "http,stdio", "how the scripted solvers connect")
	flag.BoolVar(&o.list, "list", false, "only list the tasks")
	flag.StringVar(&o.model, "model", "", "a command that runs a model: it reads the task, and has {config}, {url}, {key} and {stdio} to reach the server")
	flag.StringVar(&o.chat, "chat", "", "where chat completions are answered as by OpenAI: -model is then the model's name, and CHAT_KEY the key")
	flag.DurationVar(&o.most, "most", 10*time.Minute, "how long the model may take over a task")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdin, os.Stdout); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "play:", err)
		os.Exit(1) //nolint:gocritic // stop has run
	}
}

func run(ctx context.Context, o options, in io.Reader, out io.Writer) error {
	tasks, err := eval.Tasks()
	if err != nil {
		return err
	}
	if o.list {
		for _, t := range tasks {
			say(out, "%-24s %s\n", t.ID, t.Title)
		}
		return nil
	}
	if o.chat != "" && o.model == "" {
		return errors.New("-chat says where a model is, and -model which one")
	}
	if tasks, err = only(tasks, o.task); err != nil {
		return err
	}
	home, err := os.MkdirTemp("", "synap-eval")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(home) }()
	on, end, err := serve(ctx, o.synap, home)
	if err != nil {
		return err
	}
	defer end()
	switch {
	case o.model != "":
		give, err := trying(o, on)
		if err != nil {
			return err
		}
		return playModel(ctx, tasks, give, out)
	case o.task != "":
		return byHand(ctx, on, tasks[0], in, out)
	}
	return playAll(ctx, on, tasks, strings.Split(o.over, ","), out)
}

// only is the task of that id, or all without one.
func only(tasks []*eval.Task, id string) ([]*eval.Task, error) {
	if id == "" {
		return tasks, nil
	}
	for _, t := range tasks {
		if t.ID == id {
			return []*eval.Task{t}, nil
		}
	}
	return nil, fmt.Errorf("there is no task %q; -list lists them", id)
}

// say writes for people. A terminal that went away is nobody's error.
func say(out io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }

var address = regexp.MustCompile(`http://[0-9.:]+`)

// serve starts a server that keeps nothing.
func serve(ctx context.Context, program, home string) (on *eval.Server, end func(), err error) {
	if program == "" {
		program = filepath.Join(home, "bin", "synap")
		build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/synap") //nolint:gosec // the folder is ours
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return nil, nil, fmt.Errorf("build ./cmd/synap: %w", err)
		}
	}
	if program, err = filepath.Abs(program); err != nil {
		return nil, nil, err
	}
	env := []string{"HOME=" + home, "XDG_CONFIG_HOME=" + home}
	server := exec.Command(program, "serve", "--memory", "--http", "127.0.0.1:0", "--log-level", "error") //nolint:gosec // named by whoever plays
	server.Env = append(os.Environ(), env...)
	server.Stderr = os.Stderr
	lines, err := server.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := server.Start(); err != nil {
		return nil, nil, err
	}
	end = func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		_ = server.Wait()
	}
	first, err := bufio.NewReader(lines).ReadString('\n')
	url := address.FindString(first)
	if err != nil || url == "" {
		end()
		return nil, nil, fmt.Errorf("the server says %q, %w", first, errors.Join(err, errors.New("and no address")))
	}
	ask := exec.CommandContext(ctx, program, "key", "--server", url) //nolint:gosec // as above
	ask.Env = server.Env
	key, err := ask.Output()
	if err != nil {
		end()
		return nil, nil, fmt.Errorf("the server's key: %w", err)
	}
	return &eval.Server{URL: url, Key: strings.TrimSpace(string(key)), Command: []string{program}, Env: env}, end, nil
}

// counting counts in tokens of o200k, as the tests do.
func counting() (func(string) int, error) {
	encoding, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		return nil, err
	}
	return func(text string) int {
		ids, _, err := encoding.Encode(text)
		if err != nil {
			return 0 // any text can be encoded
		}
		return len(ids)
	}, nil
}
