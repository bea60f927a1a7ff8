package main

import (
	"context"
	"os"
	"os/signal"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/audit"
	"github.com/hivellm/synap-go/http"
)

// reloader takes in a changed configuration while the server runs.
type reloader struct {
	server  *server
	log     *logrus.Logger
	read    func() (*Config, error)
	started *Config // with which the server was started
	current *Config // the live settings of which are in effect
}

// run reloads at every SIGHUP until the context ends.
func (r *reloader) run(ctx context.Context) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	defer signal.Stop(signals)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-signals:
			r.reload()
		}
	}
}

// reload reads the configuration again. What it says of live settings takes effect, all or nothing; of the others it is
// said that they wait for a restart.
func (r *reloader) reload() {
	fresh, err := r.read()
	if err != nil {
		r.log.WithError(err).Error("the configuration was not reloaded: it is wrong; what was in effect stays so")
		return
	}
	live, waiting := changes(r.started, r.current, fresh)
	r.current = fresh
	r.server.adapt(fresh, r.log)
	if r.server.certs != nil {
		if changed, err := r.server.certs.Reload(); changed {
			noteCerts(r.log, err)
		}
	}
	if len(live) > 0 {
		r.log.WithField("changed", strings.Join(live, ", ")).Info("the configuration was reloaded")
	} else {
		r.log.Info("the configuration was reloaded; nothing in it has changed that takes effect now")
	}
	if len(waiting) > 0 {
		r.log.WithField("settings", strings.Join(waiting, ", ")).Warn("these settings have changed and take effect at the next start")
	}
}

// changes are the live settings that have changed, and the others that differ from those with which the server runs.
func changes(started, current, fresh *Config) (live, waiting []string) {
	for _, key := range serverKeys() {
		is := fresh.value(key)
		if slices.Contains(liveSettings, key) {
			if !reflect.DeepEqual(is, current.value(key)) {
				live = append(live, key)
			}
		} else if !reflect.DeepEqual(is, started.value(key)) {
			waiting = append(waiting, key)
		}
	}
	return live, waiting
}

// adapt has the server heed the live settings.
func (s *server) adapt(c *Config, log *logrus.Logger) {
	if level, err := logrus.ParseLevel(c.Log.Level); err == nil { // validate has seen to it
		log.SetLevel(level)
	}
	s.clients.Limit(c.connectionLimits())
	s.http.Change(http.Changeable{AllowedHosts: c.Hosts, AllowedOrigins: c.Origins, MaxBatch: c.MaxBatch, MaxBodyBytes: c.MaxBody})
	s.umicp.SetMaxBytes(c.MaxBody)
	s.addresses.SetRate(c.addressRate())
	if s.audit != nil {
		s.audit.SetMode(audit.Mode(c.Audit.Mode))
	}
	if err := s.engine.SetLimits(c.limits()); err != nil {
		log.WithError(err).Error("the limits stay what they were")
	} else if debug.SetMemoryLimit(c.heapLimit()); c.Limits.Memory > 0 {
		dropBallast()
	}
	s.operate(c, log)
}
