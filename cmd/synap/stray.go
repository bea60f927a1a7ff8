package main

import (
	"os"
	"slices"
	"strings"

	"github.com/hivellm/synap-go/core/command"
)

// strayEnvironment says of each variable that begins like those of Synap and means nothing to it that this is so: a
// setting that is misspelt there would otherwise be passed over without a word. It is no error, as others set such variables, too.
func strayEnvironment() (said []string) {
	known := []string{"SYNAP_CONFIG", "SYNAP_EMBEDDER_API_KEY"}
	for _, s := range settings {
		known = append(known, s.env())
	}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "SYNAP_") || slices.Contains(known, name) || slices.ContainsFunc(foreignEnvironment, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		sentence := "the environment has " + name + ", which is no setting"
		if near := command.Nearest(strings.ToLower(name), lower(known)); near != "" {
			sentence += "; did you mean " + strings.ToUpper(near) + "?"
		}
		said = append(said, sentence)
	}
	slices.Sort(said)
	return said
}

// foreignEnvironment are beginnings of names that are not settings and not mistakes: keys for peers, what tests are told, and what
// Kubernetes tells every pod about a service that is called synap.
var foreignEnvironment = []string{"SYNAP_PEER_KEY_", "SYNAP_TEST_", "SYNAP_TORTURE", "SYNAP_SERVICE_", "SYNAP_PORT"}

func lower(names []string) []string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = strings.ToLower(n)
	}
	return all
}
