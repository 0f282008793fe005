package platform

import "slices"

// DeprecationVariable says what becomes of who speaks an API that is to go.
const DeprecationVariable = "CNB_DEPRECATION_MODE"

// Deprecation is how the lifecycle treats APIs that are to go (CNB Platform API,
// "Deprecation").
type Deprecation struct {
	// Mode is "quiet", "warn" or "error"; any other is as "warn".
	Mode string
	// Platform and Buildpack are the APIs that are to go. The reference lifecycle
	// v0.21.0 has none.
	Platform, Buildpack []string
	Log                 *Log
}

// CheckPlatform returns an *APIError for a platform whose API is refused.
func (d Deprecation) CheckPlatform(api API) error {
	if !slices.Contains(d.Platform, api.Version) || d.allows("Platform requested deprecated API '%s'", api.Version) {
		return nil
	}
	return incompatiblePlatform(api.Version)
}

// CheckBuildpack returns an *APIError for a buildpack or an extension whose API is
// refused; see CheckBuildpackAPI.
func (d Deprecation) CheckBuildpack(kind, name, version string) error {
	own, _ := normal(version)
	if !slices.Contains(d.Buildpack, own) || d.allows("%s '%s' requests deprecated API '%s'", kind, name, version) {
		return nil
	}
	return incompatible(kind, name, version)
}

// allows says, as the mode has it, that an API is to go.
func (d Deprecation) allows(format string, args ...any) bool {
	switch d.Mode {
	case "quiet":
	case "error":
		d.Log.Errorf(format, args...)
		d.Log.Errorf("Deprecated APIs are disabled by %s=error", DeprecationVariable)
		return false
	default:
		d.Log.Warnf(format, args...)
	}
	return true
}
