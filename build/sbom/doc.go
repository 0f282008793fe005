// Package sbom reads what an artifact says of the packages in it: the SBOM files
// that its buildpacks left for launch (CNB Platform API,
// "Software-Bill-of-Materials"), in the three formats that buildpacks write,
// CycloneDX, SPDX and Syft, all as JSON.
//
// A buildpack may say the same in several formats; a package counts once. What
// cannot be read is an error that names the file, since a bill that is silently
// shorter is worse than none.
package sbom
