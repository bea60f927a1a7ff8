package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Server is a running server, as those who play on it know it.
type Server struct {
	URL     string
	Key     string   // may do everything
	Command []string // the program that the server is, and what goes before its arguments: for clients that start it
	Env     []string // for the program, besides this process's own
}

// Fault is an error that the server answered with.
type Fault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Error implements error.
func (f *Fault) Error() string { return f.Code + ": " + f.Message }

// do runs a command in a namespace ("" is the key's own) with a key.
func (s *Server) do(ctx context.Context, key, namespace, command, request string) (json.RawMessage, error) {
	body, err := json.Marshal(map[string]any{"type": "request", "command": command, "payload": json.RawMessage(request)})
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", command, request, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/api/v1/command", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+key)
	if namespace != "" {
		r.Header.Set("Synap-Namespace", namespace)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Status  string          `json:"status"`
		Payload json.RawMessage `json:"payload"`
		Error   *Fault          `json:"error"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", command, text, err)
	}
	if answer.Error != nil {
		return nil, answer.Error
	}
	return answer.Payload, nil
}
