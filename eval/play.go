package eval

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// patience is how long a task may take, on the slowest of machines.
const patience = 5 * time.Minute

// Score is how a scripted solver fared.
type Score struct {
	Task *Task
	Over Transport
	Tally
}

// Play has the task's scripted solver do it, and the judge look at what came of it.
func (s *Server) Play(ctx context.Context, t *Task, over Transport, tokens func(string) int) (score Score, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	score = Score{Task: t, Over: over}
	solve := solvers[t.ID]
	if solve == nil {
		return score, errors.New("there is no solver for it")
	}
	w, err := s.Open(ctx, t)
	if err != nil {
		return score, err
	}
	defer func() { err = errors.Join(err, w.Close(ctx)) }()
	a, err := w.connect(ctx, over, tokens)
	if err != nil {
		return score, err
	}
	err = a.run(solve)
	a.close()
	score.Tally = a.Tally
	if err != nil {
		return score, err
	}
	verdicts, err := w.Judge(ctx)
	if err != nil {
		return score, err
	}
	return score, refused(verdicts)
}

// run runs a solver.
func (a *Agent) run(solve func(*Agent)) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case stuck:
			err = fmt.Errorf("the solver is stuck: %w", p.error)
		default:
			panic(p)
		}
	}()
	solve(a)
	return nil
}

// Doubt judges the judge: it has to refuse a world in which nothing was done, and every way of doing it wrong.
func (s *Server) Doubt(ctx context.Context, t *Task) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, m := range append([]Misuse{{Says: "nothing was done"}}, t.Wrong...) {
		if err := s.misuse(ctx, t, m); err != nil {
			return fmt.Errorf("%s: %w", m.Says, err)
		}
	}
	return nil
}

func (s *Server) misuse(ctx context.Context, t *Task, m Misuse) (err error) {
	w, err := s.Open(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close(ctx)) }()
	if _, err := w.run(ctx, m.Steps); err != nil {
		return err
	}
	verdicts, err := w.Judge(ctx)
	if err != nil {
		return err
	}
	if refused(verdicts) == nil {
		return errors.New("the judge accepts it")
	}
	return nil
}
