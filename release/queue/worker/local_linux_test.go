package worker_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/slugc/slugc/release/queue/workertest"
)

// slugc is a slugc for tests: what the app's name says, as a script.
var slugc = fmt.Sprintf(`
while [ $# -gt 0 ]; do
  case $1 in
    --app) app=$2 ;;
    --events) events=$2 ;;
  esac
  shift
done
case $app in
%s)
  i=0
  while [ $i -lt %d ]; do
    i=$((i + 1)); echo "line $i"
    i=$((i + 1)); echo "line $i" >&2
  done
  echo '{"type":"result","text":"","elapsed_ns":5,"release":{"version":7}}' >$events ;;
%s)
  echo "it broke" >&2
  printf '%%s\n' '{"type":"error","text":"npm ci failed\nand more"}' >$events
  exit %d ;;
%s) kill -KILL $$ ;;
%s)
  trap 'echo stopping; exit 130' TERM
  echo waiting
  while :; do sleep 0.05; done ;;
%s)
  trap '' TERM
  (trap '' TERM; while :; do sleep 0.05; done) &
  echo waiting
  while :; do sleep 0.05; done ;;
esac
`, workertest.Prints, workertest.Lines, workertest.Fails, workertest.Code, workertest.Killed, workertest.Waits, workertest.Deaf)

func TestLocal(t *testing.T) {
	workertest.Run(t, func(t *testing.T) workertest.Place {
		// The script stands in the arguments of all that a build starts, with a name of its own.
		name := "slugc-" + strings.ReplaceAll(filepath.Base(filepath.Dir(t.TempDir())), "/", "-")
		return workertest.Place{Reason: "npm ci failed", Worker: local(filepath.Join(t.TempDir(), "work"), name), Alive: func() int { return alive(t, name) }}
	})
}

// alive is how many processes have a word among their arguments.
func alive(t *testing.T, word string) int {
	t.Helper()
	return len(processes(t, word))
}

// processes are those that have a word among their arguments.
func processes(t *testing.T, word string) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), "\x00"+word+"\x00") {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}
