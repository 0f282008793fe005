package runtime_test

import (
	"testing"

	"github.com/sclevine/spec"
)

func TestRuntime(t *testing.T) {
	suite := spec.New("runtime", spec.Parallel())
	suite("download", testDownload)
	suite("install", testInstall)
	suite.Run(t)
}
