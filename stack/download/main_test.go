package download_test

import (
	"testing"

	"github.com/sclevine/spec"
)

func TestDownload(t *testing.T) {
	suite := spec.New("download", spec.Parallel())
	suite("download", testDownload)
	suite("install", testInstall)
	suite.Run(t)
}
