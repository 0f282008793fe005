package repository_test

import (
	"testing"

	"github.com/sclevine/spec"
)

func TestRepository(t *testing.T) {
	suite := spec.New("repository", spec.Parallel())
	suite("update", testUpdate)
	suite("refusing", testRefusing)
	suite("debs", testDebs)
	suite("offline", testOffline)
	suite.Run(t)
}
