package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/stack/download"
)

func TestMirrorTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		err     error
		trouble bool
	}{
		"none":                {nil, false},
		"no answer":           {fmt.Errorf("x: %w", &download.Error{Fault: download.Passing, Err: errors.New("refused")}), true},
		"an interrupted wait": {&download.Error{Fault: download.Passing, Err: context.Canceled}, false},
		"another file":        {&download.Error{Fault: download.Registry, Err: errors.New("odd")}, false},
		"no room":             {errors.New("no space left on device"), false},
	} {
		t.Run(name, func(t *testing.T) {
			_, trouble := errors.AsType[*cli.MirrorError](mirrorTrouble(c.err))
			if trouble != c.trouble {
				t.Errorf("trouble of a mirror: %v, want %v", trouble, c.trouble)
			}
		})
	}
}
