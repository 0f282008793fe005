package deploy

import (
	"encoding/json"
	"testing"

	"github.com/slugc/slugc/buildpacks/project"
	"github.com/slugc/slugc/detect"
)

func TestProjectOf(t *testing.T) {
	for _, test := range []struct {
		source  detect.Source
		project project.Descriptor
		want    string
	}{
		{want: `{}`},
		{source: detect.Source{Commit: "abc"}, want: `{"source":{"type":"git","version":{"commit":"abc"}}}`},
		{
			source: detect.Source{Commit: "abc"}, project: project.Descriptor{Version: "1.2"},
			want: `{"source":{"type":"project","version":{"commit":"abc","declared":"1.2"}}}`,
		},
		{
			project: project.Descriptor{SourceURL: "https://example.com/app"},
			want:    `{"source":{"type":"project","metadata":{"url":"https://example.com/app"}}}`,
		},
	} {
		got, err := json.Marshal(projectOf(test.source, test.project))
		if err != nil || string(got) != test.want {
			t.Errorf("got %s, %v, want %s", got, err, test.want)
		}
	}
}
