package synaptest

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core/fault"
)

// patience is how long an answer after ~ may fail to come before the story is given up. It is no measure of anything.
const patience = time.Minute

// Play tells every story to a fresh server. open is called for each story and may use t.Cleanup.
func Play(t *testing.T, open func(t *testing.T) Door) {
	t.Helper()
	for _, story := range Stories(t) {
		t.Run(story.Name, func(t *testing.T) { story.Play(t, open(t)) })
	}
}

// Play tells the story to a fresh server.
func (s *Story) Play(t *testing.T, door Door) {
	t.Helper()
	stage := &stage{door: door, clients: map[string]Player{}, waiting: map[string]*asked{}, names: map[string]any{}}
	for _, step := range s.Steps {
		stage.play(t, &step)
	}
}

// stage is a story that is being played.
type stage struct {
	door    Door
	clients map[string]Player
	waiting map[string]*asked // who has not been answered, by the client
	names   map[string]any    // what the <names> stand for
}

// asked is a request and, when done is closed, what it was answered.
type asked struct {
	command, request string
	answer           []byte
	err              error
	done             chan struct{}
}

// ask sends a client's request and returns at once.
func (g *stage) ask(t *testing.T, s *Step) *asked {
	t.Helper()
	player := g.clients[s.Client]
	if player == nil {
		player = g.door()
		g.clients[s.Client] = player
	}
	a := &asked{command: s.Command, request: s.Request, done: make(chan struct{})}
	a.request = placeholder.ReplaceAllStringFunc(s.Request, func(name string) string {
		if v, known := g.names[name]; known {
			return fmt.Sprint(v)
		}
		return name
	})
	if a.request == "" {
		a.request = "{}"
	}
	go func() {
		defer close(a.done)
		a.answer, a.err = player.Play(t.Context(), a.command, []byte(a.request))
	}()
	return a
}

func (g *stage) play(t *testing.T, s *Step) {
	t.Helper()
	a := g.waiting[s.Client]
	delete(g.waiting, s.Client)
	if s.Command != "" {
		a = g.ask(t, s)
	}
	if s.Want == later {
		g.waiting[s.Client] = a
		return
	}
	<-a.done
	wrong := s.judge(a, g.names)
	if strings.HasPrefix(s.Want, "~ ") {
		for given := time.Now().Add(patience); wrong != nil && time.Now().Before(given); {
			runtime.Gosched() // who is waited for may need this processor
			a = g.ask(t, s)
			<-a.done
			wrong = s.judge(a, g.names)
		}
	}
	if wrong != nil {
		t.Errorf("%s: %s %s\n %v\n want %s", s.Where, a.command, a.request, wrong, s.Want)
	}
}

var placeholder = regexp.MustCompile(`<[a-z]+>`)

// judge returns what is wrong with an answer. An answer that is right gives its names their meaning.
func (s *Step) judge(a *asked, names map[string]any) error {
	if code, message, failing := s.failure(); failing {
		if e := fault.From(a.err); e == nil || e.Code.String() != code || !strings.Contains(e.Message, message) {
			return fmt.Errorf("got  %s", show(a.answer, a.err))
		}
		return nil
	}
	if a.err != nil {
		return fmt.Errorf("got  %s", show(nil, a.err))
	}
	got, err := decode(a.answer)
	if err != nil {
		return fmt.Errorf("the answer is not JSON: %q", a.answer)
	}
	want, err := decode(s.wanted())
	if err != nil {
		return fmt.Errorf("the expected answer is not JSON: %w", err)
	}
	meaning := maps.Clone(names)
	if !matches(got, want, meaning) {
		return fmt.Errorf("got  %s", a.answer)
	}
	maps.Copy(names, meaning)
	return nil
}

// wanted is the answer that is expected, as JSON.
func (s *Step) wanted() json.RawMessage {
	return placeholder.ReplaceAll([]byte(strings.TrimPrefix(s.Want, "~ ")), []byte(`"$0"`))
}
