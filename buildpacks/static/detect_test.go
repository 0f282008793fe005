package static_test

import (
	"testing"

	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/static"
)

func TestDetect(t *testing.T) {
	offers := libcnb.BuildPlan{Provides: []libcnb.BuildPlanProvide{{Name: "static"}}}
	serves := libcnb.BuildPlan{Provides: offers.Provides, Requires: []libcnb.BuildPlanRequire{{Name: "static"}}}
	for name, test := range map[string]struct {
		files map[string]string
		env   map[string]string
		plan  *libcnb.BuildPlan
		says  string
	}{
		"static.json":                    {files: map[string]string{"static.json": "{"}, plan: &serves},
		"an empty Staticfile":            {files: map[string]string{"Staticfile": ""}, plan: &serves},
		"a table in project.toml":        {files: map[string]string{"project.toml": "[com.heroku.static-web-server]\nroot = \"x\"\n"}, plan: &serves},
		"another table in project.toml":  {files: map[string]string{"project.toml": "[com.heroku.other]\n"}, says: "no index.html, static.json or Staticfile in the app's root; found: project.toml\n"},
		"a project.toml that is none":    {files: map[string]string{"project.toml": "["}, says: "no index.html, static.json or Staticfile in the app's root; found: project.toml\n"},
		"Paketo's variable":              {env: map[string]string{"BP_WEB_SERVER": "nginx"}, plan: &serves},
		"a page":                         {files: map[string]string{"index.html": ""}, plan: &serves},
		"a page in public":               {files: map[string]string{"public/index.html": ""}, plan: &serves},
		"a page in dist":                 {files: map[string]string{"dist/index.html": ""}, plan: &serves},
		"what Node.js may build":         {files: map[string]string{"package.json": "{}"}, plan: &offers},
		"Node.js with a page of its own": {files: map[string]string{"package.json": "{}", "public/index.html": ""}, plan: &offers},
		"Node.js with settings":          {files: map[string]string{"package.json": "{}", "static.json": ""}, plan: &serves},
		"an empty app":                   {says: "no index.html, static.json or Staticfile in the app's root; it is empty\n"},
		"another spelling": {files: map[string]string{"staticfile": ""},
			says: "no index.html, static.json or Staticfile in the app's root; found: staticfile\nstaticfile is spelled differently: git mv staticfile Staticfile\n"},
		"a page elsewhere": {files: map[string]string{"web/index.html": ""},
			says: "no index.html, static.json or Staticfile in the app's root; found: web/\nthere is index.html in web/: to build that directory: slugc build --app web\n"},
	} {
		t.Run(name, func(t *testing.T) {
			result, says := languagetest.Detected(t, static.Detect, test.files, test.env)
			if diff := cmp.Diff(test.says, says); diff != "" {
				t.Error(diff)
			}
			var plans []libcnb.BuildPlan
			if test.plan != nil {
				plans = append(plans, *test.plan)
			}
			if diff := cmp.Diff(plans, result.Plans); diff != "" || result.Pass != (test.plan != nil) {
				t.Errorf("pass is %t %s", result.Pass, diff)
			}
		})
	}
}

func TestTOML(t *testing.T) {
	languagetest.Describes(t, static.TOML, "slugc/static")
}
