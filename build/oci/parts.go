package oci

import (
	"fmt"

	"github.com/slugc/slugc/build/artifact"
)

// Names of the parts of an image that are not a buildpack's layer.
const (
	AppPart          = "app"
	SBOMPart         = artifact.SBOMPart
	LauncherPart     = "launcher"
	ConfigPart       = "config"
	ProcessTypesPart = "process-types"
)

// SlicePart is the name of one of several app layers, which count from one.
func SlicePart(n int) string { return fmt.Sprintf("%s slice %d", AppPart, n) }
