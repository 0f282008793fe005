package rust

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/runtime/cargo"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// toolchain is an installed Rust and the environment in which Cargo runs.
type toolchain struct {
	*rustBuild
	installed language.Installed
	// env is Cargo's own, and flags are those that each of its runs has.
	env map[string]string
	// linker is the program that links.
	linker string
}

// The directories of Cargo's home that are kept in a layer (The Cargo Book,
// "Cargo Home").
func homeDirs() []string { return []string{"registry", "git"} }

// prepare makes Cargo's home and environment. The home lies in the scratch, for
// it has credentials; what was downloaded is in a layer.
func (t *toolchain) prepare(p project) error {
	env := t.installed.Use.Environ(t.Env)
	home, err := t.Scratch.Home(env["HOME"])
	if err != nil {
		return err
	}
	env["HOME"] = home
	cargoHome := t.Scratch.Path("cargo-home")
	for _, name := range homeDirs() {
		if err := os.MkdirAll(filepath.Join(t.Layers.Path, homeLayer, name), 0o755); err != nil {
			return fmt.Errorf("making a home for Cargo: %w", err)
		}
	}
	if err := os.MkdirAll(cargoHome, 0o700); err != nil {
		return fmt.Errorf("making a home for Cargo: %w", err)
	}
	for _, name := range homeDirs() {
		if err := os.Symlink(filepath.Join(t.Layers.Path, homeLayer, name), filepath.Join(cargoHome, name)); err != nil {
			return fmt.Errorf("making a home for Cargo: %w", err)
		}
	}
	if err := t.handOver(cargoHome, env); err != nil {
		return err
	}
	env["CARGO_HOME"] = cargoHome
	env["CARGO_TARGET_DIR"] = filepath.Join(t.Layers.Path, targetLayer)
	env["CARGO_TERM_COLOR"], env["CARGO_TERM_PROGRESS_WHEN"] = "never", "never"
	// Each build is a fresh one for rustc: what Cargo keeps for edits costs time
	// and room.
	env["CARGO_INCREMENTAL"] = "0"
	if env["CARGO_HTTP_CAINFO"] == "" && env["SSL_CERT_FILE"] != "" {
		env["CARGO_HTTP_CAINFO"] = env["SSL_CERT_FILE"]
	}
	// Code that asks for the time has the same one in each build.
	if env["SOURCE_DATE_EPOCH"] == "" {
		env["SOURCE_DATE_EPOCH"] = "0"
	}
	if !saysStrip(p.profiles) && t.settings.profile == "release" {
		env["CARGO_PROFILE_RELEASE_STRIP"] = "symbols"
	}
	if t.linker != "cc" {
		env["CARGO_TARGET_"+strings.ToUpper(strings.ReplaceAll(t.triple(), "-", "_"))+"_LINKER"] = t.linker
	}
	// A machine's own cache of compiled code, which an app's configuration may
	// name, is none of the stack's.
	env["RUSTC_WRAPPER"] = ""
	delete(env, cargo.ConfigVariable)
	delete(env, cargo.LoginsVariable)
	t.env = env
	return nil
}

// handOver puts the settings of this machine's Cargo, and those of service
// bindings, into the home.
func (t *toolchain) handOver(home string, env map[string]string) error {
	files := map[string]string{"config.toml": t.Env[cargo.ConfigVariable], "credentials.toml": t.Env[cargo.LoginsVariable]}
	if binding, found := t.Binding("cargo"); found {
		for name := range files {
			if file := filepath.Join(binding.Path, name); has(binding.Path, name) {
				files[name] = file
			}
		}
	}
	for name, file := range files {
		if file == "" {
			continue
		}
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(home, name), text, 0o600)
		}
		if err != nil {
			return fmt.Errorf("handing Cargo its settings: %w", err)
		}
	}
	binding, found := t.Binding("netrc")
	if !found {
		return nil
	}
	own := t.Scratch.Path("git-home")
	if err := os.MkdirAll(own, 0o700); err != nil {
		return fmt.Errorf("making a home for git: %w", err)
	}
	// libcnb leaves out names with a dot in front.
	for _, name := range []string{".netrc", "netrc"} {
		if text, err := os.ReadFile(filepath.Join(binding.Path, name)); err == nil {
			// Cargo itself reads no netrc file; git does.
			env["HOME"], env["CARGO_NET_GIT_FETCH_WITH_CLI"] = own, "true"
			return os.WriteFile(filepath.Join(own, ".netrc"), text, 0o600)
		}
	}
	return appfile.Error("the service binding %s has the type netrc, but no file .netrc that can be read", binding.Name)
}

// saysStrip tells whether the app itself says what is stripped of its programs.
func saysStrip(profiles map[string]any) bool {
	release, _ := profiles["release"].(map[string]any)
	_, strip := release["strip"]
	_, debug := release["debug"]
	return strip || debug
}

// triple is what Rust calls the system that is built for.
func (b *rustBuild) triple() string {
	if b.Arch == "arm64" {
		return "aarch64-unknown-linux-gnu"
	}
	return "x86_64-unknown-linux-gnu"
}

// findLinker is the C compiler, which links what rustc makes.
func (b *rustBuild) findLinker() (string, error) {
	for _, name := range []string{"cc", "gcc", "clang"} {
		if tool.Find(b.Env["PATH"], name) != "" {
			return name, nil
		}
	}
	return "", appfile.Error("the stack has no C compiler, with which Rust links its programs\nbuild on a stack that has one:\n  slugc build --stack slugc-13")
}

// rustflags are flags of rustc with which nothing of the machine's directories
// is in the programs.
func (t *toolchain) rustflags(p project) []string {
	remap := func(from, to string) string { return "--remap-path-prefix=" + from + "=" + to }
	// Of several that fit, the last counts; the layers may lie in the app.
	return []string{
		remap(filepath.Clean(p.at(p.top)), "."),
		remap(t.env["CARGO_HOME"], "/cargo"), remap(t.env["CARGO_TARGET_DIR"], "/target"),
	}
}

// withFlags hands the flags of rustc over in the way that adds to those of the
// app: a variable of it, or its configuration, of which one counts (The Cargo
// Book, "build.rustflags").
func (t *toolchain) withFlags(p project, c appConfig) (args []string, env map[string]string) {
	flags := t.rustflags(p)
	if own := t.Env["RUSTFLAGS"]; own != "" {
		return nil, map[string]string{"RUSTFLAGS": own + " " + strings.Join(flags, " ")}
	}
	if own := t.Env["CARGO_ENCODED_RUSTFLAGS"]; own != "" {
		return nil, map[string]string{"CARGO_ENCODED_RUSTFLAGS": strings.Join(append([]string{own}, flags...), "\x1f")}
	}
	key := "build.rustflags"
	if c.targetFlags {
		key = "target." + t.triple() + ".rustflags"
	}
	quoted := make([]string, len(flags))
	for i, flag := range flags {
		quoted[i] = fmt.Sprintf("%q", flag)
	}
	return []string{"--config", key + "=[" + strings.Join(quoted, ",") + "]"}, nil
}

// run runs Cargo in the app's directory. To receives what it prints, of which the
// end is returned.
func (t *toolchain) run(ctx context.Context, env map[string]string, to io.Writer, args ...string) (*tool.Tail, error) {
	all := maps.Clone(t.env)
	maps.Copy(all, env)
	output := tool.NewTail(to)
	program := filepath.Join(t.installed.Use.Dir, "usr", "bin", "cargo")
	return output, t.Runner.Run(ctx, tool.Command{Args: append([]string{program}, args...), Dir: t.App, Env: all, Output: output})
}

// deciding are the variables that decide what is compiled.
func deciding(env map[string]string) []string {
	var chosen []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		switch {
		case env[name] == "":
		case strings.HasPrefix(name, "CARGO_PROFILE_"), strings.HasPrefix(name, "CARGO_BUILD_"), strings.HasPrefix(name, "CARGO_TARGET_") && name != "CARGO_TARGET_DIR",
			slices.Contains([]string{"RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS", "CPATH", "LIBRARY_PATH", "PKG_CONFIG_PATH", "SOURCE_DATE_EPOCH", "SQLX_OFFLINE", "DATABASE_URL"}, name):
			chosen = append(chosen, name+"="+env[name])
		}
	}
	return chosen
}
