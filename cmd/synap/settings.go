package main

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core/fault"
)

// liveSettings take effect on SIGHUP; all others when the server starts. Certificates are read again besides, whatever
// their settings.
var liveSettings = append([]string{
	"hosts", "origins", "max_connections", "max_connections_per_address", "max_connections_per_key", "max_batch",
	"slowlog.threshold", "hotkeys", "audit.mode", "log.level", "limits.requests_per_s", "limits.burst",
	"limits.address_requests_per_s", "limits.address_burst", "limits.memory", "max_body",
}, quotaKeys()...)

// quotaKeys are the settings of quotas.
func quotaKeys() (keys []string) {
	for _, s := range limitSettings() {
		if strings.HasPrefix(s.key, "quotas.") {
			keys = append(keys, s.key)
		}
	}
	return keys
}

// secretSettings are never shown.
var secretSettings = []string{"key"}

// value is what the configuration has for a setting.
func (c *Config) value(key string) any {
	v := reflect.ValueOf(c).Elem()
	for part := range strings.SplitSeq(key, ".") {
		if v.Kind() == reflect.Map {
			found := v.MapIndex(reflect.ValueOf(part))
			if !found.IsValid() {
				return reflect.Zero(v.Type().Elem()).Interface()
			}
			v = found
			continue
		}
		if v = field(v, part); !v.IsValid() {
			panic("there is no field for the setting " + key)
		}
	}
	return v.Interface()
}

// field finds a struct's field by the name that it has in the file.
func field(v reflect.Value, name string) reflect.Value {
	for i := range v.NumField() {
		tag, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("mapstructure"), ",")
		if tag == name {
			return v.Field(i)
		}
		if options == "squash" {
			if found := field(v.Field(i), name); found.IsValid() {
				return found
			}
		}
	}
	return reflect.Value{}
}

// shown is a setting's value as it is written in a file.
func shown(v any) string {
	switch v := v.(type) {
	case string:
		return quoted(v)
	case time.Duration:
		return v.String()
	case []string:
		if len(v) == 0 {
			return "[]"
		}
		parts := make([]string, len(v))
		for i, s := range v {
			parts[i] = quoted(s)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return fmt.Sprint(v)
}

// quoted writes a text so that YAML takes it for one.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// writeSettings writes settings as a configuration file, each with what it is for.
func writeSettings(w io.Writer, keys []string, value func(setting) any) {
	open := []string{} // the sections that the line before is in
	for _, s := range sorted(keys) {
		sections := strings.Split(s.key, ".")
		name := sections[len(sections)-1]
		sections = sections[:len(sections)-1]
		common := 0
		for common < min(len(open), len(sections)) && open[common] == sections[common] {
			common++
		}
		for i := common; i < len(sections); i++ {
			tell(w, "%s%s:\n", strings.Repeat("  ", i), sections[i])
		}
		open = sections
		indent := strings.Repeat("  ", len(sections))
		text := shown(value(s))
		if slices.Contains(secretSettings, s.key) && text != "''" {
			text = "'' # it is set, and not shown"
		}
		tell(w, "%s# %s\n%s%s: %s\n", indent, s.explain(), indent, name, text)
	}
}

// explain says what the setting is for, in a line.
func (s setting) explain() string {
	text := strings.ReplaceAll(s.usage, "`", "")
	if s.choice != nil {
		text += ": " + strings.Join(s.choice, ", ")
	}
	return text
}

// sorted are the settings of those keys in an order in which sections are together: first what is in none, then each
// section as a whole.
func sorted(keys []string) (all []setting) {
	for _, s := range settings {
		if slices.Contains(keys, s.key) {
			all = append(all, s)
		}
	}
	head := func(s setting) string {
		section, _, nested := strings.Cut(s.key, ".")
		if !nested {
			return ""
		}
		return section
	}
	slices.SortStableFunc(all, func(a, b setting) int {
		if d := strings.Compare(head(a), head(b)); d != 0 {
			return d
		}
		return strings.Compare(section(a.key), section(b.key))
	})
	return all
}

// section is what of a key comes before its last part.
func section(key string) string { return key[:max(0, strings.LastIndexByte(key, '.'))] }

// configVerb is `synap config`.
func (a *app) configVerb() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check and show the configuration of a server", RunE: helpOrNoChild}
	check := &cobra.Command{
		Use: "check [file]", Short: "Say whether a configuration is right, without starting anything", Args: cobra.MaximumNArgs(1),
		Long: "Read the configuration as `synap serve` would: from the file, the environment and flags. What is wrong is said with the name of\n" +
			"the setting; files that it names, such as certificates, are looked for, and what is missing is a warning.",
		RunE: a.checkConfig,
	}
	show := &cobra.Command{
		Use: "show", Short: "Print the configuration in effect, as a file", Args: cobra.NoArgs,
		Long: "Print what the file, the environment and flags come to, as a file that `synap serve --config` takes. Secrets are left out.",
		RunE: a.showConfig,
	}
	show.Flags().Bool("defaults", false, "print the defaults instead")
	for _, verb := range []*cobra.Command{check, show} {
		addSettings(verb, verb.Flags(), without(serverKeys(), "log.level", "log.format")...)
		cmd.AddCommand(verb)
	}
	return cmd
}

// without are the keys but for some.
func without(keys []string, some ...string) []string {
	return slices.DeleteFunc(keys, func(key string) bool { return slices.Contains(some, key) })
}

func (a *app) checkConfig(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		if err := cmd.Flags().Set("config", args[0]); err != nil {
			return err
		}
	}
	c, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	if err := checkExposure(c.HTTP, !c.authOff(), c.secured()); err != nil {
		return err
	}
	peers, err := c.umicpAddress()
	if err == nil && peers != "" {
		err = checkExposure(peers, !c.authOff(), c.secured())
	}
	if err != nil {
		return err
	}
	for _, sentence := range strayEnvironment() {
		tell(a.stderr, "warning: %s\n", sentence)
	}
	if _, err := c.openCerts(nil); err != nil {
		tell(a.stderr, "warning: %s\n", fault.From(err).Message)
	}
	tell(a.stdout, "the configuration is right\n")
	return nil
}

func (a *app) showConfig(cmd *cobra.Command, _ []string) error {
	defaults, err := cmd.Flags().GetBool("defaults")
	if err != nil {
		return err
	}
	value := func(s setting) any { return s.preset }
	if !defaults {
		c, err := loadConfig(cmd)
		if err != nil {
			return err
		}
		value = func(s setting) any { return c.value(s.key) }
	}
	writeSettings(a.stdout, serverKeys(), value)
	return nil
}

// settingsPage is docs/config.md.
func settingsPage() string {
	var b strings.Builder
	b.WriteString("# Configuration\n\nMade from the table of settings by `make generate`; do not edit.\n\n" +
		"With no configuration at all everything works. What can be set has one name in four places: a flag goes before the environment, that\n" +
		"before the file (`--config FILE` or `SYNAP_CONFIG`, in YAML), that before the default. In the file a dot is a section: `tls.cert` is\n" +
		"`cert` below `tls`. Unknown names are errors that name the nearest one; in the environment they are warnings, in the log and of `synap config check`.\n\n" +
		"`synap config check FILE` says whether a file is right, `synap config show` prints what is in effect and `synap config show --defaults` a\n" +
		"file to begin with; `packaging/` has examples. On SIGHUP a server reads its configuration again: settings marked **live** take effect at\n" +
		"once, certificates are read again, and of all others that have changed the log says that they wait for a restart.\n" +
		"Lists are separated by commas in the environment and in flags. Times are written `250ms`, `30s`, `5m`.\n")
	page := func(title string, keys []string) {
		fmt.Fprintf(&b, "\n## %s\n\n| setting | default | environment | flag | |\n| --- | --- | --- | --- | --- |\n", title)
		for _, s := range sorted(keys) {
			live := ""
			if slices.Contains(liveSettings, s.key) {
				live = " **live**"
			}
			fmt.Fprintf(&b, "| `%s` | `%s` | `%s` | `--%s` | %s%s |\n", s.key, shown(s.preset), s.env(), s.flag(), s.explain(), live)
		}
	}
	page("Of a server", serverKeys())
	page("Of commands that talk to a server", clientSettings)
	return b.String()
}
