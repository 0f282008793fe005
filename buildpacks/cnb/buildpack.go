package cnb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Buildpack is a CNB on disk.
type Buildpack struct {
	// Dir holds buildpack.toml and bin. It is shown to the scripts read-only.
	Dir string
	// Mounts are shown to the scripts besides, also read-only, and Env is set
	// for them.
	Mounts []sandbox.Mount
	Env    map[string]string

	descriptor buildpacks.Descriptor
	api        api
	clearEnv   bool
}

// api is what a Buildpack API version means for slugc.
type api struct {
	// stringCommand: a process's command is one string, and it may be not
	// direct (before 0.9).
	stringCommand bool
	// workingDir: a process may name its working directory (from 0.8).
	workingDir bool
	// execEnv: processes may be limited to execution environments (from 0.12).
	execEnv bool
}

// apis are the supported Buildpack APIs.
var apis = []string{"0.7", "0.8", "0.9", "0.10", "0.11", "0.12"}

func capabilities(version string) (api, bool) {
	for i, v := range apis {
		if v == version {
			return api{stringCommand: i < 2, workingDir: i >= 1, execEnv: i >= 5}, true
		}
	}
	return api{}, false
}

// maxTOML bounds every TOML file that a buildpack hands over, in bytes.
const maxTOML = 1 << 20

// reserved ids would collide with directories below the layers directory
// (CNB Platform API, "Layers Directory Layout").
var reserved = map[string]bool{"app": true, "config": true, "generated": true, "sbom": true}

var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)

// Open reads the buildpack in a directory (CNB Buildpack API,
// "buildpack.toml"). Errors name the file and what it should say.
func Open(dir string) (*Buildpack, error) {
	file := filepath.Join(dir, "buildpack.toml")
	var doc struct {
		API       string `toml:"api"`
		Buildpack struct {
			ID       string `toml:"id"`
			Version  string `toml:"version"`
			Name     string `toml:"name"`
			Homepage string `toml:"homepage"`
			ClearEnv bool   `toml:"clear-env"`
		} `toml:"buildpack"`
		Order []map[string]any `toml:"order"`
	}
	if err := decode(file, &doc); err != nil {
		return nil, err
	}
	b := &Buildpack{Dir: dir, clearEnv: doc.Buildpack.ClearEnv}
	b.descriptor = buildpacks.Descriptor{
		ID: doc.Buildpack.ID, Version: doc.Buildpack.Version, Dialect: buildpacks.CNB,
		API: doc.API, Name: doc.Buildpack.Name, Homepage: doc.Buildpack.Homepage,
	}
	var known bool
	switch b.api, known = capabilities(doc.API); {
	case doc.API == "":
		return nil, fmt.Errorf("%s: no api; write api = %q at the top", file, "0.10")
	case !known:
		return nil, fmt.Errorf("%s: Buildpack API %q is not supported; these are: %s", file, doc.API, strings.Join(apis, ", "))
	case !idForm.MatchString(doc.Buildpack.ID) || reserved[doc.Buildpack.ID] || strings.Contains(doc.Buildpack.ID, ".."):
		return nil, fmt.Errorf("%s: buildpack id %q: expected letters, digits, dots, dashes and slashes, and none of app, config, generated, sbom", file, doc.Buildpack.ID)
	case doc.Buildpack.Version == "" || strings.ContainsAny(doc.Buildpack.Version, "/\\") || strings.Contains(doc.Buildpack.Version, ".."):
		return nil, fmt.Errorf("%s: buildpack version %q: expected X.Y.Z", file, doc.Buildpack.Version)
	case len(doc.Order) > 0:
		return nil, fmt.Errorf("%s: %s is an order of other buildpacks, which cannot be used by itself; name its members with -b", file, doc.Buildpack.ID)
	}
	for _, script := range []string{"detect", "build"} {
		if err := executable(filepath.Join(dir, "bin", script)); err != nil {
			return nil, fmt.Errorf("buildpack %s: %w", b.descriptor, err)
		}
	}
	return b, nil
}

// executable says what keeps a script from being run. A link is looked at by
// the sandbox only: its target may exist there alone.
func executable(script string) error {
	info, err := os.Lstat(script)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("no %s", filepath.Join("bin", filepath.Base(script)))
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink == 0 && (!info.Mode().IsRegular() || info.Mode()&0o111 == 0):
		return fmt.Errorf("%s is not an executable file; run chmod +x %s", filepath.Join("bin", filepath.Base(script)), script)
	}
	return nil
}

// Descriptor says who the buildpack is.
func (b *Buildpack) Descriptor() buildpacks.Descriptor { return b.descriptor }

// root is where the scripts find the buildpack.
func (b *Buildpack) root() string {
	return path.Join("/cnb/buildpacks", launch.EscapeID(b.descriptor.ID), b.descriptor.Version)
}

// mounts are what every script of the buildpack sees besides the stack.
func (b *Buildpack) mounts(site buildpacks.Site, writableApp bool) []sandbox.Mount {
	mounts := []sandbox.Mount{
		{Source: site.App.Host, Target: site.App.Path, Writable: writableApp},
		{Source: site.Platform.Host, Target: site.Platform.Path},
		{Source: b.Dir, Target: b.root()},
	}
	return append(mounts, b.Mounts...)
}

// scriptEnv is the environment that bin/detect and bin/build share, on top of
// env (CNB Buildpack API, "Environment").
func (b *Buildpack) scriptEnv(site buildpacks.Site, env map[string]string) []string {
	all := map[string]string{}
	for k, v := range env {
		all[k] = v
	}
	if !b.clearEnv {
		for k, v := range site.Env {
			if old := all[k]; listVariable[k] && old != "" {
				v += ":" + old
			}
			all[k] = v
		}
	}
	t := site.Stack.Target
	for k, v := range map[string]string{
		"CNB_BUILDPACK_DIR":         b.root(),
		"CNB_PLATFORM_DIR":          site.Platform.Path,
		"CNB_TARGET_OS":             t.OS,
		"CNB_TARGET_ARCH":           t.Arch,
		"CNB_TARGET_ARCH_VARIANT":   t.Variant,
		"CNB_TARGET_DISTRO_NAME":    t.DistroName,
		"CNB_TARGET_DISTRO_VERSION": t.DistroVersion,
		"CNB_STACK_ID":              site.Stack.ID,
	} {
		if v != "" {
			all[k] = v
		}
	}
	if b.api.execEnv {
		all["CNB_EXEC_ENV"] = "production"
	}
	for k, v := range b.Env {
		all[k] = v
	}
	list := make([]string, 0, len(all))
	for k, v := range all {
		list = append(list, k+"="+v)
	}
	return list
}

// listVariable are lists of directories: a person's value goes before the
// one that is there (CNB Platform API, "User-Provided Variables").
var listVariable = map[string]bool{
	"PATH": true, "LD_LIBRARY_PATH": true, "LIBRARY_PATH": true, "CPATH": true, "PKG_CONFIG_PATH": true,
}

// decode reads a TOML file of limited size into v.
func decode(file string, v any) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	return decodeFrom(f, file, v)
}

// decodeFrom reads an open TOML file of limited size into v, and closes it.
func decodeFrom(f *os.File, file string, v any) error {
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTOML+1))
	if err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	if len(data) > maxTOML {
		return fmt.Errorf("reading %s: larger than %d KiB", file, maxTOML>>10)
	}
	if _, err := toml.NewDecoder(bytes.NewReader(data)).Decode(v); err != nil {
		return fmt.Errorf("reading %s: %w", file, tomlError(err))
	}
	return nil
}

// tomlError says the line of a mistake.
func tomlError(err error) error {
	var parse toml.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("line %d: %s", parse.Position.Line, parse.Message)
	}
	return err
}
