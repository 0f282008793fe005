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

// DefaultModules are modules with which servers run: all that Java SE has, since
// frameworks reach for them by reflection (Spring for java.desktop, which has
// the beans), and those of the JDK that a server may need: its HTTP server,
// languages, cryptography, and what debuggers and monitors talk to. Drawing
// also needs libraries of the system.
func DefaultModules() []string {
	return []string{
		"java.se", "jdk.charsets", "jdk.crypto.cryptoki", "jdk.crypto.ec", "jdk.httpserver", "jdk.jdwp.agent", "jdk.jfr", "jdk.localedata",
		"jdk.management", "jdk.management.agent", "jdk.naming.dns", "jdk.net", "jdk.security.auth", "jdk.security.jgss", "jdk.unsupported",
		"jdk.zipfs",
	}
}

// Command is the jlink that makes the image. Env is the environment of the JDK
// (runtime.Layout.Environ). It needs no other programs. The line numbers of
// Java's own classes stay, for the traces of an app's errors; files with debug
// information of native libraries, which are larger than all the rest, do not.
func (i Image) Command(env map[string]string) tool.Command {
	modules := slices.Clone(i.Modules)
	if len(modules) == 0 {
		modules = DefaultModules()
	}
	slices.Sort(modules)
	args := []string{
		filepath.Join(i.Home, "bin", "jlink"), "--add-modules", strings.Join(slices.Compact(modules), ","), "--output", i.Dir,
		"--no-header-files", "--no-man-pages", "--ignore-signing-information", "--exclude-files=**.debuginfo,**.diz",
	}
	if i.Compress {
		args = append(args, "--compress=2")
	}
	return tool.Command{Args: args, Dir: filepath.Dir(i.Dir), Env: env}
}

// Archive is the java that makes an archive of the usual classes in a finished
// image (JEP 341), with which programs start faster. The collector is named,
// since what is archived depends on it, and Java would choose one by the size of
// the machine.
func (i Image) Archive(env map[string]string) tool.Command {
	return tool.Command{Args: []string{filepath.Join(i.Dir, "bin", "java"), "-XX:+UseG1GC", "-Xshare:dump"}, Dir: i.Dir, Env: env}
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
