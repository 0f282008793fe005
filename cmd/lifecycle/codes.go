package main

import (
	"errors"

	"github.com/slugc/slugc/build/lifecycle"
	"github.com/slugc/slugc/build/lifecycle/platform"
)

// Exit codes that are no phase's own (CNB Platform API, "Outputs").
const (
	codeFailed = 1
	codeFlags  = 2
	codeArgs   = 3
)

// code is the exit code of a phase that ended with an error.
func code(err error) int {
	if api, ok := errors.AsType[*platform.APIError](err); ok {
		return api.Code
	}
	if failed, ok := errors.AsType[*lifecycle.Failure](err); ok {
		return map[lifecycle.Class]int{
			lifecycle.BadArgs:            codeArgs,
			lifecycle.FailedDetect:       20,
			lifecycle.FailedDetectErrors: 21,
			lifecycle.DetectError:        22,
			lifecycle.AnalyzeError:       32,
			lifecycle.RestoreError:       42,
			lifecycle.BuildpackBuild:     51,
			lifecycle.BuildError:         52,
			lifecycle.ExportError:        62,
			lifecycle.RebaseError:        72,
			lifecycle.GenerateBuildpack:  91,
			lifecycle.GenerateError:      92,
			lifecycle.ExtendError:        102,
			lifecycle.Generic:            codeFailed,
		}[failed.Class]
	}
	return codeFailed
}
