// Package sbom writes what a build installed as a bill of materials in the
// form of CycloneDX (CNB Buildpack API, "Bill-of-Materials"; CycloneDX 1.5,
// JSON).
//
// It holds what the build knows and nothing about the build: no time, no serial
// number, sorted, so that the same packages are the same bytes.
//
// Third-party: CycloneDX/cyclonedx-go has the types and the encoder,
// git-pkgs/purl writes package URLs.
package sbom
