package failure_test

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

func TestExplain(t *testing.T) {
	own := []failure.Cause{
		{Code: regexp.MustCompile(`^E404$`), Fault: download.App, Why: "it is not there: ${TOKEN}"},
		{Pattern: regexp.MustCompile(`no module named (\w+)`), Fault: download.App, Why: "add $1"},
	}
	for name, test := range map[string]struct {
		failure failure.Failure
		printed string
		fault   download.Fault
		want    string
	}{
		"by its code": {failure: failure.Failure{Code: "E404"}, printed: "first\n\nlast\n", fault: download.App,
			want: "the tool failed: exit status 3\nits last lines:\n  first\n  last\nit is not there: ${TOKEN}"},
		"by what it printed": {printed: "no module named flask", fault: download.App,
			want: "the tool failed: exit status 3\nits last lines:\n  no module named flask\nadd flask"},
		"by what any tool prints": {printed: "dial tcp: i/o timeout", fault: download.Passing,
			want: "the tool failed: exit status 3\nits last lines:\n  dial tcp: i/o timeout\na registry could not be reached, or did not answer as it should. Try again later"},
		"a command that is missing": {printed: "sh: 1: webpack: not found", fault: download.App,
			want: "the tool failed: exit status 3\nits last lines:\n  sh: 1: webpack: not found\nthere is no command webpack in the stack or in a package of the app"},
		"not known": {failure: failure.Failure{Details: []string{"it is the app's own"}, Unknown: "see it fail:\n  tool"}, printed: "hm", fault: download.App,
			want: "the tool failed: exit status 3\nit is the app's own\nits last lines:\n  hm\nsee it fail:\n  tool"},
		"silent": {fault: download.App, want: "the tool failed: exit status 3"},
	} {
		t.Run(name, func(t *testing.T) {
			f := test.failure
			f.What, f.Err, f.Output = "the tool failed", &tool.ExitError{Code: 3}, tool.NewTail(io.Discard)
			if _, err := io.WriteString(f.Output, test.printed); err != nil {
				t.Fatal(err)
			}
			err := failure.Explain(f, append(own, failure.Common()...))
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Error(diff)
			}
			told, is := errors.AsType[*download.Error](err)
			if !is || told.Fault != test.fault {
				t.Errorf("got %#v", err)
			}
			if exit, ended := failure.Ended(err); !ended || exit.Code != 3 {
				t.Errorf("the cause is lost: %v", err)
			}
			if known := f.Known(append(own, failure.Common()...)); known == (name == "not known" || name == "silent") {
				t.Errorf("known is %t", known)
			}
		})
	}
	err := failure.Explain(failure.Failure{What: "the tool failed", Err: context.Canceled, Output: tool.NewTail(io.Discard)}, own)
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	if _, told := errors.AsType[*download.Error](err); told {
		t.Error("a build that was interrupted is somebody's fault")
	}
}
