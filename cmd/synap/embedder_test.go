package main

import (
	"strings"
	"testing"
)

// TestEmbedderSettings refuses what no embedder can be, and keeps its key out of what is set.
func TestEmbedderSettings(t *testing.T) {
	for _, c := range []struct {
		name string
		set  map[string]string
		want string // of the error; "" is none
	}{
		{"none", nil, ""},
		{"complete", map[string]string{"KIND": "ollama", "URL": "http://127.0.0.1:11434", "MODEL": "m", "TIMEOUT": "5s"}, ""},
		{"no model", map[string]string{"KIND": "openai", "URL": "https://api.openai.com/v1"}, "embedder.model"},
		{"no address", map[string]string{"KIND": "ollama", "MODEL": "m"}, "embedder.url"},
		{"a secret in the address", map[string]string{"KIND": "ollama", "MODEL": "m", "URL": "http://me:secret@host"}, "environment"},
		{"another kind", map[string]string{"KIND": "magic"}, "magic"},
		{"a dimension", map[string]string{"KIND": "ollama", "MODEL": "m", "URL": "http://host", "DIMENSION": "-1"}, "embedder.dimension"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(embedderKey, "sk-secret")
			for k, v := range c.set {
				t.Setenv("SYNAP_EMBEDDER_"+k, v)
			}
			config, err := loadWith(t)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if got := config.Embedder.options().Key; got != "sk-secret" {
					t.Errorf("the key is %q", got)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret@") {
				t.Errorf("it says %v, want %q", err, c.want)
			}
		})
	}
	for _, s := range settings {
		if strings.Contains(s.key, "api_key") {
			t.Errorf("%s is a setting, and so a flag that others see", s.key)
		}
	}
}
