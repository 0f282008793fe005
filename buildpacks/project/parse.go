package project

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// schemas are the versions that are known.
func schemas() []string { return []string{"0.1", "0.2", "0.3"} }

// Read reads a project.toml. The error of one that is not there is
// fs.ErrNotExist.
func Read(file string) (Descriptor, error) {
	data, err := readFile(file)
	if err != nil {
		return Descriptor{}, fmt.Errorf("reading %s: %w", filepath.Clean(file), err)
	}
	d, err := Parse(data)
	if err != nil {
		return Descriptor{}, fmt.Errorf("reading %s: %w", filepath.Clean(file), err)
	}
	return d, nil
}

// The tables of the file. Those of schema 0.1 are project and build, those of
// the later ones are _ and io.buildpacks.
type (
	document struct {
		Meta struct {
			Schema string `toml:"schema-version"`
			about
			Metadata map[string]any `toml:"metadata"`
		} `toml:"_"`
		Project  about          `toml:"project"`
		Metadata map[string]any `toml:"metadata"`
		Build    oldBuild       `toml:"build"`
		IO       struct {
			Buildpacks wishes `toml:"buildpacks"`
		} `toml:"io"`
	}
	about struct {
		ID               string    `toml:"id"`
		Name             string    `toml:"name"`
		Version          string    `toml:"version"`
		Authors          []string  `toml:"authors"`
		DocumentationURL string    `toml:"documentation-url"`
		SourceURL        string    `toml:"source-url"`
		Licenses         []License `toml:"licenses"`
	}
	oldBuild struct {
		Include    []string `toml:"include"`
		Exclude    []string `toml:"exclude"`
		Builder    string   `toml:"builder"`
		Buildpacks []entry  `toml:"buildpacks"`
		Env        []envVar `toml:"env"`
	}
	wishes struct {
		Builder string   `toml:"builder"`
		Include []string `toml:"include"`
		Exclude []string `toml:"exclude"`
		Group   []entry  `toml:"group"`
		Pre     addition `toml:"pre"`
		Post    addition `toml:"post"`
		Build   struct {
			Env []envVar `toml:"env"`
		} `toml:"build"`
		// Env is an older spelling of build.env.
		Env struct {
			Build []envVar `toml:"build"`
		} `toml:"env"`
	}
	addition struct {
		Group []entry `toml:"group"`
	}
	entry struct {
		ID      string   `toml:"id"`
		Version string   `toml:"version"`
		URI     string   `toml:"uri"`
		ExecEnv []string `toml:"exec-env"`
		Script  *struct {
			API    string `toml:"api"`
			Inline string `toml:"inline"`
			Shell  string `toml:"shell"`
		} `toml:"script"`
	}
	envVar struct {
		Name    string   `toml:"name"`
		Value   string   `toml:"value"`
		ExecEnv []string `toml:"exec-env"`
	}
)

// Parse reads the text of a project.toml. Errors name the line.
func Parse(data []byte) (Descriptor, error) {
	var doc document
	meta, err := toml.NewDecoder(bytes.NewReader(data)).Decode(&doc)
	if err != nil {
		return Descriptor{}, tomlError(err)
	}
	d := Descriptor{Schema: doc.Meta.Schema}
	if d.Schema == "" {
		d.Schema = "0.1"
	}
	if !slices.Contains(schemas(), d.Schema) {
		return Descriptor{}, fmt.Errorf("schema-version %q is not known; these are: %s", d.Schema, strings.Join(schemas(), ", "))
	}
	text := source(data)
	if d.Schema == "0.1" {
		err = d.old(text, doc)
	} else {
		err = d.current(text, doc)
	}
	if err != nil {
		return Descriptor{}, err
	}
	d.Warnings = warnings(d.Schema, doc.Meta.Schema == "", meta)
	return d, nil
}

// old takes what schema 0.1 has (CNB Project Descriptor).
func (d *Descriptor) old(text source, doc document) (err error) {
	d.about(doc.Project)
	d.Builder, d.Include, d.Exclude = doc.Build.Builder, doc.Build.Include, doc.Build.Exclude
	if d.Group, err = entries(text, "build.buildpacks", doc.Build.Buildpacks, false); err != nil {
		return err
	}
	if d.BuildEnv, err = variables(text, "build.env", doc.Build.Env, false); err != nil {
		return err
	}
	return d.check(text, doc.Build.Include != nil && doc.Build.Exclude != nil, "project.licenses")
}

// current takes what the later schemas have (CNB Project Descriptor Extension).
func (d *Descriptor) current(text source, doc document) (err error) {
	const table = "io.buildpacks."
	w, execEnvs := doc.IO.Buildpacks, d.Schema != "0.2"
	d.about(doc.Meta.about)
	d.Builder, d.Include, d.Exclude = w.Builder, w.Include, w.Exclude
	for _, list := range []struct {
		to   *[]Buildpack
		name string
		from []entry
	}{{&d.Group, "group", w.Group}, {&d.Pre, "pre.group", w.Pre.Group}, {&d.Post, "post.group", w.Post.Group}} {
		if *list.to, err = entries(text, table+list.name, list.from, execEnvs); err != nil {
			return err
		}
	}
	name, env := table+"build.env", w.Build.Env
	if env == nil {
		name, env = table+"env.build", w.Env.Build
	}
	if d.BuildEnv, err = variables(text, name, env, execEnvs); err != nil {
		return err
	}
	return d.check(text, w.Include != nil && w.Exclude != nil, "_.licenses")
}

func (d *Descriptor) about(a about) {
	d.Name, d.Version, d.SourceURL, d.Licenses = a.Name, a.Version, a.SourceURL, a.Licenses
}

// check says what does not go together.
func (d *Descriptor) check(text source, both bool, licenses string) error {
	if both {
		return text.errorf(text.key("exclude"), "include and exclude are both there; keep one of them: what is not included is excluded")
	}
	for i, l := range d.Licenses {
		if l.Type == "" && l.URI == "" {
			return text.errorf(text.header(licenses, i), "a license has neither type nor uri; expected one of them")
		}
	}
	return nil
}

// entries are the buildpacks of a table.
func entries(text source, table string, from []entry, execEnvs bool) ([]Buildpack, error) {
	var list []Buildpack
	for i, e := range from {
		at := text.header(table, i)
		b := Buildpack{ID: e.ID, Version: e.Version, URI: e.URI}
		if execEnvs {
			b.ExecEnvs = e.ExecEnv
		}
		switch {
		case e.ID == "" && e.URI == "" && e.Script == nil:
			return nil, text.errorf(at, "a buildpack of %s has no id, no uri and no script; expected one of them", table)
		case e.URI != "" && e.Version != "":
			return nil, text.errorf(at, "the buildpack %s has uri and version; what is at the uri has a version of its own, so leave one out", e.URI)
		case e.URI != "" && e.Script != nil:
			return nil, text.errorf(at, "the buildpack %s has uri and script; leave one out", e.URI)
		}
		if e.Script != nil {
			switch {
			case e.Script.API == "":
				return nil, text.errorf(at, `the script of a buildpack of %s has no api; write api = "0.10", the Buildpack API that it is for`, table)
			case e.Script.Inline == "":
				return nil, text.errorf(at, "the script of a buildpack of %s has no text; expected inline = \"...\"", table)
			case strings.ContainsAny(e.Script.Shell, "\n\r\x00"):
				return nil, text.errorf(at, "the shell of a script is %q; expected the path of a program", e.Script.Shell)
			}
			b.Script = &Script{API: e.Script.API, Inline: e.Script.Inline, Shell: e.Script.Shell}
			b.name(table, i)
		}
		list = append(list, b)
	}
	return list, nil
}

// name gives a script without an id or a version one of its own.
func (b *Buildpack) name(table string, i int) {
	if b.ID == "" {
		kind := "group"
		for _, k := range []string{"pre", "post"} {
			if strings.Contains(table, "."+k+".") {
				kind = k
			}
		}
		b.ID = fmt.Sprintf("project/%s-%d", kind, i+1)
	}
	if b.Version == "" {
		b.Version = "0.0.0"
	}
}

// variables are the variables of a table.
func variables(text source, table string, from []envVar, execEnvs bool) ([]Variable, error) {
	var list []Variable
	for i, e := range from {
		if e.Name == "" || strings.ContainsAny(e.Name, "=/\x00") || e.Name == "." || e.Name == ".." {
			return nil, text.errorf(text.header(table, i), "%q is no name of a variable; expected name = \"NAME\"", e.Name)
		}
		if strings.ContainsRune(e.Value, 0) {
			return nil, text.errorf(text.header(table, i), "the value of %s has a zero byte", e.Name)
		}
		v := Variable{Name: e.Name, Value: e.Value}
		if execEnvs {
			v.ExecEnvs = e.ExecEnv
		}
		list = append(list, v)
	}
	return list, nil
}

// warnings are about keys that the schema does not have.
func warnings(schema string, implied bool, meta toml.MetaData) []string {
	var list []string
	warn := func(key, advice string) {
		list = append(list, fmt.Sprintf("%s is not in schema %s and is ignored%s", key, schema, advice))
	}
	ours := func(key string) bool {
		return strings.HasPrefix(key, "io.buildpacks.") || strings.HasPrefix(key, "_.") && !strings.HasPrefix(key, "_.metadata.")
	}
	advice := ""
	if implied {
		advice = `; write [_] schema-version = "0.2" at the top`
	}
	if schema == "0.1" && meta.IsDefined("io", "buildpacks") {
		warn("io.buildpacks", advice)
	}
	if schema != "0.1" && meta.IsDefined("build") {
		warn("build", "; it is io.buildpacks now")
	}
	if schema == "0.2" && slices.ContainsFunc(meta.Keys(), func(k toml.Key) bool {
		return k[len(k)-1] == "exec-env" && ours(k.String())
	}) {
		warn("exec-env", `; it is in schema-version "0.3"`)
	}
	for _, k := range meta.Undecoded() {
		name := k.String()
		old := schema == "0.1" && (strings.HasPrefix(name, "project.") || strings.HasPrefix(name, "build."))
		if old || schema != "0.1" && ours(name) {
			warn(name, "")
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// tomlError says the line of a mistake.
func tomlError(err error) error {
	var parse toml.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("line %d: %s", parse.Position.Line, parse.Message)
	}
	return errors.New(strings.TrimPrefix(err.Error(), "toml: "))
}
