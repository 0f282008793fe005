package pack_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slugc/slugc/build/pack"
)

// peakDir is the environment variable that turns the test binary into a
// process that packs a directory and says how much memory that took.
const peakDir = "PACK_AND_REPORT"

func contextWithTimeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Minute)
}

func packAndReport(top string) error {
	if _, err := packHere(pack.DirStore{Dir: filepath.Join(top, "store")}, filepath.Join(top, "layer"), top); err != nil {
		return err
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if peak, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Println(strings.Fields(peak)[0])
		}
	}
	return nil
}
