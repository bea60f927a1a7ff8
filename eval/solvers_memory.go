package eval

import (
	"fmt"
	"regexp"
)

var memorySolvers = map[string]func(*Agent){
	"remember-and-recall": func(a *Agent) {
		atlas := map[string]any{"project": "atlas"}
		a.call("synap_memory_store", Args{"text": "Deployments of the project atlas are frozen in December.", "metadata": atlas})
		found := a.call("synap_memory_search", Args{"query": "port of the staging server", "filter": atlas})
		port := regexp.MustCompile(`port (\d+)`).FindStringSubmatch(found.Get("results.0.text").Text())
		if port == nil {
			a.must(fmt.Errorf("the best result says no port: %s", found.Text()))
		}
		a.answer(port[1])
	},
	"correct-a-memory": func(a *Agent) {
		found := a.call("synap_memory_search", Args{"query": "where is the office", "response_format": "detailed"})
		best := found.Get("results.0")
		a.call("synap_memory_update", Args{
			"id": best.Get("id").Text(), "text": "The office is in Harbour Street 12.", "if_version": best.Get("version").Int(),
		})
		again := a.call("synap_memory_search", Args{"query": "office Mill Lane"})
		for _, r := range again.Get("results").List() {
			if regexp.MustCompile(`Mill Lane`).MatchString(r.Get("text").Text()) {
				a.must(fmt.Errorf("something still says so: %s", r.Text()))
			}
		}
	},
	"forget-a-project": func(a *Agent) {
		var ids []string
		a.pages("synap_memory_list", Args{"filter": map[string]any{"project": "comet"}}, func(page Answer) {
			for _, m := range page.Get("items").List() {
				ids = append(ids, m.Get("id").Text())
			}
		})
		a.call("synap_memory_delete", Args{"ids": ids})
	},
}
