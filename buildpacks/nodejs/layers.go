package nodejs

import "github.com/slugc/slugc/buildpacks/language"

// layout is the version of what this buildpack puts into its layers. A layer of
// another version is not kept.
const layout = "2"

// The layers.
const (
	nodeLayer    = "node"
	headersLayer = "node-headers"
	npmLayer     = "npm"
	catalogLayer = language.CatalogLayer
	cacheLayer   = "npm-cache"
	modulesLayer = "modules"
	devLayer     = "modules-dev"
)
