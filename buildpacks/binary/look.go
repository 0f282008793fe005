package binary

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// site is where programs will run.
type site struct {
	app string
	// arch is the architecture, as GOARCH.
	arch string
	// path and libraries are PATH and LD_LIBRARY_PATH of the build.
	path, libraries string
}

// firstBytes is how much of a file tells what it is.
const firstBytes = 512

// lookAt tells what a file is that a process starts. Name is how the Procfile
// calls it.
func (s site) lookAt(p process, name, file string) (string, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", appfile.Error("the Procfile starts %s with %s, which is not there\nsee that it is committed, and that .gitignore and .slugignore do not list it:\n  git add -f %s", p.name, name, name)
	case err != nil:
		return "", fmt.Errorf("looking at %s: %w", name, err)
	case info.IsDir():
		return "", appfile.Error("the Procfile starts %s with %s, which is a directory\nname the program in it", p.name, name)
	case info.Mode()&0o111 == 0:
		return "", appfile.Error("the Procfile starts %s with %s, which may not be run\nlet it, and commit that:\n  chmod +x %s\n  git update-index --chmod=+x %s", p.name, name, name, name)
	}
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("looking at %s: %w", name, err)
	}
	defer f.Close()
	start := make([]byte, firstBytes)
	n, err := io.ReadFull(f, start)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", fmt.Errorf("looking at %s: %w", name, err)
	}
	start = start[:n]
	switch {
	case n == 0:
		return "", appfile.Error("%s, with which the Procfile starts %s, is empty", name, p.name)
	case bytes.HasPrefix(start, []byte(elf.ELFMAG)):
		return s.lookAtELF(name, f)
	case bytes.HasPrefix(start, []byte("#!")):
		return s.lookAtScript(name, start)
	case bytes.HasPrefix(start, []byte("MZ")):
		return "", s.foreign(name, "Windows")
	case bytes.HasPrefix(start, []byte{0xcf, 0xfa, 0xed, 0xfe}), bytes.HasPrefix(start, []byte{0xca, 0xfe, 0xba, 0xbe}):
		return "", s.foreign(name, "macOS")
	case bytes.HasPrefix(start, []byte("version https://git-lfs")):
		return "", appfile.Error("%s is a pointer of Git LFS, not the program\nfetch what it points to before the build:\n  git lfs pull", name)
	case bytes.IndexByte(start, 0) >= 0:
		return "", appfile.Error("%s, with which the Procfile starts %s, is neither a program for Linux nor a script", name, p.name)
	}
	return name + ", a script without a first line that names its interpreter, for the shell", nil
}

// foreign refuses a program of another system.
func (s site) foreign(name, system string) error {
	return appfile.Error("%s is a program for %s, and this build is for linux/%s\nbuild it for that, with Go for instance:\n  GOOS=linux GOARCH=%s go build -o %s .", name, system, s.arch, s.arch, name)
}

// machines are the architectures of ELF files, as GOARCH.
var machines = map[elf.Machine]string{
	elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64", elf.EM_386: "386", elf.EM_ARM: "arm", elf.EM_RISCV: "riscv64", elf.EM_PPC64: "ppc64le", elf.EM_S390: "s390x",
}

// lookAtELF refuses a program for another architecture, and one whose loader or
// libraries are missing.
func (s site) lookAtELF(name string, r io.ReaderAt) (string, error) {
	f, err := elf.NewFile(r)
	if err != nil {
		return "", appfile.Error("%s is a damaged program: %w\nbuild it again, and see that git does not change it:\n  echo '%s binary' >> .gitattributes", name, err, name)
	}
	defer f.Close()
	arch := machines[f.Machine]
	if arch == "" {
		arch = f.Machine.String()
	}
	if arch != s.arch {
		return "", appfile.Error("%s is a program for linux/%s, and this build is for linux/%s\nbuild it for that, with Go for instance:\n  GOOS=linux GOARCH=%s go build -o %s .", name, arch, s.arch, s.arch, name)
	}
	loader, err := interpreterOf(f)
	if err != nil {
		return "", err
	}
	if loader == "" {
		return name + ", a program for linux/" + arch + " that needs no libraries", nil
	}
	if _, err := os.Stat(loader); errors.Is(err, fs.ErrNotExist) {
		hint := ""
		if strings.Contains(path.Base(loader), "musl") {
			hint = ": it is linked with musl, as on Alpine"
		}
		return "", appfile.Error("%s wants the loader %s, which the stack does not have%s\nlink it statically, or build it on the stack", name, loader, hint)
	}
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return "", appfile.Error("%s is a damaged program: %w", name, err)
	}
	var missing []string
	for _, library := range libraries {
		if !s.hasLibrary(f, name, library) {
			missing = append(missing, library)
		}
	}
	if len(missing) > 0 {
		return "", appfile.Error("%s needs libraries that the stack does not have: %s\nname the packages of Debian that have them:\n  echo PACKAGE >> Aptfile\n  git add Aptfile\nor link it statically", name, strings.Join(missing, ", "))
	}
	return fmt.Sprintf("%s, a program for linux/%s", name, arch), nil
}

// maxLoader bounds the name of a loader.
const maxLoader = 4096

// interpreterOf is the loader of a program, "" for one that needs none.
func interpreterOf(f *elf.File) (string, error) {
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(p.Open(), maxLoader))
		if err != nil {
			return "", appfile.Error("the program is damaged: %w", err)
		}
		return strings.TrimRight(string(text), "\x00"), nil
	}
	return "", nil
}

// hasLibrary tells whether a library is where the loader looks for it.
func (s site) hasLibrary(f *elf.File, name, library string) bool {
	triplet := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[s.arch]
	dirs := append(filepath.SplitList(s.libraries), "/lib/"+triplet, "/usr/lib/"+triplet, "/lib64", "/lib", "/usr/lib64", "/usr/lib", "/usr/local/lib")
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		values, err := f.DynString(tag)
		if err != nil {
			continue
		}
		for _, value := range values {
			origin := filepath.Join(s.app, path.Dir(name))
			dirs = append(dirs, filepath.SplitList(strings.NewReplacer("$ORIGIN", origin, "${ORIGIN}", origin).Replace(value))...)
		}
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, library)); err == nil {
			return true
		}
	}
	return false
}

// lookAtScript refuses a script whose interpreter is missing.
func (s site) lookAtScript(name string, start []byte) (string, error) {
	first, _, _ := bytes.Cut(start, []byte("\n"))
	if bytes.HasSuffix(first, []byte("\r")) {
		return "", appfile.Error("line 1 of %s ends with a carriage return, so the kernel looks for an interpreter with that in its name\nsave the file with line feeds alone:\n  sed -i 's/\\r$//' %s\n  git add %s", name, name, name)
	}
	words := strings.Fields(string(first[2:]))
	if len(words) == 0 {
		return "", appfile.Error("line 1 of %s names no interpreter\nwrite there, for instance:\n  #!/usr/bin/env bash", name)
	}
	interpreter := words[0]
	if path.Base(interpreter) == "env" {
		interpreter = ""
		for _, word := range words[1:] {
			if !strings.HasPrefix(word, "-") && !setting().MatchString(word) {
				interpreter = word
				break
			}
		}
	}
	if filepath.IsAbs(interpreter) {
		if _, err := os.Stat(interpreter); errors.Is(err, fs.ErrNotExist) {
			return "", s.noInterpreter(name, interpreter)
		}
	} else if interpreter != "" && tool.Find(s.path, interpreter) == "" {
		return "", s.noInterpreter(name, interpreter)
	}
	return fmt.Sprintf("%s, a script for %s", name, path.Base(interpreter)), nil
}

func (s site) noInterpreter(name, interpreter string) error {
	return appfile.Error("line 1 of %s names %s as its interpreter, which the stack does not have\nname the package of Debian that has it, and have the script find it in PATH:\n"+
		"  echo %s >> Aptfile\n  git add Aptfile\n  #!/usr/bin/env %[3]s", name, interpreter, path.Base(interpreter))
}
