package stack

import (
	"fmt"
	"slices"
)

// Fitting returns the stack on which programs run that were built on a
// machine: its own distribution, else the one with the oldest C library that
// is not older than the machine's. Glibc is the version of that, empty when it
// has another C library. An error is a *NoFitError.
func Fitting(machine Target, glibc string) (Definition, error) {
	all, err := Definitions()
	if err != nil {
		return Definition{}, err
	}
	var fit *Definition
	for i, d := range all {
		switch {
		case glibc == "" || !slices.Contains(d.Archs, machine.Arch) || compareGlibc(d.Glibc, glibc) < 0:
		case d.DistroName == machine.DistroName && d.DistroVersion == machine.DistroVersion:
			return d, nil
		case fit == nil || compareGlibc(d.Glibc, fit.Glibc) < 0:
			fit = &all[i]
		}
	}
	if fit == nil {
		return Definition{}, &NoFitError{Machine: machine, Glibc: glibc}
	}
	return *fit, nil
}

// FittingHost returns the stack on which programs run that were built on this
// machine. An error may be a *NoFitError.
func FittingHost() (Definition, error) {
	host, err := Host()
	if err != nil {
		return Definition{}, err
	}
	glibc, err := Glibc("/")
	if err != nil {
		return Definition{}, err
	}
	return Fitting(host.Target, glibc)
}

// NoFitError says that what is built on a machine runs on no stack.
type NoFitError struct {
	Machine Target
	Glibc   string
}

func (e *NoFitError) Error() string {
	why := fmt.Sprintf("its C library, %s, is newer than that of any stack", e.Glibc)
	if e.Glibc == "" {
		why = "it has no GNU C library"
	}
	return fmt.Sprintf("no stack runs what is built on this machine (%s): %s; name a base with --run-image, or build on a stack with --stack",
		e.Machine, why)
}
