package detect_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
)

// seats makes a group of words and the buildpacks in it: "c:name" is a classic
// one, "!name" says no, "*name" breaks, "name?" is optional.
func seats(words string) (buildpacks.Group, map[string]detect.Prober) {
	var group buildpacks.Group
	probers := map[string]detect.Prober{}
	for word := range strings.FieldsSeq(words) {
		id, optional := strings.CutSuffix(word, "?")
		p := &prober{detection: buildpacks.Detection{Verdict: buildpacks.Pass}, descriptor: buildpacks.Descriptor{Dialect: buildpacks.CNB}}
		if rest, no := strings.CutPrefix(id, "!"); no {
			id, p.detection.Verdict = rest, buildpacks.Fail
		}
		if rest, broke := strings.CutPrefix(id, "*"); broke {
			id, p.detection.Verdict = rest, buildpacks.Error
		}
		if rest, classic := strings.CutPrefix(id, "c:"); classic {
			id, p.descriptor.Dialect, p.detection.Found = rest, buildpacks.Classic, strings.ToUpper(rest)
		}
		p.descriptor.ID = id
		m := buildpacks.Member{ID: id, Optional: optional}
		group = append(group, m)
		probers[detect.Key(m)] = p
	}
	return group, probers
}

// ids are the ids of choices.
func ids(choices []detect.Choice) string {
	var words []string
	for _, c := range choices {
		words = append(words, c.ID)
	}
	return strings.Join(words, " ")
}

func TestStage(t *testing.T) {
	for _, test := range []struct {
		group, now, later string
		none              bool
	}{
		{group: "a b", now: "a b"},
		{group: "c:a b", now: "a b"},
		{group: "c:a !b", now: "a", later: "b"},
		{group: "!c:b a c:d !e f g?", none: true},
		{group: "a c:b d !e f !g?", now: "a b", later: "d e f g"},
		{group: "c:a c:b !d c:e !f", now: "a b", later: "d e f"},
		{group: "a !b c:d", none: true},
		{group: "a !b", none: true},
		{group: "c:a *b", none: true},
		{group: "c:a b !p?", now: "a b", later: "p"},
		{group: "c:a !o? b !p? !q?", now: "a b", later: "p q"},
		{group: "c:a b p?", now: "a b p"},
		{group: "a b !p?", now: "a b"},
		{group: "!c:a? b !p?", now: "b", later: "p"},
	} {
		group, probers := seats(test.group)
		plan, err := detect.Stage(t.Context(), buildpacks.Site{}, group, probers)
		if _, none := errors.AsType[*detect.NoMatchError](err); none != test.none || err != nil && !none {
			t.Errorf("%s: %v", test.group, err)
			continue
		}
		if now, later := ids(plan.Group), ids(plan.Later); now != test.now || later != test.later {
			t.Errorf("%s: %q now and %q later, expected %q and %q", test.group, now, later, test.now, test.later)
		}
		for _, c := range plan.Group {
			if c.Dialect == buildpacks.Classic && c.Found != strings.ToUpper(c.ID) {
				t.Errorf("%s: %s found %q", test.group, c.ID, c.Found)
			}
		}
	}
}

func TestSurvey(t *testing.T) {
	for _, test := range []struct {
		order, group, rivals string
	}{
		{"a", "a", ""},
		{"!a | b | c", "b", "c"},
		{"a p? | b p? | !c p? | d !p?", "a p", "b d"},
		{"!a | *b | c", "c", ""},
		{"a b | a c | a b", "a b", "c"},
	} {
		var order buildpacks.Order
		all := map[string]detect.Prober{}
		for words := range strings.SplitSeq(test.order, "|") {
			group, probers := seats(words)
			order = append(order, group)
			for key, p := range probers {
				if all[key] == nil {
					all[key] = p
				}
			}
		}
		plan, err := detect.Survey(t.Context(), buildpacks.Site{}, order, all)
		if err != nil {
			t.Errorf("%s: %v", test.order, err)
			continue
		}
		if got, rivals := ids(plan.Group), strings.Join(plan.Rivals, " "); got != test.group || rivals != test.rivals {
			t.Errorf("%s: %q, rivals %q; expected %q and %q", test.order, got, rivals, test.group, test.rivals)
		}
		for _, a := range plan.Answers {
			if a.Verdict == buildpacks.Skip {
				t.Errorf("%s: %s was not asked", test.order, a.ID)
			}
		}
	}
	group, probers := seats("!a")
	if _, err := detect.Survey(t.Context(), buildpacks.Site{}, buildpacks.Order{group}, probers); err == nil {
		t.Error("nobody passes, and there is a plan")
	}
}
