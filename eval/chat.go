package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
)

// Bounds of a talk with a model.
const (
	maxTurns      = 100      // answers of the model; one that still calls tools then is not done
	maxReplyBytes = 16 << 20 // of one answer
)

// Model is a model behind an endpoint of the kind that OpenAI's chat completions have and most programs offer that serve models.
type Model struct {
	URL  string // before /chat/completions
	Name string
	Key  string // "" is none
}

// chat is one message of a talk.
type chat struct {
	Role    string   `json:"role"`
	Content string   `json:"content"`
	Calls   []asking `json:"tool_calls,omitempty"`
	Answers string   `json:"tool_call_id,omitempty"` // which call it answers
}

// asking is a call that the model wants to be made.
type asking struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"` // JSON
	} `json:"function"`
}

// reply is what an endpoint answers.
type reply struct {
	Choices []struct {
		Message chat `json:"message"`
	} `json:"choices"`
	Usage struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
	} `json:"usage"`
}

// Ask has a model do the task with the server's tools, which it is shown as a client shows them: with what the server says of itself before, and one
// after the other as it calls them. All that is said goes to said. After most it is not asked any more.
func (s *Server) Ask(ctx context.Context, t *Task, m Model, most time.Duration, tokens func(string) int, said io.Writer) (Attempt, error) {
	return s.attempt(ctx, t, most, func(ctx context.Context, w *World, a *Attempt) (broke, err error) {
		task, err := w.Brief(context.WithoutCancel(ctx)) // it takes no time that counts
		if err != nil {
			return nil, err
		}
		agent, err := w.connect(context.WithoutCancel(ctx), HTTP, tokens)
		if err != nil {
			return nil, err
		}
		defer agent.close()
		talk := &talk{model: m, agent: agent, said: said, attempt: a}
		talk.add(chat{Role: "system", Content: agent.guide})
		talk.add(chat{Role: "user", Content: task})
		broke = talk.run(ctx)
		a.Tally = agent.Tally
		return broke, nil
	})
}

// talk is a model at work. One goroutine has it.
type talk struct {
	model    Model
	agent    *Agent
	said     io.Writer
	attempt  *Attempt
	messages []chat
}

// add says something, and keeps it for people to read.
func (t *talk) add(m chat) {
	t.messages = append(t.messages, m)
	_, _ = fmt.Fprintf(t.said, "== %s\n%s\n", m.Role, m.Content) // it is for people
	for _, c := range m.Calls {
		_, _ = fmt.Fprintf(t.said, "-> %s %s\n", c.Function.Name, c.Function.Arguments)
	}
}

// run goes on until the model calls nothing any more.
func (t *talk) run(ctx context.Context) error {
	for range maxTurns {
		m, err := t.ask(ctx)
		if err != nil {
			return err
		}
		t.add(m)
		if len(m.Calls) == 0 {
			return nil
		}
		for _, c := range m.Calls {
			t.add(chat{Role: "tool", Content: t.call(ctx, c), Answers: c.ID})
		}
	}
	return fmt.Errorf("it still calls tools after %d answers", maxTurns)
}

// call makes a call for the model, and returns what it is told of it.
func (t *talk) call(ctx context.Context, c asking) string {
	r := mcp.CallToolRequest{}
	r.Params.Name = c.Function.Name
	var arguments map[string]any
	if text := strings.TrimSpace(c.Function.Arguments); text != "" {
		if err := json.Unmarshal([]byte(text), &arguments); err != nil {
			return "the arguments are no JSON object: " + err.Error()
		}
	}
	r.Params.Arguments = arguments
	got, err := t.agent.client.CallTool(ctx, r)
	if err != nil {
		t.agent.Tally.Calls++
		t.agent.Tally.Errors++
		return err.Error()
	}
	var text string
	for _, part := range got.Content {
		if part, ok := part.(mcp.TextContent); ok {
			text += part.Text
		}
	}
	t.agent.count(text)
	if got.IsError {
		t.agent.Tally.Errors++
	}
	return text
}

// ask has the model say the next thing.
func (t *talk) ask(ctx context.Context) (chat, error) {
	type function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
	}
	type offered struct {
		Type     string   `json:"type"`
		Function function `json:"function"`
	}
	var tools []offered
	for _, f := range t.agent.shown {
		tools = append(tools, offered{"function", function{f.Name, f.Description, f.InputSchema}})
	}
	body, err := json.Marshal(map[string]any{"model": t.model.Name, "messages": t.messages, "tools": tools})
	if err != nil {
		return chat{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(t.model.URL, "/")+"/chat/completions", bytes.NewReader(body))
	if err != nil {
		return chat{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	if t.model.Key != "" {
		r.Header.Set("Authorization", "Bearer "+t.model.Key)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return chat{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxReplyBytes))
	if err != nil {
		return chat{}, err
	}
	if answer.StatusCode != http.StatusOK {
		return chat{}, fmt.Errorf("the model's endpoint: %s: %.500s", answer.Status, text)
	}
	var got reply
	if err := json.Unmarshal(text, &got); err != nil || len(got.Choices) == 0 {
		return chat{}, errors.Join(fmt.Errorf("the model's endpoint answers with no message: %.500s", text), err)
	}
	t.attempt.Read += got.Usage.Prompt
	t.attempt.Wrote += got.Usage.Completion
	m := got.Choices[0].Message
	m.Role = "assistant"
	return m, nil
}
