package ruby

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What Ruby loads before Puma leaves its server as it is where Ruby is none of
// those that may wait for ever, and otherwise has it write in a thread.
func TestPumaStop(t *testing.T) {
	ruby, err := exec.LookPath("ruby")
	if err != nil {
		t.Skip("there is no Ruby")
	}
	dir := t.TempDir()
	if err := writeScripts(dir, app{lock: lock{gems: []lockedGem{{name: "puma", version: "6.6.0"}}}}); err != nil {
		t.Fatal(err)
	}
	const script = `
Object.send(:remove_const, :RUBY_VERSION)
RUBY_VERSION = ARGV[0]
load ARGV[1]
module Puma
  class Server
    def stop = notify_safely("x")

    private

    def notify_safely(message) = puts(message, Thread.current == Thread.main)
  end
end
2.times { Signal.trap("TERM") { Puma::Server.new.stop } }
Puma::Server.new.stop
puts Puma::Server.ancestors.index(Puma::Server)
`
	file := filepath.Join(dir, "script.rb")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string]string{"3.1.2": "x true 0", "3.3.8": "x false 1", "3.4.9": "x false 1", "3.5.0": "x true 0"} {
		out, err := exec.CommandContext(t.Context(), ruby, file, version, pumaStop(dir)).CombinedOutput()
		if got := strings.Join(strings.Fields(string(out)), " "); err != nil || got != want {
			t.Errorf("Ruby %s: got %q, want %q (%v)", version, got, want, err)
		}
	}
}
