package sandbox_test

import (
	"testing"

	"github.com/slugc/slugc/stack/sandbox"
)

func BenchmarkRun(b *testing.B) {
	root := b.TempDir()
	if err := sandbox.Give(root); err != nil {
		b.Fatal(err)
	}
	for name, c := range map[string]sandbox.Command{
		"isolated": {}, "network": {Network: true}, "root directory": {Root: root},
	} {
		b.Run(name, func(b *testing.B) {
			c.Args = []string{"/bin/true"}
			for b.Loop() {
				if err := (sandbox.Namespaces{}).Run(b.Context(), c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
