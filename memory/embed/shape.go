package embed

import (
	"encoding/json"
	"errors"
	"fmt"
)

// shape is how an endpoint is talked to.
type shape interface {
	path() string    // what its address ends with
	example() string // of an address
	// request is the body that asks for the vectors of the texts.
	request(model string, texts []string) any
	// vectors takes n of them out of an answer.
	vectors(body []byte, n int) ([][]float32, error)
}

var shapes = map[string]shape{OpenAI: openAI{}, Ollama: ollama{}}

type openAI struct{}

func (openAI) path() string    { return "/embeddings" }
func (openAI) example() string { return "https://api.openai.com/v1" }

func (openAI) request(model string, texts []string) any {
	return struct {
		Model  string   `json:"model"`
		Input  []string `json:"input"`
		Format string   `json:"encoding_format"`
	}{model, texts, "float"}
}

func (openAI) vectors(body []byte, n int) ([][]float32, error) {
	var answer struct {
		Data []struct {
			Index     *int      `json:"index"`
			Embedding []float32 `json:"embedding"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	list := make([][]float32, n)
	for place, d := range answer.Data {
		if d.Index != nil { // they need not be in order
			place = *d.Index
		}
		if place < 0 || place >= n || list[place] != nil {
			return nil, fmt.Errorf("a vector has the index %d, of %d texts", place, n)
		}
		list[place] = d.Embedding
	}
	if len(answer.Data) != n {
		return nil, count(len(answer.Data), n)
	}
	return list, nil
}

type ollama struct{}

func (ollama) path() string    { return "/api/embed" }
func (ollama) example() string { return "http://127.0.0.1:11434" }

func (ollama) request(model string, texts []string) any {
	return struct {
		Model    string   `json:"model"`
		Input    []string `json:"input"`
		Truncate bool     `json:"truncate"`
	}{model, texts, true}
}

func (ollama) vectors(body []byte, n int) ([][]float32, error) {
	var answer struct {
		Embeddings [][]float32 `json:"embeddings"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	if len(answer.Embeddings) != n {
		return nil, count(len(answer.Embeddings), n)
	}
	return answer.Embeddings, nil
}

func count(got, want int) error {
	if got == 0 {
		return errors.New("there is no vector in it")
	}
	return fmt.Errorf("there are %d vectors in it, for %d texts", got, want)
}
