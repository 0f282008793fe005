package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// playProgram in the environment makes the test binary a program that waits to
// be interrupted: it ends with its exit code, or with "stubborn" never.
const playProgram = "SLUGC_TEST_PLAY"

func TestMain(m *testing.M) {
	if how := os.Getenv(playProgram); how != "" {
		os.Exit(play(how))
	}
	os.Exit(m.Run())
}

func play(how string) int {
	ctx, stop := Context(context.Background())
	defer stop()
	fmt.Println("ready")
	<-ctx.Done()
	fmt.Println(context.Cause(ctx))
	if how == "stubborn" {
		time.Sleep(time.Minute)
	}
	return exitCode(Cause(ctx, errors.New("exit status 1")))
}

func TestContext(t *testing.T) {
	// What is ignored here, as under nohup, the program would ignore, too.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP)
	defer signal.Stop(caught)
	for name, c := range map[string]struct {
		how     string
		signals []os.Signal
		nohup   bool
		why     string
	}{
		"Ctrl-C lets it clean up":         {how: "polite", signals: []os.Signal{os.Interrupt}, why: "interrupted by interrupt"},
		"SIGTERM lets it clean up":        {how: "polite", signals: []os.Signal{syscall.SIGTERM}, why: "interrupted by terminated"},
		"a closed terminal, too":          {how: "polite", signals: []os.Signal{syscall.SIGHUP}, why: "interrupted by hangup"},
		"under nohup it stays":            {how: "polite", signals: []os.Signal{syscall.SIGHUP, os.Interrupt}, nohup: true, why: "interrupted by interrupt"},
		"a second Ctrl-C ends it at once": {how: "stubborn", signals: []os.Signal{os.Interrupt, os.Interrupt}},
		"Ctrl-C after SIGTERM, too":       {how: "stubborn", signals: []os.Signal{syscall.SIGTERM, os.Interrupt}},
	} {
		t.Run(name, func(t *testing.T) {
			program := exec.CommandContext(t.Context(), os.Args[0])
			if c.nohup {
				program = exec.CommandContext(t.Context(), "nohup", os.Args[0])
			}
			program.Env = []string{playProgram + "=" + c.how}
			stdout, err := program.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := program.Start(); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			lines := bufio.NewScanner(stdout)
			for _, s := range c.signals {
				if ignored := c.nohup && s == os.Interrupt; !ignored && !lines.Scan() {
					t.Fatal("the program ended early")
				}
				if err := program.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
			last := lines.Text()
			for lines.Scan() {
				last = lines.Text()
			}
			if c.why != "" && last != c.why {
				t.Errorf("the program says %q, want %q", last, c.why)
			}
			exit, ok := errors.AsType[*exec.ExitError](program.Wait())
			if !ok || exit.ExitCode() != 130 {
				t.Fatalf("ended with %v, want exit status 130", exit)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Fatalf("took %s", took)
			}
		})
	}
}

func TestContextStop(t *testing.T) {
	ctx, stop := Context(t.Context())
	stop()
	stop()
	if ctx.Err() == nil {
		t.Fatal("the context goes on after stop")
	}
	odd := errors.New("odd")
	if got := Cause(ctx, odd); !errors.Is(got, odd) {
		t.Fatalf("Cause without an interrupt: %v", got)
	}
	if got := Cause(ctx, nil); got != nil {
		t.Fatalf("Cause of no error: %v", got)
	}
}
