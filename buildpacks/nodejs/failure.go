package nodejs

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/nodejs/lock"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// ran is a run of a package manager that did not succeed.
type ran struct {
	// what says it in words, script is the line of package.json that ran.
	what, script string
	err          error
	output       *tool.Tail
}

// npmCode is the line in which npm says what kind of error it met.
var npmCode = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^npm (?:ERR!|error) code (\S+)`) })

// npmPath is the line in which npm says whose script failed.
var npmPath = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^npm (?:ERR!|error) path (\S+)`) })

// explain says whose fault a failure is, how it ended, and what to do.
func (s scripts) explain(r ran) error {
	f := failure.Failure{What: r.what, Err: r.err, Output: r.output}
	text := r.output.Text()
	for _, pattern := range []*regexp.Regexp{npmCode(), pnpmCode(), yarnCode()} {
		if match := pattern.FindStringSubmatch(text); match != nil {
			f.Code = match[1]
			break
		}
	}
	locked := lock.NPMFile
	if s.app.lock != nil {
		locked = s.app.lock.Name()
	}
	known := causes(s.app.choice.manager, locked, s.app.lockCommand())
	switch path := npmPath().FindStringSubmatch(text); {
	case r.script != "":
		f.Details = append(f.Details, "it is the app's own: "+r.script)
		f.Unknown = "see it fail on your machine:\n  " + string(s.driver.manager) + " " + s.driver.install(true)[0] + "\n  " + string(s.driver.manager) + " run " + strings.Trim(strings.SplitN(r.script, ":", 2)[0], `"`)
	case path != nil && strings.Contains(path[1], "/node_modules/") && !f.Known(known):
		name := path[1][strings.LastIndex(path[1], "/node_modules/")+len("/node_modules/"):]
		f.Details = append(f.Details, "the install script of the package "+name+" failed")
	}
	if l, is := s.app.lock.(*lock.Berry); is && r.script == "" && cutOff().MatchString(text) {
		// Yarn does not say which package it is.
		if missing := absent(l, s.env["YARN_CACHE_FOLDER"]); len(missing) > 0 {
			f.Details = append(f.Details, "what did not arrive: "+strings.Join(missing, ", "))
		}
	}
	if name, _, _ := strings.Cut(s.missed, " "); name != "" && r.script == "" && s.driver.name() == string(npmManager) && !strings.Contains(text, name) {
		// npm does not always say which package it is.
		f.Details = append(f.Details, "the registry's trouble is with "+s.missed)
	}
	return failure.Explain(f, known)
}

// cutOff is how Yarn 2 and later says that a package did not arrive whole.
var cutOff = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`RequestError|TimeoutError|ECONN[A-Z]+|ETIMEDOUT|SOCKET_CLOSED|server aborted|Error: aborted|ZlibError|zlib:|incorrect header check|Unexpected end of data|Response Code: `)
})

// absent are the packages of a lock file that are not in Yarn's cache, of which some may
// not be wanted: those that are for other systems are left out. There are five at most,
// and how many more.
func absent(l *lock.Berry, cache string) []string {
	components, err := archived(l, cache)
	if err != nil {
		return nil
	}
	there := map[string]bool{}
	for _, c := range components {
		there[c.Name+"@"+c.Version] = true
	}
	const most = 5
	var missing []string
	more := 0
	for _, p := range l.Packages() {
		if p.Conditional || there[p.Name+"@"+p.Version] {
			continue
		}
		if len(missing) == most {
			more++
			continue
		}
		missing = append(missing, p.Name+"@"+p.Version)
	}
	if more > 0 {
		missing = append(missing, fmt.Sprintf("and %d more", more))
	}
	return missing
}
