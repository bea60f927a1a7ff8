//go:build !unix

package main

import "math"

// mostFiles is how many files and sockets the system lets this process have open: nobody says.
func mostFiles() int { return math.MaxInt }
