package runtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/download"
)

// DebianVariable names the file from which a buildpack learns what
// DebianSettings say.
const DebianVariable = "SLUGC_DEBIAN_SETTINGS"

// DebianSettings are what a build needs to know to install Debian packages
// beside those of the root filesystem that processes will run on.
type DebianSettings struct {
	// Sources are where the archives are. They may have credentials.
	Sources repository.Sources `json:"sources"`
	// Stack is the stack whose packages fit, empty where none does.
	Stack string `json:"stack,omitempty"`
	// Base are the packages of the run variant of the stack, none where they
	// are not known.
	Base []control.Package `json:"base,omitempty"`
}

// maxDebianSettings bounds the file, in bytes. A run image has about 60
// packages of 300 bytes.
const maxDebianSettings = 4 << 20

// Text is the file for the settings.
func (s DebianSettings) Text() (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	// Addresses have ampersands.
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		return "", fmt.Errorf("writing the settings of Debian's archives: %w", err)
	}
	return text.String(), nil
}

// readDebianSettings reads the file of the settings.
func readDebianSettings(file string) (s DebianSettings, err error) {
	f, err := os.Open(file)
	if err != nil {
		return s, fmt.Errorf("reading the settings of Debian's archives: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxDebianSettings+1))
	if err != nil {
		return s, fmt.Errorf("reading the settings of Debian's archives in %s: %w", file, err)
	}
	if len(data) > maxDebianSettings {
		return s, fmt.Errorf("reading the settings of Debian's archives: %s is larger than %d bytes", file, maxDebianSettings)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("reading the settings of Debian's archives in %s: %w", file, err)
	}
	return s, nil
}

// fromSettings is the archive of settings, with a cache in a directory.
func fromSettings(s DebianSettings, fetcher *download.Fetcher, cache string) (*Debian, error) {
	if s.Stack == "" {
		return nil, appError(errors.New("packages of Debian go with none but slugc's own stacks\n" +
			"build on one of them: slugc build --stack ID; slugc stack list says which there are"))
	}
	definition, err := stack.Find(s.Stack)
	if err != nil {
		return nil, err
	}
	if len(s.Base) == 0 {
		return nil, appError(fmt.Errorf("packages of Debian have to go with those of the stack %s, which was not made on this machine\n"+
			"make it, once: slugc stack create %[1]s", s.Stack))
	}
	for _, archive := range []string{repository.Debian, repository.Security} {
		if _, err := s.Sources.Base(archive); err != nil {
			return nil, appError(err)
		}
	}
	return &Debian{
		Repository:   repository.Repository{Sources: s.Sources, Fetcher: fetcher, Cache: filepath.Join(cache, "debian")},
		Suites:       definition.Suites,
		Distribution: definition.DistroName + "-" + definition.DistroVersion,
		Base:         s.Base,
	}, nil
}

// appError says that a person has to change something.
func appError(err error) error { return &download.Error{Fault: download.App, Err: err} }
