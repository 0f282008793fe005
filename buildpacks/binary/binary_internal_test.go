package binary

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/buildpacks/libcnb/v2"
)

// program64 is the beginning of an ELF file without anything in it.
func program64(t *testing.T, machine elf.Machine) string {
	t.Helper()
	var text bytes.Buffer
	header := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Ehsize: 64, Phentsize: 56, Shentsize: 64}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS], header.Ident[elf.EI_DATA], header.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	if err := binary.Write(&text, binary.LittleEndian, header); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestLook(t *testing.T) {
	dir := t.TempDir()
	other := elf.EM_AARCH64
	own := elf.EM_X86_64
	if runtime.GOARCH == "arm64" {
		other, own = own, other
	}
	s := site{app: dir, arch: runtime.GOARCH, path: filepath.Join(dir, "bin")}
	for name, text := range map[string]string{
		"bin/tool": "#!/bin/sh\n", "script": "#!/bin/sh\necho\n", "env": "#!/usr/bin/env -S A=1 tool -x\n", "own": program64(t, own), "other": program64(t, other),
		"windows": "MZ\x90", "lfs": "version https://git-lfs.github.com/spec/v1\n", "crlf": "#!/bin/sh\r\necho\r\n", "none": "#!/bin/no-such\n", "noenv": "#!/usr/bin/env no-such\n",
		"empty": "", "plain": "echo hello\n", "bytes": "a\x00b", "damaged": elf.ELFMAG + "damaged", "bare": "#!\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "data"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]string{
		"./script --port $PORT":     "a script for sh",
		"exec ./script":             "a script for sh",
		"A=1 B=2 ./script":          "a script for sh",
		"./env":                     "a script for tool",
		"./own":                     "that needs no libraries",
		"tool -x":                   "tool, a program of the stack",
		"./plain":                   "for the shell",
		"cd web && ./server":        "cd, a program",
		"(./a)":                     "a command for the shell",
		"./other":                   "! is a program for linux/",
		"./windows":                 "! is a program for Windows",
		"./lfs":                     "! git lfs pull",
		"./crlf":                    "! ends with a carriage return",
		"./none":                    "! names /bin/no-such as its interpreter",
		"./noenv":                   "! names no-such as its interpreter",
		"./bare":                    "! names no interpreter",
		"./empty":                   "! is empty",
		"./bytes":                   "! is neither a program",
		"./damaged":                 "! is a damaged program",
		"./data":                    "! chmod +x ./data",
		"./bin":                     "! which is a directory",
		"./gone":                    "! git add -f ./gone",
		"script --port $PORT":       "! web: ./script --port $PORT",
		"no-such-program arguments": "! echo PACKAGE >> Aptfile",
	} {
		t.Run(command, func(t *testing.T) {
			got, err := s.look(process{"web", command})
			problem, refused := strings.CutPrefix(want, "! ")
			if err != nil {
				got = err.Error()
			}
			if refused != (err != nil) || !strings.Contains(got, problem) {
				t.Errorf("got %q, expected %q", got, want)
			}
		})
	}
}

func TestProcesses(t *testing.T) {
	got := processes("# comment\n\nweb: ./a b\r\nworker ./c\nx:./d\nwhat?\n")
	want := []process{{"web", "./a b"}, {"worker", "./c"}, {"x", "./d"}}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %v, expected %v", got[i], want[i])
		}
	}
}

func TestDetect(t *testing.T) {
	for name, tt := range map[string]struct {
		files  []string
		starts string
		why    string
	}{
		"a Procfile":            {files: []string{"Procfile", "server"}},
		"a lock file alone":     {files: []string{"Procfile", "yarn.lock"}, why: "yarn.lock says"},
		"a language's runtime":  {files: []string{"Procfile", "server.js"}, starts: "A=1 exec node server.js", why: "the Procfile starts node, which comes with a package.json"},
		"one of a package":      {files: []string{"Procfile", "Aptfile", "main.rb"}, starts: "ruby main.rb"},
		"no Procfile":           {files: []string{"server"}, why: "no Procfile"},
		"an app of a language":  {files: []string{"Procfile", "Gemfile"}, why: "Gemfile says that the app has to be built"},
		"an app of another one": {files: []string{"Procfile", "app.py"}, why: "app.py says"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range tt.files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte("web: "+cmp.Or(tt.starts, "./server")+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			result, err := Detect(&out)(libcnb.DetectContext{ApplicationPath: dir})
			if err != nil || result.Pass != (tt.why == "") || !strings.Contains(out.String(), tt.why) {
				t.Errorf("%t, %v, %q", result.Pass, err, out.String())
			}
		})
	}
}

func FuzzLookAtELF(f *testing.F) {
	f.Add([]byte(elf.ELFMAG + "\x02\x01\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := site{app: t.TempDir(), arch: "amd64"}
		what, err := s.lookAtELF("./program", bytes.NewReader(data))
		if (what == "") == (err == nil) {
			t.Errorf("%q, %v", what, err)
		}
	})
}
