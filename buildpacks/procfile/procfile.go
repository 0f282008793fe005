package procfile

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/buildpacks/libcnb/v2"
)

// TOML is the buildpack.toml.
//
//go:embed buildpack.toml
var TOML []byte

// fileName is the only name that counts.
const fileName = "Procfile"

// Detect returns bin/detect: it passes for an app with a Procfile in its root,
// and otherwise prints to out why it does not (CNB Buildpack API, "Phase #1:
// Detection").
func Detect(out io.Writer) libcnb.DetectFunc {
	return func(c libcnb.DetectContext) (libcnb.DetectResult, error) {
		info, err := os.Lstat(filepath.Join(c.ApplicationPath, fileName))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			reason, err := whyNot(c.ApplicationPath)
			if err != nil {
				return libcnb.DetectResult{}, err
			}
			_, err = fmt.Fprintln(out, reason)
			return libcnb.DetectResult{}, err
		case err != nil:
			return libcnb.DetectResult{}, fmt.Errorf("looking for a Procfile: %w", err)
		case info.IsDir():
			_, err := fmt.Fprintln(out, "Procfile in the app's root is a directory")
			return libcnb.DetectResult{}, err
		}
		return libcnb.DetectResult{Pass: true}, nil
	}
}

// whyNot says why an app has no Procfile, and what may have been meant as one.
func whyNot(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("looking for a Procfile: %w", err)
	}
	reason := "no Procfile in the app's root"
	for _, entry := range entries {
		name := strings.ToLower(entry.Name())
		if name == "procfile" || name == "profile" || strings.HasPrefix(name, "procfile.") && name != "procfile.dev" {
			reason += fmt.Sprintf("; %s does not count: git mv %s Procfile", entry.Name(), entry.Name())
		}
	}
	return reason, nil
}

// Build returns bin/build: it declares the process types (CNB Buildpack API,
// "Phase #3: Build"). The default one is web, or the only one.
func Build(out io.Writer) libcnb.BuildFunc {
	return func(c libcnb.BuildContext) (result libcnb.BuildResult, err error) {
		f, err := os.Open(filepath.Join(c.ApplicationPath, fileName))
		if errors.Is(err, fs.ErrNotExist) {
			return libcnb.NewBuildResult(), nil
		}
		if err != nil {
			return libcnb.BuildResult{}, fmt.Errorf("reading the Procfile: %w", err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		found, warnings, err := Parse(f)
		if err != nil {
			return libcnb.BuildResult{}, err
		}
		for _, w := range warnings {
			if _, err := fmt.Fprintf(out, " !     %s\n", w); err != nil {
				return libcnb.BuildResult{}, err
			}
		}
		result = libcnb.NewBuildResult()
		for _, p := range found {
			result.Processes = append(result.Processes, libcnb.Process{
				Type: p.Type, Command: []string{"bash", "-c", p.Command}, Default: p.Type == "web" || len(found) == 1,
			})
		}
		return result, found.print(out)
	}
}

// print lists the process types as Heroku does.
func (p Procfile) print(out io.Writer) error {
	names := make([]string, len(p))
	for i, process := range p {
		names[i] = process.Type
	}
	if len(names) == 0 {
		names = []string{"(none)"}
	}
	_, err := fmt.Fprintf(out, "       Procfile declares types -> %s\n", strings.Join(names, ", "))
	return err
}
