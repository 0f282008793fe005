//go:build race

package pack_test

// raceDetector takes several times the memory of what it watches.
const raceDetector = true
