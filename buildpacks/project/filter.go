package project

// Filter tells which files of an app are built.
type Filter struct {
	patterns Patterns
	include  bool
}

// Filter is what include or exclude say.
func (d Descriptor) Filter() Filter {
	if len(d.Include) > 0 {
		return Filter{ParsePatterns(d.Include), true}
	}
	return Filter{ParsePatterns(d.Exclude), false}
}

// Keep is whether a file or a directory of an app is built. The path is
// relative to the app, with slashes. In a directory that is not kept nothing
// is; one that is kept may have nothing in it that is.
func (f Filter) Keep(path string, isDir bool) bool {
	if f.include {
		return isDir || f.patterns.Match(path, isDir)
	}
	return !f.patterns.Match(path, isDir)
}

// All is whether everything is kept.
func (f Filter) All() bool { return !f.include && len(f.patterns.list) == 0 }
