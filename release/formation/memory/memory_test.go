package memory_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slugc/slugc/release/formation/memory"
)

// eater is the name under which the test's program eats 32 MiB and says when it is
// done.
const eater = "eater"

func TestMain(m *testing.M) {
	if os.Args[0] != eater {
		os.Exit(m.Run())
	}
	eaten, err := syscall.Mmap(-1, 0, 32<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(eaten); i += os.Getpagesize() {
		eaten[i] = 1
	}
	fmt.Println("done")
	for {
		time.Sleep(time.Hour)
	}
}

// eating starts the eater, waits until it has eaten, and looks at it.
func eating(t *testing.T) (*os.Process, memory.Tree) {
	t.Helper()
	child := exec.CommandContext(t.Context(), "/proc/self/exe")
	child.Args[0] = eater
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := child.Process.Kill(); err != nil {
			t.Error(err)
		}
		// It was killed.
		_ = child.Wait()
	})
	if _, err := out.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	tree, err := memory.Look()
	if err != nil {
		t.Fatal(err)
	}
	return child.Process, tree
}

func TestTree(t *testing.T) {
	child, tree := eating(t)
	used, most := tree.Used(os.Getpid()), tree.AtMost(os.Getpid())
	if used < 32<<20 || used > 128<<20 || most < used {
		t.Errorf("the child uses %d bytes, at most %d; expected some more than %d", used, most, 32<<20)
	}
	if own := tree.Used(child.Pid); own != 0 {
		t.Errorf("what descends from the child uses %d", own)
	}
}

func TestMeter(t *testing.T) {
	_, tree := eating(t)
	used := tree.Used(os.Getpid())
	now := time.Unix(1_700_000_000, 0)
	for quota, steps := range map[int64][]struct {
		after time.Duration
		over  bool
		says  []string
	}{
		0:            {{0, false, nil}},
		used + 1<<20: {{0, false, nil}},
		used - 1<<20: {
			{0, false, []string{"Process running mem=", "Error R14 (Memory quota exceeded)"}},
			{time.Second, false, nil},
			{memory.Repeat, false, []string{"Process running mem=", "Error R14 (Memory quota exceeded)"}},
		},
		used/2 - 1<<20: {{0, true, []string{"Process running mem=", "Error R15 (Memory quota vastly exceeded)", "Stopping process with SIGKILL"}}},
	} {
		var said []string
		meter := memory.Meter{Quota: quota, First: os.Getpid(), Say: func(line string) { said = append(said, line) }}
		for _, step := range steps {
			said = nil
			over := meter.Over(tree, now.Add(step.after))
			if over != step.over || !slices.EqualFunc(said, step.says, strings.HasPrefix) {
				t.Errorf("of %d, after %s, it is over: %v, and says %q; expected %v and %q", quota, step.after, over, said, step.over, step.says)
			}
		}
	}
}

func TestQuotas(t *testing.T) {
	q := memory.Quotas{All: 512, Types: map[string]int64{"worker": 1024, "clock": 0}}
	for name, want := range map[string]int64{"web": 512, "worker": 1024, "clock": 0} {
		if got := q.Of(name); got != want {
			t.Errorf("%s may use %d, expected %d", name, got, want)
		}
	}
	dir := t.TempDir()
	const quota = 64 << 20
	if err := memory.Files(dir, quota); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"memory.max", "memory/memory.limit_in_bytes"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(text) != "67108864\n" {
			t.Errorf("%s has %q, %v", name, text, err)
		}
	}
}
