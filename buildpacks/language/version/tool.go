package version

import (
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// ToolFile is the file in which asdf and mise look for the versions of tools.
const ToolFile = ".tool-versions"

// OfTool is the first version that ToolFile in a directory has for a tool, "" for
// none. Its errors are those of appfile.Read.
func OfTool(dir, tool string) (string, error) {
	data, err := appfile.ReadIfThere(dir, ToolFile)
	return InToolFile(data, tool), err
}

// NumberOfTool is OfTool for a tool of which only a number is asked. Title is what
// people call it, and example such a number.
func NumberOfTool(dir, tool, title, example string) (string, error) {
	text, err := OfTool(dir, tool)
	if err == nil && text != "" && !IsNumber(text) {
		err = appfile.Error("%s says \"%s %s\", which is no version of %s: expected something like\n  %s %s", ToolFile, tool, text, title, tool, example)
	}
	return text, err
}

// InToolFile is OfTool of a ToolFile that is read already.
func InToolFile(data []byte, tool string) string {
	for line := range strings.Lines(string(data)) {
		if words := strings.Fields(appfile.Word([]byte(line))); len(words) > 1 && words[0] == tool {
			return words[1]
		}
	}
	return ""
}
