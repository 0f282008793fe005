// Package referencetest gives tests the reference lifecycle of Cloud Native
// Buildpacks, which slugc is compared with: its results are the oracle, and its
// speed is what make bench measures against. There is nothing in it for a
// product.
//
// It stands below the stack so that tests of every room may use it.
package referencetest
