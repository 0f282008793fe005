package cnb

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks"
)

// descriptorDoc is a buildpack.toml (CNB Buildpack API, "buildpack.toml"), or an
// extension.toml (CNB Image Extension Specification, "extension.toml").
type descriptorDoc struct {
	API       string      `toml:"api"`
	Buildpack moduleDoc   `toml:"buildpack"`
	Extension moduleDoc   `toml:"extension"`
	Order     []groupDoc  `toml:"order"`
	Targets   []targetDoc `toml:"targets"`
	Stacks    []struct {
		ID string `toml:"id"`
	} `toml:"stacks"`

	// api is what the version of the API means.
	api api
}

// moduleDoc says who a buildpack or an extension is.
type moduleDoc struct {
	ID       string `toml:"id"`
	Version  string `toml:"version"`
	Name     string `toml:"name"`
	Homepage string `toml:"homepage"`
	ClearEnv bool   `toml:"clear-env"`
	ExecEnvs names  `toml:"exec-env"`
	// SBOMFormats are media types of the SBOM files that it may write.
	SBOMFormats []string `toml:"sbom-formats"`
}

type targetDoc struct {
	OS   string `toml:"os"`
	Arch string `toml:"arch"`
	// The specification says variant, the reference lifecycle reads
	// arch-variant only.
	Variant     string      `toml:"variant"`
	ArchVariant string      `toml:"arch-variant"`
	Distros     distroNames `toml:"distros"`
}

// readDescriptor reads the buildpack.toml of a directory.
func readDescriptor(dir string) (doc descriptorDoc, d buildpacks.Descriptor, err error) {
	file := filepath.Join(dir, "buildpack.toml")
	data, err := read(file)
	if err != nil {
		return doc, d, fmt.Errorf("reading %s: %w", file, err)
	}
	if doc, err = parseDescriptor(data); err != nil {
		return doc, d, fmt.Errorf("%s: %w", file, err)
	}
	d = doc.descriptor()
	if len(d.Targets) == 0 && executable(filepath.Join(dir, "bin", "build")) == nil {
		d.Targets = []buildpacks.Target{{OS: "linux"}}
	}
	return doc, d, nil
}

// ReadAPI is the Buildpack API that the buildpack in a directory says it is for,
// whether or not that is one.
func ReadAPI(dir string) (string, error) { return readAPI(filepath.Join(dir, "buildpack.toml")) }

func readAPI(file string) (string, error) {
	var doc struct {
		API string `toml:"api"`
	}
	data, err := read(file)
	if err == nil {
		err = decodeTOML(data, &doc)
	}
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", file, err)
	}
	return doc.API, nil
}

// parseDescriptor reads a buildpack.toml, and checks all of it but the order.
func parseDescriptor(data []byte) (doc descriptorDoc, err error) {
	if err := decodeTOML(data, &doc); err != nil {
		return doc, err
	}
	return doc, doc.check()
}

// check checks who it is, and what the version of the API means.
func (doc *descriptorDoc) check() error {
	var known bool
	switch doc.api, known = capabilities(doc.API); {
	case doc.API == "":
		return fmt.Errorf("no api; write api = %q at the top", "0.10")
	case !known:
		return fmt.Errorf("buildpack API %.20q is not supported; these are: %s", doc.API, strings.Join(apis, ", "))
	}
	if err := checkID(doc.Buildpack.ID); err != nil {
		return err
	}
	if doc.Buildpack.Version == "" {
		return fmt.Errorf("buildpack %s has no version; expected X.Y.Z", doc.Buildpack.ID)
	}
	return checkVersion(doc.Buildpack.Version)
}

// reserved ids would collide with directories below the layers directory
// (CNB Platform API, "Layers Directory Layout").
var reserved = []string{"app", "config", "generated", "sbom"}

var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)

// checkID reports an id that cannot be one. An underscore is not in the
// specification, but is in use.
func checkID(id string) error {
	if !idForm.MatchString(id) || slices.Contains(reserved, id) || strings.Contains(id, "..") || len(id) > maxName {
		return fmt.Errorf("buildpack id %.100q: expected letters, digits, dots, dashes and slashes, and none of %s", id, strings.Join(reserved, ", "))
	}
	return nil
}

// maxName bounds ids and versions, in bytes: each becomes the name of a
// directory.
const maxName = 200

var versionForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+_-]*$`)

// checkVersion reports a version that cannot name a directory. Versions that
// are not of the form X.Y.Z are in use.
func checkVersion(version string) error {
	if !versionForm.MatchString(version) || strings.Contains(version, "..") || len(version) > maxName {
		return fmt.Errorf("buildpack version %.100q: expected X.Y.Z", version)
	}
	return nil
}

// declared are the targets of the file, or what its stacks mean as targets
// (CNB Buildpack API, "buildpack.toml stacks Array"). Before API 0.10 a
// buildpack for several stacks, one of them bionic, was for all of them.
func (doc descriptorDoc) declared() []buildpacks.Target {
	var targets []buildpacks.Target
	for _, t := range doc.Targets {
		target := buildpacks.Target{OS: t.OS, Arch: t.Arch, Variant: t.ArchVariant, Distros: t.Distros}
		if target.Variant == "" {
			target.Variant = t.Variant
		}
		targets = append(targets, target)
	}
	if len(targets) > 0 {
		return targets
	}
	for _, s := range doc.Stacks {
		switch {
		case s.ID == "*":
			targets = append(targets, buildpacks.Target{})
		case s.ID == "io.buildpacks.stacks.bionic" && (doc.api.targets || len(doc.Stacks) == 1):
			targets = append(targets, buildpacks.Target{
				OS: "linux", Arch: "amd64", Distros: []buildpacks.Distro{{Name: "ubuntu", Version: "18.04"}},
			})
		}
	}
	return targets
}

func (doc descriptorDoc) descriptor() buildpacks.Descriptor {
	d := buildpacks.Descriptor{
		ID: doc.Buildpack.ID, Version: doc.Buildpack.Version, Dialect: buildpacks.CNB,
		API: doc.API, Name: doc.Buildpack.Name, Homepage: doc.Buildpack.Homepage, Targets: doc.declared(),
	}
	if doc.api.execEnv {
		d.ExecEnvs = doc.Buildpack.ExecEnvs
	}
	return d
}

// names are strings, each as itself or as a table with a name: the
// specification has [[buildpack.exec-env]], the reference lifecycle reads
// exec-env = ["production"].
type names []string

// UnmarshalTOML implements toml.Unmarshaler.
func (n *names) UnmarshalTOML(value any) error {
	for _, v := range list(value) {
		if table, is := v.(map[string]any); is {
			v = table["name"]
		}
		name, is := v.(string)
		if !is || name == "" || strings.Contains(name, ",") {
			return errors.New("expected a list of names")
		}
		*n = append(*n, name)
	}
	return nil
}

// distroNames are distributions, as [[targets.distros]] or a single
// [targets.distros].
type distroNames []buildpacks.Distro

// UnmarshalTOML implements toml.Unmarshaler.
func (n *distroNames) UnmarshalTOML(value any) error {
	for _, v := range list(value) {
		table, is := v.(map[string]any)
		if !is {
			return errors.New("expected tables with name and version")
		}
		var d buildpacks.Distro
		for key, field := range map[string]*string{"name": &d.Name, "version": &d.Version} {
			if table[key] == nil {
				continue
			}
			if *field, is = table[key].(string); !is {
				return fmt.Errorf("%s of a distribution: expected a string", key)
			}
		}
		*n = append(*n, d)
	}
	return nil
}

// list is the items of a TOML array, or the value as the only one.
func list(value any) []any {
	switch v := value.(type) {
	case []any:
		return v
	case []map[string]any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = v[i]
		}
		return items
	}
	return []any{value}
}
