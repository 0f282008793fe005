package rust

import (
	"errors"
	"io/fs"
	"path"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// appConfig is what the app's own configuration of Cargo says (The Cargo Book,
// "Configuration"), as far as it decides how slugc runs Cargo.
type appConfig struct {
	// targetFlags tells that it has flags of rustc for a target, which stand in
	// the place of those for all.
	targetFlags bool
	// target is another system to build for, and file where that stands.
	target, file string
	// replaced is the directory that stands for the registry, "" for none: a way
	// from the app.
	replaced string
}

// configFiles are the names of a configuration, the first counts.
func configFiles() []string { return []string{".cargo/config", ".cargo/config.toml"} }

// readConfig reads the configuration at and above the app, the nearest first.
func (p project) readConfig() (appConfig, error) {
	var c appConfig
	for way := "."; p.inSource(way); way = path.Join("..", way) {
		for _, name := range configFiles() {
			data, err := appfile.Read(p.at(way), name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return c, err
			}
			if err := c.add(way, path.Join(way, name), data); err != nil {
				return c, err
			}
			break
		}
	}
	return c, nil
}

// add reads one file.
func (c *appConfig) add(way, name string, data []byte) error {
	var file struct {
		Build struct {
			Target any `toml:"target"`
		} `toml:"build"`
		Target map[string]map[string]any `toml:"target"`
		Source map[string]struct {
			ReplaceWith string `toml:"replace-with"`
			Directory   string `toml:"directory"`
		} `toml:"source"`
	}
	if err := appfile.TOML(name, data, &file); err != nil {
		return err
	}
	if target, is := file.Build.Target.(string); is && c.target == "" {
		c.target, c.file = target, name
	}
	for _, table := range file.Target {
		_, has := table["rustflags"]
		c.targetFlags = c.targetFlags || has
	}
	seen := map[string]bool{}
	for from := "crates-io"; c.replaced == "" && from != "" && !seen[from]; from = file.Source[from].ReplaceWith {
		seen[from] = true
		if dir := file.Source[from].Directory; dir != "" && from != "crates-io" {
			// Directories are seen from where .cargo is.
			c.replaced = path.Join(way, dir)
		}
	}
	return nil
}
