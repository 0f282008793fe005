//go:build acceptance

package main

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ordinary is a slugc of an ordinary user, where the test is root.
func ordinary(t *testing.T) *slugc {
	t.Helper()
	s := newSlugc(t)
	if os.Getuid() == 0 {
		s.user = &syscall.Credential{Uid: 65533, Gid: 65533, Groups: []uint32{}}
	}
	return s
}

// TestOnAStack builds on slugc-13 and runs what comes out wherever it can run.
func TestOnAStack(t *testing.T) {
	t.Parallel()
	s := ordinary(t)
	app := s.copyApp("nodejs-express", "app", time.Now(), 0)
	addon := s.copyApp("nodejs-addon", "addon", time.Now(), 0)
	open(t, s.dir)
	build := []string{"build", app, "--stack", "slugc-13", "-o", "oci:image:v1", "-o", "slug:app.tgz", "--metadata", "app.json"}
	s.must(build...)
	record, digests := s.record("app.json")
	if record.Stack != "slugc-13" {
		t.Errorf("the record says that the stack is %s", record.Stack)
	}

	t.Run("without a network it gives the same again", func(t *testing.T) {
		s.t = t
		s.must(append(build, "--offline")...)
		if _, again := s.record("app.json"); strings.Join(again, " ") != strings.Join(digests, " ") {
			t.Errorf("digests: first %v, then %v", digests, again)
		}
	})

	t.Run("a container runtime serves it", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("needs root to start a container")
		}
		port := freePort(t)
		w := serve(t, container(t, filepath.Join(s.dir, "image")+":v1", fmt.Sprintf("PORT=%d", port)), port)
		if page := w.get(); !greeting.MatchString(page) {
			t.Errorf("page:\n%s", page)
		}
		if code := w.stop(); code != 0 {
			t.Errorf("exit code %d\n%s", code, w.log)
		}
	})

	t.Run("slugc run has the run image of the stack", func(t *testing.T) {
		s.t = t
		out := s.must("run", "slug:app.tgz", "--", "sh", "-c", `. /etc/os-release; echo "on $ID $VERSION_ID"; command -v gcc || echo no compiler; id -un; node -p '"node "+process.version'`)
		if want := regexp.MustCompile(`on debian 13\nno compiler\nslugc\nnode v`); !want.MatchString(out) {
			t.Errorf("got\n%s", out)
		}
		if out := s.must("inspect", "slug:app.tgz"); !regexp.MustCompile(`Stack: +slugc-13`).MatchString(out) {
			t.Errorf("inspect does not name the stack:\n%s", out)
		}
	})

	t.Run("native code is compiled by the compiler of the stack", func(t *testing.T) {
		s.t = t
		s.must("build", addon, "--stack", "slugc-13", "-o", "slug:addon.tgz")
		root := t.TempDir()
		if out, err := exec.CommandContext(t.Context(), "tar", "-xzf", filepath.Join(s.dir, "addon.tgz"), "-C", root).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if by := compiler(t, root); !strings.Contains(by, "GCC: (Debian 14.") {
			t.Errorf("compiled by %s, want the GCC 14 of Debian 13", by)
		}
		port := freePort(t)
		s.env = []string{fmt.Sprintf("PORT=%d", port)}
		w := serve(t, s.command(t.Context(), "run", "slug:addon.tgz"), port)
		if page := w.get(); !strings.Contains(page, "native code") {
			t.Errorf("page:\n%s", page)
		}
		if code := w.stop(); code != 0 {
			t.Errorf("exit code %d\n%s", code, w.log)
		}
	})
}

// compiler says what compiled the native modules below a directory.
func compiler(t *testing.T, root string) string {
	t.Helper()
	var by []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".node") || !entry.Type().IsRegular() {
			return err
		}
		module, err := elf.Open(path)
		if err != nil {
			return err
		}
		defer module.Close()
		comment := module.Section(".comment")
		if comment == nil {
			return fmt.Errorf("%s does not say who compiled it", path)
		}
		text, err := comment.Data()
		by = append(by, string(bytes.ReplaceAll(text, []byte{0}, []byte(" "))))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(by) == 0 {
		t.Fatalf("there is no native module in %s", root)
	}
	return strings.Join(by, "; ")
}

// container is the command that runs an image of a layout, LAYOUT:TAG, in
// runc, in the network of this machine.
func container(t *testing.T, image string, env ...string) *exec.Cmd {
	t.Helper()
	return containerOf(t, unpack(t, image), nil, env)
}

// containerOf runs a bundle, with other arguments than the image says if there
// are any, and with more variables.
func containerOf(t *testing.T, bundle string, args, env []string) *exec.Cmd {
	t.Helper()
	file := filepath.Join(bundle, "config.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// The OCI runtime specification: what umoci took from the image's config
	// stays as it is.
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	process := config["process"].(map[string]any)
	process["terminal"] = false
	if len(args) > 0 {
		process["args"] = args
	}
	for _, word := range env {
		process["env"] = append(process["env"].([]any), word)
	}
	linux := config["linux"].(map[string]any)
	var namespaces []any
	for _, n := range linux["namespaces"].([]any) {
		if n.(map[string]any)["type"] != "network" {
			namespaces = append(namespaces, n)
		}
	}
	linux["namespaces"] = namespaces
	delete(linux, "resources")
	if text, err = json.Marshal(config); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return exec.CommandContext(t.Context(), "runc", "run", "--bundle", bundle, fmt.Sprintf("slugc-test-%d-%d", os.Getpid(), containers.Add(1)))
}

// TestScanner asks a scanner that knows nothing of slugc which packages are in
// the run image.
func TestScanner(t *testing.T) {
	t.Parallel()
	scanner, err := filepath.Abs("../../out/tools/scalibr")
	if err != nil {
		t.Fatal(err)
	}
	s := newSlugc(t)
	s.must("stack", "create", "slugc-13", "-o", "oci:stack:v1")
	bundle := unpack(t, filepath.Join(s.dir, "stack")+":v1")
	report := filepath.Join(t.TempDir(), "sbom.cdx.json")
	out, err := exec.CommandContext(t.Context(), scanner, "--root="+filepath.Join(bundle, "rootfs"), "--plugins=os/dpkg", "-o", "cdx-json="+report).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var sbom struct {
		Components []struct{ Name, Version, PURL string }
	}
	if err := json.Unmarshal(text, &sbom); err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, c := range sbom.Components {
		if strings.HasPrefix(c.PURL, "pkg:deb/debian/") {
			seen[c.Name] = c.Version
		}
	}
	var result struct {
		Stack struct {
			Packages []struct{ Name, Version string }
		}
	}
	if err := json.Unmarshal([]byte(s.must("stack", "inspect", "slugc-13", "--json")), &result); err != nil {
		t.Fatal(err)
	}
	for _, p := range result.Stack.Packages {
		if seen[p.Name] != p.Version {
			t.Errorf("the scanner sees %s %q, and %s is in the image", p.Name, seen[p.Name], p.Version)
		}
		delete(seen, p.Name)
	}
	if len(result.Stack.Packages) < 20 || len(seen) > 0 {
		t.Errorf("%d packages; the scanner sees others too: %v", len(result.Stack.Packages), seen)
	}
}

// unpack makes a runtime bundle of an image of a layout, LAYOUT:TAG: the root file
// system and its configuration, without the list of checksums of all files with which
// umoci finds out what was changed since.
func unpack(t *testing.T, image string) string {
	t.Helper()
	bundle := t.TempDir()
	root := filepath.Join(bundle, "rootfs")
	for _, arguments := range [][]string{
		{"unpack", "--image", image, root},
		{"runtime-config", "--image", image, "--rootfs", root, filepath.Join(bundle, "config.json")},
	} {
		if os.Getuid() != 0 {
			arguments = slices.Insert(arguments, 1, "--rootless")
		}
		if out, err := exec.CommandContext(t.Context(), "umoci", append([]string{"raw"}, arguments...)...).CombinedOutput(); err != nil {
			t.Fatalf("umoci: %v\n%s", err, out)
		}
	}
	return bundle
}
