package nodejs

import (
	"fmt"
	"path"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// processes are how the app starts. An app without a start script starts as
// npm would start it, with server.js, or else with the file that its main names
// or that Paketo would try.
func (a app) processes() ([]libcnb.Process, error) {
	if a.manifest.Scripts["start"] != "" {
		return web("npm", "start"), nil
	}
	for _, file := range []string{"server.js", a.manifest.Main, "app.js", "main.js", "index.js"} {
		if file == "" || path.Ext(file) != ".js" && path.Ext(file) != ".mjs" && path.Ext(file) != ".cjs" {
			continue
		}
		there, err := appfile.Exists(a.dir, file)
		if err != nil {
			return nil, fmt.Errorf("looking for the file to start: %w", err)
		}
		if there {
			return web("node", file), nil
		}
	}
	return nil, nil
}

func web(command ...string) []libcnb.Process {
	return []libcnb.Process{{Type: "web", Command: command, Default: true}}
}
