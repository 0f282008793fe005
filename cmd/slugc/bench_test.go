//go:build bench

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// runs is how often each thing is measured; the median counts.
const runs = 5

// figure is what one run took.
type figure struct {
	wall, cpu time.Duration
	// memory is the peak resident size of slugc itself, in KiB.
	memory int64
}

// TestBench measures builds of the Express example from end to end and prints
// the figures beside the machine's own. State is on tmpfs, so that no disk is
// measured.
func TestBench(t *testing.T) {
	b := newBench(t)
	app := filepath.Join(b.dir, "app")
	if err := os.CopyFS(app, os.DirFS("../../testdata/apps/nodejs-express")); err != nil {
		t.Fatal(err)
	}
	build := []string{"build", app, "-o", "slug:" + filepath.Join(b.dir, "a.tgz"), "-o", "oci:" + filepath.Join(b.dir, "image"), "--run-image", "scratch"}
	slug := build[:4]

	b.slugc(slug...) // fills the page cache and makes the tools for npm ci
	tools := b.tools()
	var cold, both, npm []figure
	for range runs {
		npm = append(npm, b.npmCI(app, tools))
		b.forget()
		cold = append(cold, b.slugc(slug...))
		b.forget()
		both = append(both, b.slugc(build...))
	}
	var unchanged, edited, walk []figure
	for i := range runs {
		walk = append(walk, b.walk())
		unchanged = append(unchanged, b.slugc(build...))
		b.edit(filepath.Join(app, "server.js"), i)
		edited = append(edited, b.slugc(build...))
	}

	own := median(cold).wall - median(npm).wall
	ownBoth := median(both).wall - median(npm).wall
	fmt.Printf("\nExpress app, medians of %d, state on tmpfs\n", runs)
	fmt.Printf("%-42s %8s %8s %8s\n", "", "wall s", "CPU s", "MiB")
	row("npm ci alone, nothing cached", median(npm))
	row("cold, slug", median(cold))
	row("cold, slug and OCI layout", median(both))
	row("find -printf over the same trees", median(walk))
	row("unchanged, slug and OCI layout", median(unchanged))
	row("one line edited, slug and OCI layout", median(edited))
	fmt.Println()
	ratio("cold slug without npm ci / npm ci", own.Seconds()/median(npm).wall.Seconds(), 0.3)
	ratio("cold slug and image without npm ci / npm ci", ownBoth.Seconds()/median(npm).wall.Seconds(), 0.3)
	ratio("unchanged / (4 walks + 0.15 s)", median(unchanged).wall.Seconds()/(4*median(walk).wall.Seconds()+0.15), 1)
	ratio("(edited - unchanged) / 0.1 s", (median(edited).wall-median(unchanged).wall).Seconds()/0.1, 1)

	big := b.bigTree()
	peak := b.slugc("build", big, "-b", b.hello, "-o", "slug:"+filepath.Join(b.dir, "big.tgz"), "-o", "oci:"+filepath.Join(b.dir, "bigimage"), "--run-image", "scratch", "--max-slug-size", "4G")
	row("1 GiB tree, cold", peak)
	ratio("peak memory of that / 100 MiB", float64(peak.memory)/(100<<10), 1)
}

func row(name string, f figure) {
	fmt.Printf("%-42s %8.2f %8.2f %8d\n", name, f.wall.Seconds(), f.cpu.Seconds(), f.memory>>10)
}

func ratio(name string, value, target float64) {
	word := "met"
	if value > target {
		word = "MISSED"
	}
	fmt.Printf("%-46s %5.2f   target at most %.2f: %s\n", name, value, target, word)
}

// bench is a place to measure in.
type bench struct {
	t               *testing.T
	dir, exe, hello string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "slugc-bench-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, dir: dir}
	for path, name := range map[*string]string{&b.exe: "../../out/slugc", &b.hello: "../../testdata/buildpacks/hello"} {
		if *path, err = filepath.Abs(name); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b *bench) measure(cmd *exec.Cmd) figure {
	b.t.Helper()
	f, _ := b.measured(cmd)
	return f
}

// measured also returns what the command printed.
func (b *bench) measured(cmd *exec.Cmd) (figure, string) {
	b.t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	peak, stop := make(chan int64), make(chan struct{})
	go watchMemory(cmd.Process.Pid, stop, peak)
	err := cmd.Wait()
	f := figure{wall: time.Since(began)}
	close(stop)
	f.memory = <-peak
	f.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", cmd, err, &out)
	}
	return f, out.String()
}

// watchMemory reads the high-water mark of a process until it ends.
func watchMemory(pid int, stop <-chan struct{}, peak chan<- int64) {
	var highest int64
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			peak <- highest
			return
		case <-tick.C:
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if err != nil {
				continue
			}
			highest = max(highest, highWater(string(status)))
		}
	}
}

// highWater is the peak of memory that a status file of a process tells, in KiB.
func highWater(status string) int64 {
	for line := range strings.Lines(status) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmHWM:" {
			kib, _ := strconv.ParseInt(fields[1], 10, 64)
			return kib
		}
	}
	return 0
}

func (b *bench) slugc(args ...string) figure {
	b.t.Helper()
	return b.measure(b.slugcCommand(args...))
}

func (b *bench) slugcCommand(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(b.t.Context(), b.exe, args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "SLUGC_CACHE="+filepath.Join(b.dir, "cache"))
	return cmd
}

// forget removes all that earlier builds left.
func (b *bench) forget() {
	b.t.Helper()
	for _, name := range []string{"cache", "a.tgz", "a.tgz.json", "image"} {
		if err := os.RemoveAll(filepath.Join(b.dir, name)); err != nil {
			b.t.Fatal(err)
		}
	}
}

// tools copies the Node.js and npm of the build, so that npm ci alone is
// measured with the very same.
func (b *bench) tools() string {
	b.t.Helper()
	layers, err := filepath.Glob(filepath.Join(b.dir, "cache/apps/*/app/.slugc/layers/slugc_nodejs"))
	if err != nil || len(layers) != 1 {
		b.t.Fatalf("layers: %v (%v)", layers, err)
	}
	to := filepath.Join(b.dir, "tools")
	for _, name := range []string{"node", "npm"} {
		if err := os.MkdirAll(to, 0o755); err != nil {
			b.t.Fatal(err)
		}
		b.measure(exec.CommandContext(b.t.Context(), "cp", "-a", filepath.Join(layers[0], name), filepath.Join(to, name)))
	}
	return to
}

// npmCI is the package manager on its own.
func (b *bench) npmCI(app, tools string) figure {
	b.t.Helper()
	dir := filepath.Join(b.dir, "npm")
	if err := os.RemoveAll(dir); err != nil {
		b.t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "app"), os.DirFS(app)); err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.CommandContext(b.t.Context(), "npm", "ci", "--omit=dev", "--no-audit", "--no-fund", "--cache", filepath.Join(dir, "cache"))
	path := filepath.Join(tools, "node/bin") + ":" + filepath.Join(tools, "npm/bin")
	cmd.Path = filepath.Join(tools, "npm/bin/npm")
	cmd.Dir = filepath.Join(dir, "app")
	cmd.Env = []string{"HOME=" + dir, "PATH=" + path + ":" + os.Getenv("PATH"), "CI=true"}
	for _, name := range append(slices.Clone(clientVariables), "NODE_EXTRA_CA_CERTS") {
		if v := os.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	f := b.measure(cmd)
	f.memory = 0
	return f
}

// walk looks at every file that an unchanged build has to look at.
func (b *bench) walk() figure {
	b.t.Helper()
	trees, err := filepath.Glob(filepath.Join(b.dir, "cache/apps/*/app"))
	if err != nil {
		b.t.Fatal(err)
	}
	args := append([]string{filepath.Join(b.dir, "app")}, trees...)
	f := b.measure(exec.CommandContext(b.t.Context(), "find", append(args, "-printf", "%p %s %T@ %C@ %i\n")...))
	f.memory = 0
	return f
}

func (b *bench) edit(file string, n int) {
	b.t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "// edit %d\n", n); err != nil {
		b.t.Fatal(err)
	}
}

// bigTree makes an app of 1 GiB.
func (b *bench) bigTree() string {
	b.t.Helper()
	dir := filepath.Join(b.dir, "big")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "hello.txt"), []byte("big"), 0o644); err != nil {
		b.t.Fatal(err)
	}
	block := bytes.Repeat([]byte("a line of text that is much like the next one\n"), 1<<20/40)[:1<<20]
	for i := range 1024 {
		copy(block, fmt.Sprintf("%032d", i))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("file%04d", i)), block, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	return dir
}

func median(all []figure) figure {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b figure) int { return int(a.wall - b.wall) })
	m := sorted[len(sorted)/2]
	for _, f := range all {
		m.memory = max(m.memory, f.memory)
	}
	return m
}
