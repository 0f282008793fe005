package java

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// Image is a small Java runtime to be made with jlink.
type Image struct {
	// Home is the JDK that it is made of.
	Home string
	// Modules are what it can do; what they need comes with them. See
	// DefaultModules.
	Modules []string
	// Dir is where it is made. It must not exist.
	Dir string
	// Compress makes the modules smaller and the start slower. A slug is
	// compressed anyway, so it is off by default.
	Compress bool
}

// DefaultModules are modules with which most servers run: what Spring, Quarkus
// and the usual database drivers use. Java's windows and fonts are not among
// them: java.desktop also needs libraries of the system.
func DefaultModules() []string {
	return []string{
		"java.base", "java.compiler", "java.instrument", "java.logging", "java.management", "java.naming", "java.net.http",
		"java.prefs", "java.rmi", "java.scripting", "java.security.jgss", "java.sql", "java.transaction.xa", "java.xml",
		"jdk.crypto.ec", "jdk.jfr", "jdk.localedata", "jdk.management", "jdk.naming.dns", "jdk.net", "jdk.unsupported", "jdk.zipfs",
	}
}

// Command is the jlink that makes the image. Env is the environment of the JDK
// (runtime.Layout.Environ). It needs no other programs: without objcopy in PATH
// the debug information of the native libraries stays.
func (i Image) Command(env map[string]string) tool.Command {
	modules := slices.Clone(i.Modules)
	if len(modules) == 0 {
		modules = DefaultModules()
	}
	slices.Sort(modules)
	args := []string{
		filepath.Join(i.Home, "bin", "jlink"), "--add-modules", strings.Join(slices.Compact(modules), ","), "--output", i.Dir,
		"--strip-java-debug-attributes", "--no-header-files", "--no-man-pages", "--ignore-signing-information",
	}
	if i.Compress {
		args = append(args, "--compress=2")
	}
	return tool.Command{Args: args, Dir: filepath.Dir(i.Dir), Env: env}
}

// Dependencies is the jdeps that prints the modules which some jars and
// directories of classes need, with commas between them.
func Dependencies(home string, release int, env map[string]string, classpath []string) tool.Command {
	args := []string{
		filepath.Join(home, "bin", "jdeps"), "--ignore-missing-deps", "--print-module-deps", "--recursive",
		"--multi-release", fmt.Sprint(release), "--class-path", strings.Join(classpath, string(os.PathListSeparator)),
	}
	return tool.Command{Args: append(args, classpath...), Env: env}
}

// Finish completes an image that jlink made: the certificates of a PEM bundle
// are what it trusts, and what only developers need is removed. It can be done
// twice.
func (i Image) Finish(bundle []byte) error {
	store, err := TrustStore(bundle)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(i.Dir)
	if err != nil {
		return fmt.Errorf("finishing the Java runtime: %w", err)
	}
	defer root.Close()
	if _, err := root.Stat("lib/modules"); err != nil {
		return fmt.Errorf("finishing the Java runtime: jlink made none in %s: %w", i.Dir, err)
	}
	// It may be a link to a file of the JDK, or not writable.
	if err := root.Remove("lib/security/cacerts"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("finishing the Java runtime: %w", err)
	}
	if err := root.MkdirAll("lib/security", 0o755); err != nil {
		return fmt.Errorf("finishing the Java runtime: %w", err)
	}
	if err := root.WriteFile("lib/security/cacerts", store, 0o644); err != nil {
		return fmt.Errorf("finishing the Java runtime: %w", err)
	}
	for _, name := range []string{"include", "man", "demo", "sample", "lib/src.zip"} {
		if err := root.RemoveAll(name); err != nil {
			return fmt.Errorf("finishing the Java runtime: %w", err)
		}
	}
	return nil
}
