package launch

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Exit codes of a launch (CNB Platform API, "Launcher").
const (
	codePlatformAPI  = 11
	codeBuildpackAPI = 12
	codeLaunch       = 82
)

// The minor versions of API 0.x that the launcher follows.
const (
	oldestPlatform, newestPlatform   = 7, 15
	oldestBuildpack, newestBuildpack = 7, 12
)

// APIError says that an API version is missing or not one that is followed.
type APIError struct {
	// Message says whose version it is and what is expected.
	Message string
	// Code is the exit code: 11 for the platform, 12 for a buildpack.
	Code int
}

func (e *APIError) Error() string { return e.Message }

// ExitCode is the exit code for an error of Launch.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	if api, ok := errors.AsType[*APIError](err); ok {
		return api.Code
	}
	return codeLaunch
}

// platform is what the Platform API allows in a launch.
type platform struct {
	api string
	// replaceArgs: a user's arguments can replace default ones (0.10).
	replaceArgs bool
	// execEnv: processes are limited to execution environments (0.15).
	execEnv bool
}

func newPlatform(api string) (platform, error) {
	if strings.TrimSpace(api) == "" {
		return platform{}, &APIError{Code: codePlatformAPI, Message: fmt.Sprintf(
			"get platform API version; please set 'CNB_PLATFORM_API' to the platform API version to follow, 0.%d to 0.%d",
			oldestPlatform, newestPlatform)}
	}
	minor, ok := minorVersion(api)
	if !ok || minor < oldestPlatform || minor > newestPlatform {
		return platform{}, &APIError{Code: codePlatformAPI, Message: fmt.Sprintf(
			"platform API version '%s' is not supported; please set 'CNB_PLATFORM_API' to one of 0.%d to 0.%d",
			api, oldestPlatform, newestPlatform)}
	}
	return platform{api: api, replaceArgs: minor >= 10, execEnv: minor >= 15}, nil
}

// check fails for a buildpack whose API the launcher does not follow. A
// classic buildpack has none.
func (b Buildpack) check() error {
	if b.API == "" {
		return nil
	}
	minor, ok := minorVersion(b.API)
	if !ok || minor < oldestBuildpack || minor > newestBuildpack {
		return &APIError{Code: codeBuildpackAPI, Message: fmt.Sprintf(
			"buildpack '%s' asks for buildpack API '%s', which is not supported; expected 0.%d to 0.%d",
			b.ID, b.API, oldestBuildpack, newestBuildpack)}
	}
	return nil
}

// replacesArgs says whether a user's arguments take the place of the default
// ones of its processes (Buildpack API 0.9).
func (b Buildpack) replacesArgs() bool {
	minor, ok := minorVersion(b.API)
	return ok && minor >= 9
}

// minorVersion is the minor number of a version 0.x; a "v" may stand before
// it, as the reference lifecycle takes that too.
func minorVersion(api string) (int, bool) {
	major, rest, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(api), "v"), ".")
	if n, err := strconv.ParseUint(major, 10, 16); err != nil || n != 0 {
		return 0, false
	}
	minor, err := strconv.ParseUint(rest, 10, 16)
	return int(minor), err == nil
}
