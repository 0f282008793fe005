package nodejs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStart(t *testing.T) {
	npm := driver{manager: npmManager}
	for script, want := range map[string][]string{
		"node server.js":                             {"node", "server.js"},
		"  next   start -H 0.0.0.0 ":                 {"next", "start", "-H", "0.0.0.0"},
		"NODE_ENV=production A= node --max-http=7 x": {"env", "NODE_ENV=production", "A=", "node", "--max-http=7", "x"},
		"exec node server.js":                        {"node", "server.js"},
		"next start -p $PORT":                        {"npm", "start"},
		"node build.js && node server.js":            {"npm", "start"},
		"npm run serve":                              {"npm", "start"},
		"cd server":                                  {"npm", "start"},
		"node 'my server.js'":                        {"npm", "start"},
		"node *.js":                                  {"npm", "start"},
		"A=b":                                        {"npm", "start"},
	} {
		if diff := cmp.Diff(want, npm.start(manifest{Scripts: map[string]string{"start": script}})); diff != "" {
			t.Errorf("%q: %s", script, diff)
		}
	}
	scripts := map[string]string{"start": "node server.js", "prestart": "node migrate.js"}
	for name, test := range map[string]struct {
		driver driver
		want   []string
	}{
		"npm":    {npm, []string{"npm", "start"}},
		"Yarn 1": {driver{manager: yarnManager}, []string{"bash", "-c", "yarn run prestart && node server.js"}},
		"Bun":    {driver{manager: bunManager}, []string{"bun", "run", "start"}},
		"PnP":    {driver{manager: yarnManager, berry: true, pnp: true}, []string{"yarn", "start"}},
	} {
		if diff := cmp.Diff(test.want, test.driver.start(manifest{Scripts: scripts})); diff != "" {
			t.Errorf("%s, with a script before: %s", name, diff)
		}
	}
}
