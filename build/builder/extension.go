package builder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
)

// extensionFile is the file that makes a directory an image extension.
const extensionFile = "extension.toml"

// extensionDoc is an extension.toml (CNB Image Extension API, "extension.toml").
type extensionDoc struct {
	API       string
	Extension struct {
		ID, Version, Name, Homepage, Description string
		Keywords                                 []string
		ExecEnv                                  []string `toml:"exec-env"`
		Licenses                                 []struct{ Type, URI string }
	}
	Targets []builderTargetDoc
}

// readExtension reads the image extension in a directory.
func readExtension(dir string) (module, error) {
	data, err := readSmall(filepath.Join(dir, extensionFile))
	if errors.Is(err, os.ErrNotExist) {
		return module{}, fmt.Errorf("it has no %s; expected a directory with an image extension", extensionFile)
	}
	if err != nil {
		return module{}, err
	}
	m, err := parseExtension(data)
	if err != nil {
		return module{}, fmt.Errorf("%s: %w", extensionFile, err)
	}
	m.dir = dir
	return m, nil
}

// parseExtension reads an extension.toml.
func parseExtension(data []byte) (module, error) {
	var doc extensionDoc
	if err := launch.DecodeTOML(data, &doc); err != nil {
		return module{}, err
	}
	e := doc.Extension
	switch {
	case doc.API == "":
		return module{}, errors.New("no api; write api = \"0.10\" at the top")
	case !partForm(e.ID):
		return module{}, fmt.Errorf("extension id %.100q: expected letters, digits, dots, dashes and slashes", e.ID)
	case strings.Contains(e.Version, "/") || !partForm(e.Version):
		return module{}, fmt.Errorf("extension version %.100q: expected X.Y.Z", e.Version)
	}
	m := module{extension: true, description: e.Description, keywords: e.Keywords}
	m.Descriptor = buildpacks.Descriptor{
		ID: e.ID, Version: e.Version, Dialect: buildpacks.CNB, API: doc.API, Name: e.Name, Homepage: e.Homepage, ExecEnvs: e.ExecEnv,
	}
	for _, l := range e.Licenses {
		m.licenses = append(m.licenses, License{Type: l.Type, URI: l.URI})
	}
	targets, err := targetsWithDistros(doc.Targets)
	m.declared, m.Targets = targets, targets
	return m, err
}

// partForm is whether each part of an id, or a version, can name a directory.
func partForm(text string) bool {
	for part := range strings.SplitSeq(text, "/") {
		if !wordForm.MatchString(strings.ReplaceAll(part, "+", "-")) || strings.Contains(part, "..") {
			return false
		}
	}
	return true
}
