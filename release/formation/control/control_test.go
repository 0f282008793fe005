package control_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/release/formation/control"
)

func TestControl(t *testing.T) { spec.Run(t, "control", testControl) }

// two is a formation of web processes that has no processes.
type two struct{ wanted map[string]int }

func (f *two) Scale(scale map[string]int) error {
	for name := range scale {
		if name != "web" {
			return &formation.UnknownScaleError{Type: name, Types: []string{"web"}}
		}
	}
	maps.Copy(f.wanted, scale)
	return nil
}

func (f *two) Wanted() map[string]int { return maps.Clone(f.wanted) }

func (f *two) Restart(name string) (int, error) {
	if name != "" && name != "web.1" {
		return 0, nil
	}
	return 1, nil
}

func (f *two) Processes() []formation.Process {
	return []formation.Process{{Name: "web.1", State: formation.Up, Since: time.Unix(1e9, 0).UTC(), Release: "v3", Command: "serve"}}
}

func testControl(t *testing.T, _ spec.G, it spec.S) {
	var dir string
	it.Before(func() {
		// A name that no socket could have.
		dir = filepath.Join(t.TempDir(), strings.Repeat("a-long-name/", 12), "run")
	})

	// serve serves until the test ends, and waits until there is an answer.
	serve := func(f *two) control.Client {
		t.Helper()
		seat, err := control.Take(dir)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- seat.Serve(ctx, "http://localhost:5000", f) }()
		t.Cleanup(func() {
			stop()
			if err := errors.Join(<-done, seat.Close()); err != nil {
				t.Error(err)
			}
		})
		client := control.Client{Dir: dir}
		for {
			_, err := client.Status(t.Context())
			var absent *control.AbsentError
			switch {
			case err == nil:
				return client
			case !errors.As(err, &absent):
				t.Fatal(err)
			}
			select {
			case err := <-done:
				t.Fatal(err)
			case <-time.After(time.Millisecond):
			}
		}
	}

	it("tells what runs, and changes it", func() {
		client := serve(&two{map[string]int{"web": 2}})
		status, err := client.Status(t.Context())
		if err != nil || status.PID != os.Getpid() || status.URL != "http://localhost:5000" || status.Wanted["web"] != 2 {
			t.Errorf("%+v, %v", status, err)
		}
		if len(status.Processes) != 1 || status.Processes[0] != (&two{}).Processes()[0] {
			t.Errorf("the processes are %+v", status.Processes)
		}
		if status, err = client.Scale(t.Context(), map[string]int{"web": 5}); err != nil || status.Wanted["web"] != 5 {
			t.Errorf("%+v, %v", status, err)
		}
		if _, err = client.Restart(t.Context(), "web.1"); err != nil {
			t.Error(err)
		}
		if _, err = client.Restart(t.Context(), "clock"); err == nil || err.Error() != "there is no process clock" {
			t.Errorf("Restart returned %v", err)
		}
		if _, err = client.Scale(t.Context(), map[string]int{"clock": 5}); err == nil || err.Error() != "the app has no process type clock; it has web" {
			t.Errorf("Scale returned %v", err)
		}
	})

	it("remembers how many there are to be", func() {
		client := serve(&two{map[string]int{"web": 2}})
		if _, err := client.Scale(t.Context(), map[string]int{"web": 0}); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(dir, "formation.json"))
		if err != nil || string(content) != "{\"web\":0}\n" {
			t.Errorf("%q, %v", content, err)
		}
	})

	it("has one seat", func() {
		seat, err := control.Take(dir)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := seat.Kept()
		if kept != nil || err != nil {
			t.Errorf("it remembers %v, %v", kept, err)
		}
		var busy *control.BusyError
		if _, err := control.Take(dir); !errors.As(err, &busy) {
			t.Errorf("Take returned %v", err)
		}
		if err := errors.Join(seat.Keep(map[string]int{"web": 3}), seat.Close()); err != nil {
			t.Error(err)
		}
		if seat, err = control.Take(dir); err != nil {
			t.Fatal(err)
		}
		if kept, err := seat.Kept(); kept["web"] != 3 || err != nil {
			t.Errorf("it remembers %v, %v", kept, err)
		}
		if err := seat.Close(); err != nil {
			t.Error(err)
		}
	})

	it("says that nothing runs", func() {
		var absent *control.AbsentError
		if _, err := (control.Client{Dir: dir}).Status(t.Context()); !errors.As(err, &absent) {
			t.Errorf("Status returned %v", err)
		}
		// What a killed process leaves.
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "socket"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := (control.Client{Dir: dir}).Status(t.Context()); !errors.As(err, &absent) {
			t.Errorf("Status returned %v", err)
		}
	})
}
