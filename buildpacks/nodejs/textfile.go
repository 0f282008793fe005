package nodejs

import "github.com/slugc/slugc/buildpacks/language/appfile"

// readText reads a file of the app.
func readText(dir, name string) ([]byte, error) {
	if name != lockFile && name != shrinkwrapFile {
		return appfile.Read(dir, name)
	}
	return appfile.ReadMerged(dir, name, appfile.Merge("make it again from package.json:\n  git checkout --theirs "+name+
		"\n  npm install --package-lock-only\n  git add "+name))
}
