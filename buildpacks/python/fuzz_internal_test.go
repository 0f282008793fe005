package python

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzRequirements(f *testing.F) {
	for _, text := range []string{
		"flask==3.1.3 \\\n    --hash=sha256:aa # why\n", "-e .\n-r other.txt\n--no-binary :all:\n", "demo @ git+https://me:secret@example.com/demo.git@main ; python_version < '4'\n",
		"./libs/a[x]\nfile:./b.whl\nhttps://example.com/c-1.0.tar.gz\n", "-cother.txt\n# comment \\\nx>=1,<2\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, requirementsFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		r, err := readRequirements(dir, dir, requirementsFile)
		if err != nil {
			return
		}
		r.empty()
		if warning := r.warning(); (warning == "") != (len(r.loose) == 0) {
			t.Errorf("%q warns %q", r.loose, warning)
		}
	})
}

func FuzzSource(f *testing.F) {
	f.Add("\"\"\"app = Flask(1)\n\"\"\"\napp = Flask(__name__) # yes\ns = '#'\n")
	f.Add("def create_app(a=1, *b):\n\treturn Flask(\"x\\\"y\")\n'''")
	f.Fuzz(func(t *testing.T, text string) {
		s := source{name: "app.py", code: codeOf(text), text: text}
		if len(s.code) > len(text) {
			t.Errorf("%q is longer than %q", s.code, text)
		}
		for _, o := range s.objects(wsgiClasses()) {
			if strings.ContainsAny(o.name, " \n'\"$;") {
				t.Errorf("the object %q would be part of a command", o.name)
			}
		}
		s.portWarning()
		s.imports("tornado")
	})
}
