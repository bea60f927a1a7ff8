//go:build race

package main

// underRace: the race detector multiplies what everything costs.
const underRace = true
