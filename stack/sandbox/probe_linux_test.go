package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/stack/sandbox"
)

// probeName is the name under which the test binary does what no ordinary
// program does, inside a sandbox or as the parent of one.
const probeName = "sandbox-probe"

// probeInside is where a sandbox has it.
const probeInside = "/opt/" + probeName

// probeMount shows the probe inside.
func probeMount() (sandbox.Mount, error) {
	exe, err := os.Executable()
	return sandbox.Mount{Source: exe, Target: probeInside}, err
}

// probing is a command that runs the probe inside.
func probing(t *testing.T, args ...string) sandbox.Command {
	t.Helper()
	m, err := probeMount()
	if err != nil {
		t.Fatal(err)
	}
	c := command(append([]string{probeInside}, args...)...)
	c.Mounts = []sandbox.Mount{m}
	return c
}

// probe does one thing, prints what comes of it, and returns an exit status.
func probe(args []string) int {
	probes := map[string]func(arg string) error{
		"aside":     aside,
		"connect":   connect,
		"cover":     cover,
		"enclose":   enclose,
		"exchange":  exchange,
		"groups":    groups,
		"hold":      hold,
		"ids":       printIDs,
		"key":       findKey,
		"mask":      mask,
		"mount":     func(string) error { return unix.Mount("tmpfs", "/tmp", "tmpfs", 0, "") },
		"run":       func(string) error { return runTrue(command("true")) },
		"read":      read,
		"terminal":  onTerminal,
		"trace":     func(string) error { return unix.PtraceAttach(1) },
		"type":      func(string) error { return unix.IoctlSetPointerInt(0, unix.TIOCSTI, 'x') },
		"namespace": func(string) error { return unix.Unshare(unix.CLONE_NEWUSER) },
	}
	if err := probes[args[0]](args[1]); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// connect prints what a TCP address, or a socket whose name begins with "/" or
// "@", has to say.
func connect(addr string) error {
	network := "tcp"
	if addr[0] == '/' || addr[0] == '@' {
		network = "unix"
	}
	conn, err := net.Dial(network, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	text, err := io.ReadAll(conn)
	fmt.Printf("%s", text)
	return err
}

// greeting is what a greeter says.
const greeting = "hello from outside"

// greet greets everybody who connects.
func greet(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, err = io.WriteString(conn, greeting)
		if errors.Join(err, conn.Close()) != nil {
			return
		}
	}
}

// exchange greets itself over the loopback network.
func exchange(string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	go greet(listener)
	return connect(listener.Addr().String())
}

// read reads its input to the end.
func read(string) error {
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// groups runs a sandbox and prints the groups of its user.
func groups(string) error {
	c := command("id", "-G")
	c.Stdout = os.Stdout
	return sandbox.Namespaces{}.Run(context.Background(), c)
}

// hold locks a file, is deaf for SIGTERM and never ends.
func hold(name string) error {
	signal.Ignore(unix.SIGTERM)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return err
	}
	fmt.Println("held")
	// A select without cases would be a deadlock for the Go runtime, which ends it.
	for {
		if err := unix.Pause(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func printIDs(string) error {
	_, err := fmt.Println(os.Getuid(), os.Geteuid(), os.Getgid(), os.Getegid())
	return err
}

func findKey(name string) error {
	_, err := unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", name, 0)
	return err
}

// runTrue runs a command that does nothing and prints why that failed.
func runTrue(c sandbox.Command) error {
	err := sandbox.Namespaces{}.Run(context.Background(), c)
	var setup *sandbox.SetupError
	if errors.As(err, &setup) {
		fmt.Printf("op: %s\npath: %s\nhint: %s\n", setup.Op, setup.Path, setup.Hint)
	}
	return err
}

// mask covers a file of /proc, as container runtimes do, and runs a sandbox.
func mask(name string) error {
	if err := unix.Mount("/dev/null", name, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return runTrue(command("true"))
}

// cover mounts something in a root directory, and runs a sandbox with it.
func cover(root string) error {
	if err := unix.Mount("tmpfs", filepath.Join(root, "bin"), "tmpfs", 0, ""); err != nil {
		return err
	}
	c := command("true")
	c.Root = root
	return runTrue(c)
}

// enclose runs a sandbox around a probe that holds a file of a directory.
func enclose(dir string) error {
	m, err := probeMount()
	if err != nil {
		return err
	}
	c := command(probeInside, "hold", "/shared/lock")
	c.Mounts = []sandbox.Mount{m, {Source: dir, Target: "/shared", Writable: true}}
	c.Stdout = os.Stdout
	return sandbox.Namespaces{}.Run(context.Background(), c)
}

// onTerminal runs a line of the shell on the terminal of this process.
func onTerminal(line string) error {
	// Ignored signals would be ignored inside, too.
	signal.Notify(make(chan os.Signal, 1), unix.SIGINT)
	m, err := probeMount()
	if err != nil {
		return err
	}
	c := script(line)
	c.Mounts = []sandbox.Mount{m}
	c.Stdin, c.Stdout, c.Stderr, c.Interactive = os.Stdin, os.Stdout, os.Stderr, true
	err = sandbox.Namespaces{}.Run(context.Background(), c)
	group, groupErr := unix.IoctlGetInt(0, unix.TIOCGPGRP)
	fmt.Printf("returned %v, foreground %v\n", err, group == unix.Getpgrp())
	return groupErr
}

// aside runs a command that has nothing to do with the terminal of this
// process, and tells it through a directory when there is an interrupt.
func aside(dir string) error {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, unix.SIGINT)
	go func() {
		<-interrupts
		if err := os.WriteFile(filepath.Join(dir, "interrupted"), nil, 0o644); err != nil {
			fmt.Println(err)
		}
	}()
	c := script(`trap 'echo hit' INT; echo ready
		until [ -e /shared/interrupted ]; do sleep 0.01; done
		(: < /dev/tty) 2> /dev/null && echo with a terminal; echo over`)
	c.Mounts = []sandbox.Mount{{Source: dir, Target: "/shared"}}
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	return sandbox.Namespaces{}.Run(context.Background(), c)
}
