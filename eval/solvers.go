package eval

import "maps"

// solvers are how a careful agent does each task, with nothing but what the server shows. A solver is no part of the judgement: it says
// that the task can be done, and what that costs.
var solvers = map[string]func(*Agent){}

func init() {
	for _, some := range []map[string]func(*Agent){keySolvers, queueSolvers, talkSolvers, memorySolvers, promptSolvers} {
		maps.Copy(solvers, some)
	}
}
