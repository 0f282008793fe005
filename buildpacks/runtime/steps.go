package runtime

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/runtime/java"
)

// site is where a step works.
type site struct {
	root     *os.Root
	resolver *Resolver
	fill     *strings.Replacer
}

// steps are what maintainer scripts of packages would have done, by name.
func steps() map[string]func(site) error {
	return map[string]func(site) error{
		"composer":          site.composer,
		"java-certificates": site.javaCertificates,
		"php-library":       site.phpLibrary,
		"php-modules":       site.phpModules,
		"pkg-config":        site.pkgConfig,
	}
}

// javaCertificates does the work of ca-certificates-java: it makes the store to
// which the runtime has a link.
func (s site) javaCertificates() error {
	if len(s.resolver.Certificates) == 0 {
		return fmt.Errorf("there are no certificates for Java to trust; expected those of the stack")
	}
	store, err := java.TrustStore(s.resolver.Certificates)
	if err != nil {
		return err
	}
	if err := s.root.MkdirAll("etc/ssl/certs/java", 0o755); err != nil {
		return err
	}
	return s.root.WriteFile("etc/ssl/certs/java/cacerts", store, 0o644)
}

// phpPriority is the comment by which phpenmod(8) orders modules.
var phpPriority = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^; *priority *= *([0-9]{1,3}) *$`) })

// phpSettings is the php.ini of the runtime: what PHP's own php.ini-production
// changes, and room for what people upload. Errors go to standard error.
//
//go:embed php.ini
var phpSettings []byte

// phpModules does the work of phpenmod(8): one directory with the settings of
// all modules, in the order of their priority. The directory of the modules is
// an expression that PHP evaluates when it starts, so the files do not know
// where they are. It writes php.ini besides, and gives php-fpm a name without a
// version.
func (s site) phpModules() error {
	apis, err := fs.Glob(s.root.FS(), "usr/lib/php/[0-9]*[0-9]")
	if err != nil {
		return err
	}
	// The directory of the modules is called after a date, beside one called
	// after the version.
	apis = slices.DeleteFunc(apis, func(name string) bool { return strings.Contains(path.Base(name), ".") })
	if len(apis) != 1 {
		return fmt.Errorf("expected one directory of PHP modules in usr/lib/php, found %d", len(apis))
	}
	if err := s.root.MkdirAll("conf.d", 0o755); err != nil {
		return err
	}
	if err := s.root.WriteFile("php.ini", phpSettings, 0o644); err != nil {
		return err
	}
	manager := s.fill.Replace("php-fpm{major}.{minor}")
	if _, err := s.root.Lstat("usr/sbin/" + manager); err == nil {
		if err := s.root.Symlink(manager, "usr/sbin/php-fpm"); err != nil {
			return err
		}
	}
	general := "extension_dir = \"${PHP_HOME}/" + apis[0] + "\"\ninclude_path = \".:${PHP_HOME}/usr/share/php\"\n"
	if err := s.root.WriteFile("conf.d/00-directories.ini", []byte(general), 0o644); err != nil {
		return err
	}
	var settings []string
	// Modules that are not of PHP's own source have theirs where phpenmod(8) looks.
	for _, pattern := range []string{"usr/share/php{major}.{minor}-*/*/*.ini", "etc/php/{major}.{minor}/mods-available/*.ini"} {
		found, err := fs.Glob(s.root.FS(), s.fill.Replace(pattern))
		if err != nil {
			return err
		}
		settings = append(settings, found...)
	}
	for _, name := range settings {
		text, err := s.root.ReadFile(name)
		if err != nil {
			return err
		}
		priority := "20"
		if match := phpPriority().FindSubmatch(text); match != nil {
			priority = string(match[1])
		}
		if err := s.root.WriteFile("conf.d/"+priority+"-"+path.Base(name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// phpLibrary has Debian's PHP packages find each other through PHP's
// include_path, which phpModules sets, in the place of absolute paths.
func (s site) phpLibrary() error {
	const library = "usr/share/php"
	if _, err := s.root.Stat(library); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fs.WalkDir(s.root.FS(), library, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || path.Ext(name) != ".php" {
			return err
		}
		text, err := s.root.ReadFile(name)
		if err != nil {
			return err
		}
		moved := bytes.ReplaceAll(text, []byte("require_once '/"+library+"/"), []byte("require_once '"))
		if len(moved) == len(text) {
			return nil
		}
		return s.root.WriteFile(name, moved, 0o644)
	})
}

// composer has Composer find its libraries beside itself, whatever PHP runs it,
// which it finds through PATH.
func (s site) composer() error {
	const name = "usr/bin/composer"
	text, err := s.root.ReadFile(name)
	if err != nil {
		return err
	}
	const first = "<?php\n"
	_, program, found := bytes.Cut(text, []byte(first))
	if !found {
		return fmt.Errorf("expected %s to be a program in PHP", name)
	}
	moved := "#!/usr/bin/env php\n" + first + "set_include_path(dirname(__DIR__) . '/share/php');\n" + string(program)
	return s.root.WriteFile(name, []byte(moved), 0o755)
}

// pkgConfigPrefix is a variable of a .pc file that names a place below /usr.
var pkgConfigPrefix = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^(\w+ *= *)/usr(/|$)`) })

// pkgConfig has the files of pkg-config(1) say where they are by where they lie.
func (s site) pkgConfig() error {
	for _, pattern := range []string{"usr/lib/*/pkgconfig/*.pc", "usr/lib/pkgconfig/*.pc", "usr/share/pkgconfig/*.pc"} {
		found, err := fs.Glob(s.root.FS(), pattern)
		if err != nil {
			return err
		}
		for _, name := range found {
			if info, err := s.root.Lstat(name); err != nil || !info.Mode().IsRegular() {
				continue
			}
			text, err := s.root.ReadFile(name)
			if err != nil {
				return err
			}
			above := strings.Repeat("/..", strings.Count(name, "/")-1)
			moved := pkgConfigPrefix().ReplaceAll(text, []byte("${1}$${pcfiledir}"+above+"${2}"))
			if err := s.root.WriteFile(name, moved, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
