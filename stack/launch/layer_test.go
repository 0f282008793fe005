package launch_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack/launch"
)

func TestApply(t *testing.T) {
	for _, test := range []struct {
		name        string
		files       map[string]string
		env         launch.Env
		processType string
		build       launch.Env
		launch      launch.Env
	}{
		{
			name:   "directories",
			files:  map[string]string{"bin/": "", "lib/": "", "include/": "", "pkgconfig/": ""},
			env:    launch.Env{"PATH": "/usr/bin"},
			launch: launch.Env{"PATH": "/seen/bin:/usr/bin", "LD_LIBRARY_PATH": "/seen/lib"},
			build: launch.Env{
				"PATH": "/seen/bin:/usr/bin", "LD_LIBRARY_PATH": "/seen/lib", "LIBRARY_PATH": "/seen/lib",
				"CPATH": "/seen/include", "PKG_CONFIG_PATH": "/seen/pkgconfig",
			},
		},
		{
			name:   "a file is not a directory",
			files:  map[string]string{"bin": "", "lib/": ""},
			launch: launch.Env{"LD_LIBRARY_PATH": "/seen/lib"},
			build:  launch.Env{"LD_LIBRARY_PATH": "/seen/lib", "LIBRARY_PATH": "/seen/lib"},
		},
		{
			name: "suffixes",
			files: map[string]string{
				"env/NONE": "new", "env/OVER.override": "new",
				"env/APP.append": "new", "env/PRE.prepend": "new",
				"env/DEF.default": "new", "env/UNSET.default": "new", "env/BLANK.default": "new",
				"env/ODD.what": "new", "env/ODD.a.append": "new", "env/.append": "new",
			},
			env: launch.Env{"NONE": "old", "OVER": "old", "APP": "old", "PRE": "old", "DEF": "old", "ODD": "old", "BLANK": ""},
			launch: launch.Env{
				"NONE": "new", "OVER": "new", "APP": "oldnew", "PRE": "newold", "DEF": "old", "UNSET": "new", "ODD": "old", "BLANK": "new",
			},
			build: launch.Env{
				"NONE": "new", "OVER": "new", "APP": "oldnew", "PRE": "newold", "DEF": "old", "UNSET": "new", "ODD": "old", "BLANK": "new",
			},
		},
		{
			name: "delimiters hold for their directory and only between two values",
			files: map[string]string{
				"env/A.append": "new", "env/A.delim": "::", "env/B.prepend": "new", "env/B.delim": ":",
				"env.launch/A.append": "x", "env.build/A.append": "y",
			},
			env:    launch.Env{"A": "old"},
			launch: launch.Env{"A": "old::newx", "B": "new"},
			build:  launch.Env{"A": "old::newy", "B": "new"},
		},
		{
			name:   "contents are verbatim",
			files:  map[string]string{"env/A": "line\n$HOME '\"\n"},
			launch: launch.Env{"A": "line\n$HOME '\"\n"},
			build:  launch.Env{"A": "line\n$HOME '\"\n"},
		},
		{
			name: "order and process type",
			files: map[string]string{
				"env/A": "1", "env.launch/A.append": "2", "env.launch/web/A.append": "3", "env.launch/worker/A.append": "4",
				"env.build/A.append": "5",
			},
			processType: "web",
			launch:      launch.Env{"A": "123"},
			build:       launch.Env{"A": "15"},
		},
		{
			name:   "no process type",
			files:  map[string]string{"env.launch/web/A": "3", "env.launch/B": "2"},
			launch: launch.Env{"B": "2"},
			build:  launch.Env{},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			layer := launch.LayerDir{Host: tree(t, test.files), Path: "/seen"}
			got := test.env.Clone()
			if err := launch.ApplyLaunch(got, test.processType, layer); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.launch, got); diff != "" {
				t.Errorf("launch: %s", diff)
			}
			got = test.env.Clone()
			if err := launch.ApplyBuild(got, layer); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.build, got); diff != "" {
				t.Errorf("build: %s", diff)
			}
		})
	}
}

func TestApplyDirectoriesBeforeFiles(t *testing.T) {
	root := tree(t, map[string]string{"a/bin/": "", "a/env/PATH.prepend": "/first:", "b/bin/": ""})
	env := launch.Env{"PATH": "/usr/bin"}
	err := launch.ApplyLaunch(env, "", launch.LayerDir{Host: root + "/a", Path: "/l/a"}, launch.LayerDir{Host: root + "/b", Path: "/l/b"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := env.Get("PATH"), "/first:/l/b/bin:/l/a/bin:/usr/bin"; got != want {
		t.Errorf("PATH=%s, want %s", got, want)
	}
}

func TestApplyLinks(t *testing.T) {
	root := tree(t, map[string]string{"other/web/A": "1", "other/B": "2", "l/env.launch/": ""})
	for from, to := range map[string]string{"l/env.launch/web": "other/web", "l/env.launch/B": "other/B"} {
		if err := os.Symlink(filepath.Join(root, to), filepath.Join(root, from)); err != nil {
			t.Fatal(err)
		}
	}
	env := launch.Env{}
	if err := launch.ApplyLaunch(env, "web", launch.LayerDir{Host: root + "/l", Path: "/l"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(launch.Env{"A": "1", "B": "2"}, env); diff != "" {
		t.Error(diff)
	}
}

func TestApplyNamesTheFile(t *testing.T) {
	dangling := tree(t, map[string]string{"env/": ""})
	if err := os.Symlink("nowhere", dangling+"/env/A"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ file, dir string }{
		{"env/A", dangling},
		{"env/B", tree(t, map[string]string{"env/B": "a\x00b"})},
		{"env", tree(t, map[string]string{"env": "not a directory"})},
	} {
		env := launch.Env{"KEPT": "1"}
		err := launch.ApplyLaunch(env, "", launch.LayerDir{Host: test.dir, Path: "/l"})
		if err == nil || !strings.Contains(err.Error(), filepath.Join(test.dir, test.file)) {
			t.Errorf("%s: the error %v does not name the file", test.file, err)
		}
		if diff := cmp.Diff(launch.Env{"KEPT": "1"}, env); diff != "" {
			t.Errorf("%s: a failure changed the environment: %s", test.file, diff)
		}
	}
}
