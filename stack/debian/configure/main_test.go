package configure_test

import (
	"testing"

	"github.com/sclevine/spec"
)

func TestConfigure(t *testing.T) {
	suite := spec.New("configure")
	suite("Skeleton", testSkeleton)
	suite("Apply", testApply)
	suite("Accounts", testAccounts)
	suite("Alternatives", testAlternatives)
	suite("Certificates", testCertificates)
	suite("Database", testDatabase)
	suite("Libraries", testLibraries)
	suite("Hostile", testHostile)
	suite.Run(t)
}
