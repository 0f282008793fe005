package static

import (
	"fmt"
	"maps"
	"slices"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// projectTableName is the table of Heroku's static web server in a project.toml.
const projectTableName = "com.heroku.static-web-server"

// projectSite are its settings.
type projectSite struct {
	Root    string                       `toml:"root"`
	Index   string                       `toml:"index"`
	Headers map[string]map[string]string `toml:"headers"`
	Errors  map[string]struct {
		FilePath string `toml:"file_path"`
		Status   int    `toml:"status"`
	} `toml:"errors"`
	Build         map[string]any `toml:"build"`
	RuntimeConfig map[string]any `toml:"runtime_config"`
}

// projectTable reads the table, if there is one.
func projectTable(dir string) (table projectSite, is bool, err error) {
	data, err := appfile.ReadIfThere(dir, projectFile)
	if err != nil {
		return projectSite{}, false, err
	}
	return parseProject(data)
}

func parseProject(data []byte) (table projectSite, is bool, err error) {
	var doc struct {
		Com struct {
			Heroku map[string]any `toml:"heroku"`
		} `toml:"com"`
	}
	// What else is in the file is for others to read.
	if err := appfile.TOML(projectFile, data, &doc); err != nil || doc.Com.Heroku["static-web-server"] == nil {
		return projectSite{}, false, nil
	}
	var typed struct {
		Com struct {
			Heroku struct {
				Site projectSite `toml:"static-web-server"`
			} `toml:"heroku"`
		} `toml:"com"`
	}
	if err := appfile.TOML(projectFile, data, &typed); err != nil {
		return projectSite{}, false, err
	}
	return typed.Com.Heroku.Site, true, nil
}

// readProject takes the settings of project.toml.
func (s *site) readProject(dir string) error {
	table, _, err := projectTable(dir)
	if err != nil {
		return err
	}
	s.by = projectTableName + " in " + projectFile
	if table.Root == "" {
		table.Root = projectRoot
	}
	if err := s.setRoot(table.Root); err != nil {
		return err
	}
	if table.Index != "" {
		s.index = []string{table.Index}
	}
	for pattern, set := range table.Headers {
		for name, value := range set {
			if err := s.addHeader(pattern, name, value); err != nil {
				return err
			}
		}
	}
	for _, status := range slices.Sorted(maps.Keys(table.Errors)) {
		page := table.Errors[status]
		if page.FilePath == "" {
			return appfile.Error("%s: errors.%s names no file_path\nexpected a file of the site:\n  [%s.errors.%s]\n  file_path = \"404.html\"", projectFile, status, projectTableName, status)
		}
		if status == "404" && page.Status == 200 {
			s.routes = append(s.routes, route{pattern: "/**", file: rootedPath(page.FilePath)})
			continue
		}
		if err := s.addErrorPage(status, page.FilePath); err != nil {
			return err
		}
	}
	if len(table.Build) > 0 {
		s.warnings = append(s.warnings, fmt.Sprintf("%s: build does nothing: the buildpack of a language builds the site", projectFile))
	}
	if enabled, set := table.RuntimeConfig["enabled"].(bool); len(table.RuntimeConfig) > 0 && (!set || enabled) {
		s.warnings = append(s.warnings, fmt.Sprintf("%s: runtime_config does nothing: pages are served as they are", projectFile))
	}
	s.sort()
	return nil
}
