//go:build acceptance

package launch_test

import (
	"fmt"
	"strings"
)

// scenes are the launches in which both launchers have to do the same.
//
// Long: it is one list of launches; there are no steps in it.
func scenes() []scene {
	all := []scene{
		{name: "a type by name", argv: []string{"direct"}},
		{name: "a type by path", argv: []string{"/cnb/process/direct"}},
		{name: "a type with dots", argv: []string{"dotted.type", "x"}},
		{name: "direct", argv: []string{"launcher", "--", "probe", "$A", "a b", ""}},
		{name: "direct without words", argv: []string{"/cnb/lifecycle/launcher", "--", "probe"}},
		{name: "two dashes for the process", argv: []string{"launcher", "--", "probe", "--", "x"}},
		{name: "a direct path", argv: []string{"launcher", "--", "@layers/acme_new/tools/bin/probe"}},
		{name: "a line for the shell", environ: []string{"A=a  b"}, argv: []string{"launcher", `exec probe "$A" $A; false`}},
		{name: "an empty line for the shell", argv: []string{"launcher", ""}},
		{name: "words for the shell", environ: []string{"A=a  b"}, argv: []string{
			"launcher", "probe", "$A", "'$A'", "it's", `\$A`, `"$A"`, "*", "a\\\\b", "$(echo sub)", "`echo sub`", "~", "a;b", "", "x=$((1+1))",
		}},
		{name: "a command of words", argv: []string{"launcher", "$A", "x"}, environ: []string{"A=probe"}},
		{name: "a word with an open quote", argv: []string{"launcher", "probe", `a"b`, "x"}},
		{name: "words of an old process", environ: []string{"A=a  b"}, argv: []string{"old-words"}},
		{name: "words of a person for an old process", environ: []string{"A=a  b"}, argv: []string{"old-words", "$A", "mine"}},
		{name: "a script of an old process", environ: []string{"A=a  b"}, argv: []string{"dump"}},
		{name: "a process of a buildpack that is not there", argv: []string{"orphan"}},
		{name: "arguments for it", argv: []string{"orphan", "mine"}},
		{name: "numbers in a command", argv: []string{"numbers"}},

		{name: "no command", argv: []string{"launcher"}},
		{name: "an unknown type", argv: []string{"/cnb/process/nope"}},
		{name: "an unknown type as a command", argv: []string{"launcher", "nope"}},
		{name: "no such program", argv: []string{"missing"}},
		{name: "no such program, directly", argv: []string{"launcher", "--", "no-such-program"}},
		{name: "no such file, directly", argv: []string{"launcher", "--", "./no-such-program"}},
		{name: "an empty command, directly", argv: []string{"launcher", "--", ""}},
		{name: "no such program in a shell", argv: []string{"launcher", "no-such-program"}},
		{name: "an exit code of a line", argv: []string{"launcher", "exit 7"}},
		{name: "an exit code of a program", argv: []string{"launcher", "--", "sh", "-c", "exit 130"}},
		{name: "a program that a signal ends", argv: []string{"launcher", "--", "sh", "-c", "kill -KILL $$"}},
		{name: "no app", environ: []string{"CNB_APP_DIR=/nowhere"}, argv: []string{"direct"}},

		{name: "the process of an environment", environ: []string{"CNB_EXEC_ENV=test"}, argv: []string{"tested"}},
		{name: "the process of all environments", argv: []string{"tested"}},
		{name: "an empty environment is production", environ: []string{"CNB_EXEC_ENV="}, argv: []string{"only-tested"}},
		{name: "a process of another environment", argv: []string{"only-tested"}},
		{name: "a process of this environment", environ: []string{"CNB_EXEC_ENV=test"}, argv: []string{"only-tested", "x"}},
		{name: "environments need a platform", environ: []string{"CNB_PLATFORM_API=0.14"}, argv: []string{"only-tested"}},

		{name: "a working directory below the app", argv: []string{"down"}},
		{name: "a working directory below the app, in a shell", argv: []string{"down-shell"}},
		{name: "a working directory elsewhere", argv: []string{"away"}},
		{name: "no such working directory", argv: []string{"nowhere"}},
		{name: "a profile that changes the directory", files: map[string]string{"app/.profile": "cd /"}, argv: []string{"launcher", "probe"}},

		{name: "variables of the launcher are dropped", environ: []string{
			"CNB_PROCESS_TYPE=direct", "CNB_EXEC_ENV=production", "CNB_OTHER=kept", "CNB_STACK_ID=kept", "PATH=/cnb/process:/a:/cnb/lifecycle:/usr/bin:/bin:/cnb/process/:/cnb/process",
		}, argv: []string{"direct"}},
		{name: "variables of the launcher are dropped for a shell", environ: []string{"CNB_PROCESS_TYPE=web"}, argv: []string{"dump"}},
		{name: "nothing but the launcher in PATH", environ: []string{"PATH=/cnb/process"}, argv: []string{"direct"}},
		{name: "an empty PATH", environ: []string{"PATH="}, argv: []string{"direct"}},
		{name: "a variable twice", environ: []string{"A=1", "A=2=3"}, argv: []string{"direct"}},
		{name: "bytes that are not UTF-8", environ: []string{"A=\xff\xfe", "\xc3=\x80"},
			files: map[string]string{"layers/acme_old/a/env/B": "\x80\n", "layers/acme_old/a/env/\xff": "\xfe"}, argv: []string{"direct", "\xff"}},
		{name: "what belongs to the process stays", argv: []string{"launcher", `ulimit -Sn; ulimit -Hn; umask; echo "$SHLVL"; exec probe`}},

		{name: "roots", files: map[string]string{
			"layers/acme_old/b/bin/": "", "layers/acme_old/a/bin/": "", "layers/acme_old/a/lib/": "", "layers/acme_old/a/include/": "",
			"layers/acme_old/a/pkgconfig/": "", "layers/acme_new/z/lib/": "", "layers/acme_new/B/bin/": "", "layers/acme_new/B/env/PATH.append": ":/last",
		}, environ: []string{"LD_LIBRARY_PATH=/user"}, argv: []string{"direct"}},
		{name: "what is no layer", files: map[string]string{
			"layers/acme_old/a.toml": "[types]", "layers/acme_old/store.toml": "", "layers/acme_gone/a/env/GONE": "1", "layers/sbom/launch/x/env/GONE": "1",
		}, argv: []string{"direct"}},
		{name: "suffixes", files: map[string]string{
			"layers/acme_old/a/env/NONE": "new", "layers/acme_old/a/env/OVER.override": "new", "layers/acme_old/a/env/APP.append": "new",
			"layers/acme_old/a/env/PRE.prepend": "new", "layers/acme_old/a/env/DEF.default": "new", "layers/acme_old/a/env/UNSET.default": "new",
			"layers/acme_old/a/env/BLANK.default": "new", "layers/acme_old/a/env/ODD.what": "new", "layers/acme_old/a/env/ODD.a.append": "new",
			"layers/acme_old/a/env/APP.delim": ":", "layers/acme_old/a/env.launch/APP.append": "x", "layers/acme_old/a/env.build/APP.append": "y",
			"layers/acme_old/a/env/WORD.append": "x", "layers/acme_old/a/env/WORD.delim": ":", "layers/acme_old/a/env/ALONE.delim": ":",
			"layers/acme_old/a/env/VERBATIM": "line\n$HOME '\"\n",
		}, environ: []string{"NONE=old", "OVER=old", "APP=old", "PRE=old", "DEF=old", "BLANK=", "ODD=old"}, argv: []string{"direct"}},
		{name: "a NUL", files: map[string]string{"layers/acme_old/a/env/A": "a\x00b"}, argv: []string{"direct"}},
		{name: "levels", files: levels("env", "direct"), argv: []string{"direct"}},
		{name: "levels of a command", files: levels("env", "direct"), argv: []string{"launcher", "--", "probe"}},
		{name: "links", files: map[string]string{"layers/acme_old/a/env/A": "1", "layers/acme_old/a/share/": ""}, argv: []string{"direct"}},

		{name: "exec.d", files: map[string]string{
			"layers/acme_old/z/exec.d/2":        execDProgram(),
			"layers/acme_old/z/exec.d/10":       execDProgram(),
			"layers/acme_old/z/exec.d/direct/1": execDProgram(),
			"layers/acme_old/z/exec.d/other/1":  execDProgram(),
			"layers/acme_old/a/exec.d/1":        execDProgram(),
			"layers/acme_new/a/exec.d/direct/1": execDProgram(),
			"layers/acme_new/a/exec.d/1":        execDProgram(),
			"layers/acme_new/a/env/A":           "from the layer",
		}, environ: []string{"A=user's"}, argv: []string{"direct"}},
		{name: "exec.d changes PATH", files: map[string]string{
			"layers/acme_old/a/exec.d/1": "#!/bin/sh\necho \"PATH = '$PATH:/more'\" >&3", "layers/acme_old/a/other/x": "",
		}, argv: []string{"direct"}},
		{name: "exec.d prints all kinds of strings", files: map[string]string{
			"layers/acme_old/a/exec.d/1": "#!/bin/sh\ncat >&3 <<'END'\n# c\nA = \"\\u00e9\\n\\t\\\"\"\nB = 'lit\\n'\nC = \"\"\"\nx\ny\"\"\"\n'D' = '''z'''\nlower-case = \"1\"\nEMPTY = \"\"\nEND",
		}, argv: []string{"direct"}},
		{name: "exec.d prints nothing", files: map[string]string{"layers/acme_old/a/exec.d/1": "#!/bin/sh\nread x; echo \"got $x\""}, argv: []string{"direct"}},
		{name: "exec.d for a shell", files: map[string]string{"layers/acme_old/a/exec.d/1": execDProgram(), "app/.profile": "A=\"$A profile\""}, argv: []string{"dump"}},

		{name: "profiles", files: map[string]string{
			"layers/acme_old/z/profile.d/b":          profileScript("b"),
			"layers/acme_old/z/profile.d/a.sh":       profileScript("a"),
			"layers/acme_old/z/profile.d/dump/c":     profileScript("c"),
			"layers/acme_old/z/profile.d/other/d":    profileScript("d"),
			"layers/acme_old/a/profile.d/dump/e":     profileScript("e"),
			"layers/acme_old/a/profile.d/it's f":     profileScript("f"),
			"layers/acme_new/a/profile.d/g":          profileScript("g"),
			"layers/acme_new/tools/profile.d/prints": "echo printed",
			"app/.profile":                           profileScript("app"),
		}, argv: []string{"dump"}},
		{name: "profiles of a command", files: map[string]string{
			"layers/acme_old/z/profile.d/b": profileScript("b"), "layers/acme_old/z/profile.d/dump/c": profileScript("c"), "app/.profile": profileScript("app"),
		}, argv: []string{"launcher", `probe "$R" "$0" $#`}},
		{name: "no profiles for a direct process", files: map[string]string{
			"layers/acme_old/z/profile.d/b": profileScript("b"), "app/.profile": profileScript("app"),
		}, argv: []string{"direct"}},
		{name: "profiles see variables that they do not export", files: map[string]string{
			"layers/acme_old/z/profile.d/b": "R=hidden; A=seen", "app/.profile": "A=$A$R",
		}, environ: []string{"A=user's"}, argv: []string{"dump"}},
		{name: "a profile that ends the shell", files: map[string]string{"app/.profile": "exit 9"}, argv: []string{"dump"}},
		{name: "a profile that is a directory", files: map[string]string{"app/.profile/x": ""}, argv: []string{"dump"}},
		{name: "the name in a profile", files: map[string]string{"app/.profile": "R=$0; export R"}, argv: []string{"/cnb/process/dump"}},

		{name: "many layers", files: manyLayers(127), argv: []string{"direct"}},
		{name: "big variables", files: map[string]string{
			"layers/acme_old/a/env/BIG": strings.Repeat("x", 120<<10), "layers/acme_old/b/env/BIG2": strings.Repeat("y", 120<<10),
			"layers/acme_old/c/exec.d/1": "#!/bin/sh\nprintf 'BIG3 = \"%0100000d\"' 7 >&3",
		}, environ: []string{"BIG4=" + strings.Repeat("z", 100<<10)}, argv: []string{"direct"}},
		{name: "a variable that is too big", files: map[string]string{
			"layers/acme_old/a/env/BIG": strings.Repeat("x", 200<<10),
		}, argv: []string{"direct"}},
	}
	for file, program := range map[string]string{
		"fails":            "#!/bin/sh\nexit 3",
		"is not TOML":      "#!/bin/sh\necho A=b >&3",
		"is a number":      "#!/bin/sh\necho A=1 >&3",
		"is a table":       "#!/bin/sh\necho '[a]\nb = \"1\"' >&3",
		"is a list":        "#!/bin/sh\necho 'A = [\"1\"]' >&3",
		"is no program":    "A",
		"is killed":        "#!/bin/sh\nkill -KILL $$",
		"has no shell":     "#!/no/such/shell\n",
		"is not UTF-8":     "#!/bin/sh\nprintf 'A = \"\\377\"' >&3",
		"is defined twice": "#!/bin/sh\nprintf 'A = \"1\"\\nA = \"2\"' >&3",
	} {
		all = append(all, scene{
			name: "exec.d that " + file, files: map[string]string{"layers/acme_old/a/exec.d/" + file: program}, argv: []string{"direct"},
		})
	}
	for _, mode := range []string{"", "quiet", "warn", "error", "nonsense"} {
		for _, api := range []string{"0.7", "0.15"} {
			all = append(all, scene{
				name:    fmt.Sprintf("deprecation mode %q with platform API %s", mode, api),
				environ: []string{"CNB_DEPRECATION_MODE=" + mode, "CNB_PLATFORM_API=" + api}, argv: []string{"old-direct"},
			})
		}
	}
	for _, api := range []string{"", " ", "0.6", "0.16", "1.0", "0", "1", "v0.10", "0.010", "0.1x", "new", "0.-7", "00.9", "0..9", "0.18446744073709551616"} {
		all = append(all,
			scene{name: fmt.Sprintf("platform API %q", api), environ: []string{"CNB_PLATFORM_API=" + api}, argv: []string{"single", "x"}})
		if api == "" {
			continue
		}
		all = append(all, scene{
			name:  fmt.Sprintf("buildpack API %q", api),
			files: map[string]string{"layers/config/metadata.toml": strings.ReplaceAll(oracleMetadata, `"0.8"`, fmt.Sprintf("%q", api))},
			argv:  []string{"old-direct", "x"},
		})
	}
	for platform := 7; platform <= 15; platform++ {
		for _, process := range []string{"direct", "single", "old-direct", "old-list", "old-words", "dump"} {
			for _, args := range [][]string{nil, {"mine", "$A x"}} {
				all = append(all, scene{
					name:    fmt.Sprintf("platform API 0.%d, %s, %d arguments", platform, process, len(args)),
					environ: []string{fmt.Sprintf("CNB_PLATFORM_API=0.%d", platform), "A=a"}, argv: append([]string{process}, args...),
				})
			}
		}
	}
	for buildpack := 7; buildpack <= 12; buildpack++ {
		all = append(all, scene{
			name:  fmt.Sprintf("buildpack API 0.%d", buildpack),
			files: map[string]string{"layers/config/metadata.toml": strings.ReplaceAll(oracleMetadata, "0.12", fmt.Sprintf("0.%d", buildpack))},
			argv:  []string{"single", "mine"},
		})
	}
	return all
}

// difference is a launch in which the launcher means to do something else than
// the reference launcher.
type difference struct {
	scene
	// reference and ours are what the two do, as summary tells it.
	reference, ours string
}

// differences are those that stack/launch documents.
func differences() []difference {
	return []difference{
		{scene{name: "metadata that is missing", environ: []string{"CNB_LAYERS_DIR=/nowhere"}, argv: []string{"single"}},
			"exit 1", "exit 82"},
		{scene{name: "metadata that is not TOML", files: map[string]string{"layers/config/metadata.toml": "[[processes"}, argv: []string{"single"}},
			"exit 1", "exit 82"},
		{scene{name: "a classic buildpack", files: map[string]string{"layers/config/metadata.toml": "[[buildpacks]]\nid = 'acme/new'"},
			argv: []string{"launcher", "--", "probe", "x"}},
			"exit 12", `["x"]`},
		{scene{name: "arguments for a line of no buildpack", files: map[string]string{"layers/config/metadata.toml": oracleMetadata + "[[processes]]\ntype = 'line'\ncommand = 'probe a'"},
			argv: []string{"line", "b"}},
			"exit 82", `["a" "b"]`},
		{scene{name: "a process without a command", files: map[string]string{"layers/config/metadata.toml": oracleMetadata + "[[processes]]\ntype = 'none'\ncommand = []\ndirect = true"},
			argv: []string{"none"}},
			"exit 2", "exit 82"},
		{scene{name: "nothing after two dashes", argv: []string{"launcher", "--"}},
			"exit 2", "exit 82"},
		{scene{name: "a command for an unknown type", argv: []string{"/cnb/process/nope", "probe", "x"}},
			`["x"]`, "exit 82"},
		{scene{name: "no working directory in a shell", argv: []string{"nowhere-shell"}},
			"[]", "exit 82"},
		{scene{name: "a program in the working directory", files: map[string]string{
			"app/sub dir/own": "#!/bin/sh\nexec probe own",
			"layers/config/metadata.toml": oracleMetadata +
				"[[processes]]\ntype = 'own'\ncommand = ['./own']\ndirect = true\nworking-dir = 'sub dir'\nbuildpack-id = 'acme/new'",
		}, argv: []string{"own"}},
			"exit 82", `["own"]`},
		{scene{name: "a relative entry of PATH", files: map[string]string{"app/found": "#!/bin/sh\nexec probe app", "layers/acme_new/a/bin/found": "#!/bin/sh\nexec probe layer",
			"layers/acme_new/a/env/PATH.prepend": ".:"}, argv: []string{"launcher", "--", "found"}},
			"exit 82", `["layer"]`},
		{scene{name: "blanks in words", environ: []string{"A=a  b"}, argv: []string{"launcher", "probe", "a  b", "$A", "c\nd"}},
			`["a b" "a  b" "c d"]`, `["a  b" "a  b" "c\nd"]`},
		{scene{name: "words that echo takes for options", argv: []string{"launcher", "probe", "-n", "-e", `a\\tb`}},
			`["" "" "a\\tb"]`, `["-n" "-e" "a\\tb"]`},
		{scene{name: "a list of words for a shell on an old platform", files: map[string]string{"layers/config/metadata.toml": oracleMetadata +
			"[[processes]]\ntype = 'list'\ncommand = ['probe', '$A']\nbuildpack-id = 'acme/old'"},
			environ: []string{"CNB_PLATFORM_API=0.9", "A=a b"}, argv: []string{"list"}},
			`["a" "b"]`, `["a b"]`},
		{scene{name: "a root that is a file", files: map[string]string{"layers/acme_old/a/lib": ""}, argv: []string{"launcher", `probe "${LD_LIBRARY_PATH##*/}"`}},
			`["lib"]`, `[""]`},
		{scene{name: "a file that names no variable", files: map[string]string{"layers/acme_old/a/env/A=B": "1"}, argv: []string{"launcher", `probe "$A"`}},
			`["B=1"]`, `[""]`},
		{scene{name: "an exec.d program that names no variable", files: map[string]string{"layers/acme_old/a/exec.d/1": "#!/bin/sh\necho '\"A=B\" = \"1\"' >&3"},
			argv: []string{"launcher", `probe "$A"`}},
			`["B=1"]`, "exit 82"},
		{scene{name: "an exec.d program named as the process type", files: map[string]string{"layers/acme_old/a/exec.d/single": "#!/bin/sh\n"}, argv: []string{"single"}},
			"exit 82", `["default"]`},
		{scene{name: "a variable named as the process type", files: map[string]string{"layers/acme_old/a/env.launch/single": "1"}, argv: []string{"single"}},
			"exit 82", `["default"]`},
		{scene{name: "a profile with an odd name", files: map[string]string{"layers/acme_old/a/profile.d/$(false)": "R=1", "app/.profile": "export R"},
			argv: []string{"launcher", `probe "$R"`}},
			`[""]`, `["1"]`},
		{scene{name: "a profile in PATH", files: map[string]string{"layers/acme_old/a/bin/.profile": "export R=PATH", "app/.profile": "export R=app"},
			argv: []string{"launcher", `probe "$R"`}},
			`["PATH"]`, `["app"]`},
	}
}

// levels are files at each level of a variable, in two layers of each of two
// buildpacks.
func levels(dir, processType string) map[string]string {
	files := map[string]string{}
	for _, layer := range []string{"acme_old/b", "acme_old/a", "acme_new/z", "acme_new/A"} {
		for _, level := range []string{"", ".launch", ".build", ".launch/" + processType, ".launch/other"} {
			for _, suffix := range []string{"", ".append", ".prepend", ".default"} {
				name := "V" + strings.ToUpper(strings.TrimPrefix(suffix, ".")) + suffix
				files["layers/"+layer+"/"+dir+level+"/"+name] = "<" + layer + level + ">"
			}
			files["layers/"+layer+"/"+dir+level+"/VPREPEND.delim"] = "|"
		}
	}
	return files
}

// execDProgram adds to the variable A where the program is, where it runs, and
// what it is given.
func execDProgram() string {
	return `#!/bin/sh
echo ran $0
printf 'A = """%s"""' "$A ${0##*/layers/} in ${PWD##*/} with $# ${CNB_APP_DIR-no app} $(cat | wc -c)" >&3
`
}

func profileScript(name string) string { return fmt.Sprintf("R=\"${R-} %s\"\nexport R\n", name) }

// manyLayers are as many layers as an image can have.
func manyLayers(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		layer := fmt.Sprintf("layers/acme_old/layer-%03d/", i)
		files[layer+"bin/"], files[layer+"lib/"] = "", ""
		files[layer+"env/LIST.append"], files[layer+"env/LIST.delim"] = fmt.Sprint(i), ","
		files[layer+fmt.Sprintf("env.launch/OWN_%d", i)] = strings.Repeat("v", 1000)
	}
	return files
}
