package sandbox_test

import (
	"testing"

	"github.com/slugc/slugc/stack/sandbox"
)

func BenchmarkRun(b *testing.B) {
	for name, network := range map[string]bool{"isolated": false, "network": true} {
		b.Run(name, func(b *testing.B) {
			c := command("/bin/true")
			c.Network = network
			for b.Loop() {
				if err := (sandbox.Namespaces{}).Run(b.Context(), c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
