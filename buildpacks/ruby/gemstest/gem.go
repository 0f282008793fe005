package gemstest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// Gem is a gem to serve.
type Gem struct {
	Name, Version string
	// Platform is "" for any.
	Platform string
	// Date is when it was made, as 2026-01-31.
	Date string
	// Dependencies are the gems that it needs, with their requirements as
	// RubyGems writes them: "~> 2.0", or ">= 1, < 3".
	Dependencies map[string]string
	// Bindir is the directory of Executables, "bin" when it is "".
	Bindir      string
	Executables []string
	// Extensions are the files that make extensions.
	Extensions   []string
	RequirePaths []string
	// Licenses are SPDX identifiers.
	Licenses []string
	// RequiredRuby is the requirement on Ruby.
	RequiredRuby string
	// Files are the files by name. Those in Bindir are programs.
	Files map[string][]byte
}

func (g Gem) fullName() string {
	if g.Platform == "" {
		return g.Name + "-" + g.Version
	}
	return g.Name + "-" + g.Version + "-" + g.Platform
}

// requirement is a requirement in the YAML of RubyGems.
func requirement(text, indent string) string {
	if text == "" {
		text = ">= 0"
	}
	var out strings.Builder
	fmt.Fprintf(&out, "!ruby/object:Gem::Requirement\n%s  requirements:\n", indent)
	for part := range strings.SplitSeq(text, ",") {
		sign, version, found := strings.Cut(strings.TrimSpace(part), " ")
		if !found {
			sign, version = "=", sign
		}
		fmt.Fprintf(&out, "%s  - - %q\n%s    - !ruby/object:Gem::Version\n%s      version: %q\n", indent, sign, indent, indent, version)
	}
	return out.String()
}

func list(name string, values []string) string {
	if len(values) == 0 {
		return name + ": []\n"
	}
	var out strings.Builder
	out.WriteString(name + ":\n")
	for _, value := range values {
		fmt.Fprintf(&out, "- %q\n", value)
	}
	return out.String()
}

// metadata is the specification of the gem.
func (g Gem) metadata() []byte {
	var out strings.Builder
	platform, bindir, date, paths := g.Platform, g.Bindir, g.Date, g.RequirePaths
	if platform == "" {
		platform = "ruby"
	}
	if bindir == "" {
		bindir = "bin"
	}
	if date == "" {
		date = "2026-01-31"
	}
	if len(paths) == 0 {
		paths = []string{"lib"}
	}
	fmt.Fprintf(&out, "--- !ruby/object:Gem::Specification\nname: %q\nversion: !ruby/object:Gem::Version\n  version: %q\nplatform: %q\n", g.Name, g.Version, platform)
	fmt.Fprintf(&out, "authors:\n- Nobody\nautorequire:\nbindir: %q\ncert_chain: []\ndate: %s 00:00:00.000000000 Z\n", bindir, date)
	if len(g.Dependencies) == 0 {
		out.WriteString("dependencies: []\n")
	} else {
		out.WriteString("dependencies:\n")
	}
	for _, name := range slices.Sorted(maps.Keys(g.Dependencies)) {
		wanted := g.Dependencies[name]
		fmt.Fprintf(&out, "- !ruby/object:Gem::Dependency\n  name: %q\n  requirement: %s  type: :runtime\n  prerelease: false\n  version_requirements: %s",
			name, requirement(wanted, "  "), requirement(wanted, "  "))
	}
	out.WriteString("description: A gem for tests\nemail: nobody@example.com\n")
	out.WriteString(list("executables", g.Executables) + list("extensions", g.Extensions) + "extra_rdoc_files: []\n")
	out.WriteString(list("files", slices.Sorted(maps.Keys(g.Files))))
	fmt.Fprintf(&out, "homepage: http://localhost/\n%smetadata: {}\npost_install_message:\nrdoc_options: []\n%s", list("licenses", g.Licenses), list("require_paths", paths))
	fmt.Fprintf(&out, "required_ruby_version: %srequired_rubygems_version: %s", requirement(g.RequiredRuby, ""), requirement("", ""))
	out.WriteString("requirements: []\nrubygems_version: 3.6.7\nsigning_key:\nspecification_version: 4\nsummary: A gem for tests\ntest_files: []\n")
	return []byte(out.String())
}

// pack is the gem as a file.
func (g Gem) pack(t testing.TB) []byte {
	t.Helper()
	bindir := g.Bindir
	if bindir == "" {
		bindir = "bin"
	}
	var data bytes.Buffer
	writer := tar.NewWriter(&data)
	for _, name := range slices.Sorted(maps.Keys(g.Files)) {
		mode := int64(0o644)
		if strings.HasPrefix(name, bindir+"/") {
			mode = 0o755
		}
		entry(t, writer, name, mode, g.Files[name])
	}
	closed(t, writer)
	metadata, files := zipped(t, g.metadata()), zipped(t, data.Bytes())
	sums := fmt.Sprintf("---\nSHA256:\n  metadata.gz: %s\n  data.tar.gz: %s\n", sum(metadata), sum(files))
	var out bytes.Buffer
	writer = tar.NewWriter(&out)
	entry(t, writer, "metadata.gz", 0o444, metadata)
	entry(t, writer, "data.tar.gz", 0o444, files)
	entry(t, writer, "checksums.yaml.gz", 0o444, zipped(t, []byte(sums)))
	closed(t, writer)
	return out.Bytes()
}

func entry(t testing.TB, to *tar.Writer, name string, mode int64, data []byte) {
	t.Helper()
	if err := to.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(data)), Format: tar.FormatUSTAR}); err != nil {
		t.Fatal(err)
	}
	if _, err := to.Write(data); err != nil {
		t.Fatal(err)
	}
}

func closed(t testing.TB, w *tar.Writer) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func zipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

// Native is a gem in C. Its function says hello.
func Native(version string) Gem {
	return Gem{
		Name: "hello_native", Version: version, Extensions: []string{"ext/hello_native/extconf.rb"}, Licenses: []string{"MIT"},
		Files: map[string][]byte{
			"ext/hello_native/extconf.rb": []byte("require \"mkmf\"\ncreate_makefile(\"hello_native/hello_native\")\n"),
			"ext/hello_native/hello.c": []byte("#include <ruby.h>\n" +
				"static VALUE hello(VALUE self) { return rb_utf8_str_new_cstr(\"hello from C\"); }\n" +
				"void Init_hello_native(void) { rb_define_singleton_method(rb_define_module(\"HelloNative\"), \"hello\", hello, 0); }\n"),
			"lib/hello_native.rb": []byte("require \"hello_native/hello_native\"\nmodule HelloNative\n  VERSION = \"" + version + "\"\nend\n"),
		},
	}
}
