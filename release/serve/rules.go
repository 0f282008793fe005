package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/hook"
)

// Rules are the webhooks of apps, in a directory: for each app one with its rule, the
// secret of its deliveries, and the token of its forge if it has one. Only the user can read them.
type Rules struct{ Dir string }

// The files of an app.
const (
	ruleFile   = "rule.json"
	secretFile = "secret"
	forgeFile  = "token"
)

// Read reads the rule of an app; fs.ErrNotExist is for one that has none.
func (r Rules) Read(app string) (rule hook.Rule, err error) {
	if err := release.CheckApp(app); err != nil {
		return rule, err
	}
	dir := filepath.Join(r.Dir, app)
	content, err := os.ReadFile(filepath.Join(dir, ruleFile))
	if err != nil {
		return rule, fmt.Errorf("reading the webhook of %s: %w", app, err)
	}
	if err := json.Unmarshal(content, &rule); err != nil {
		return rule, fmt.Errorf("reading the webhook of %s: %s: %w", app, filepath.Join(dir, ruleFile), err)
	}
	rule.App = app
	secret, err := os.ReadFile(filepath.Join(dir, secretFile))
	if err != nil {
		return rule, fmt.Errorf("reading the webhook of %s: %w", app, err)
	}
	token, err := os.ReadFile(filepath.Join(dir, forgeFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return rule, fmt.Errorf("reading the webhook of %s: %w", app, err)
	}
	rule.Secret, rule.Token = strings.TrimSpace(string(secret)), strings.TrimSpace(string(token))
	return rule, rule.Check()
}

// SecretFile is the file with the secret of an app's deliveries.
func (r Rules) SecretFile(app string) string { return filepath.Join(r.Dir, app, secretFile) }

// Token is the token that opens a repository; empty where none is known.
func (r Rules) Token(repository string) (string, error) {
	entries, err := os.ReadDir(r.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading the webhooks: %w", err)
	}
	for _, entry := range entries {
		rule, err := r.Read(entry.Name())
		if err == nil && rule.Repository == repository && rule.Token != "" {
			return rule.Token, nil
		}
	}
	return "", nil
}

// Write keeps the rule of an app. An empty token removes the one that was there.
func (r Rules) Write(rule hook.Rule) error {
	if err := rule.Check(); err != nil {
		return err
	}
	dir := filepath.Join(r.Dir, rule.App)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keeping the webhook of %s: %w", rule.App, err)
	}
	content, err := json.MarshalIndent(rule, "", "  ")
	if err != nil {
		return err
	}
	files := []struct{ name, content string }{{secretFile, rule.Secret + "\n"}, {ruleFile, string(content) + "\n"}}
	if rule.Token != "" {
		files = append(files, struct{ name, content string }{forgeFile, rule.Token + "\n"})
	} else if err := os.Remove(filepath.Join(dir, forgeFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keeping the webhook of %s: %w", rule.App, err)
	}
	for _, f := range files {
		if err := writePrivate(filepath.Join(dir, f.name), []byte(f.content)); err != nil {
			return fmt.Errorf("keeping the webhook of %s: %w", rule.App, err)
		}
	}
	return nil
}

// writePrivate writes a file that only the user can read, whole or not at all.
func writePrivate(file string, content []byte) error {
	dir := filepath.Dir(file)
	f, err := os.CreateTemp(dir, beside.Prefix)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return beside.SyncDir(dir)
}
