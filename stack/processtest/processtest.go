// Package processtest lets tests watch processes that others start, by ids that
// scripts leave in files. There is nothing in it for a product.
//
// It stands below the stack so that tests of every room may use it.
package processtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Noted waits for the id of a process in a file, whole once it is there.
func Noted(t *testing.T, file string) int {
	t.Helper()
	for {
		data, err := os.ReadFile(file)
		if id, convErr := strconv.Atoi(strings.TrimSpace(string(data))); err == nil && convErr == nil {
			return id
		}
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}

// patience is how long a process may take that was told to end.
const patience = 5 * time.Second

// Gone waits for the end of a process that was told to end. A zombie that nobody
// waits for has ended.
func Gone(t *testing.T, id int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if err := syscall.Kill(id, 0); errors.Is(err, syscall.ESRCH) {
			return
		}
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id)); err == nil && bytes.Contains(stat, []byte(") Z ")) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", id)
		}
	}
}
