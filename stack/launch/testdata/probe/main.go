// Command probe is what the tests start: it prints as JSON what a process is
// given. With --quiet it does nothing; with --signal it prints its process id,
// awaits a signal, and ends with 40 and the signal's number.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Given is what a process is given. Bytes keep what is not UTF-8.
type Given struct {
	Args    [][]byte
	Env     [][]byte
	Dir     string
	PID     int
	Files   []string
	Signals []string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--quiet" {
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "--signal" {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1)
		fmt.Println(os.Getpid())
		if got, ok := (<-signals).(syscall.Signal); ok {
			os.Exit(40 + int(got))
		}
	}
	given, err := look()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(given); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func look() (Given, error) {
	dir, err := os.Getwd()
	if err != nil {
		return Given{}, err
	}
	environ := os.Environ()
	slices.Sort(environ)
	given := Given{Args: bytesOf(os.Args), Env: bytesOf(environ), Dir: dir, PID: os.Getpid()}
	// A root without /proc tells less.
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return given, nil
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "SigIgn:") || strings.HasPrefix(line, "SigBlk:") {
			given.Signals = append(given.Signals, strings.TrimSpace(line))
		}
	}
	for _, number := range []string{"0", "1", "2", "3", "4", "5", "6", "7"} {
		to, err := os.Readlink(filepath.Join("/proc/self/fd", number))
		if err == nil && !strings.HasPrefix(to, "anon_inode:") {
			given.Files = append(given.Files, number)
		}
	}
	return given, nil
}

func bytesOf(words []string) [][]byte {
	all := make([][]byte, len(words))
	for i, word := range words {
		all[i] = []byte(word)
	}
	return all
}
