package builtin

import (
	"slices"

	"github.com/slugc/slugc/buildpacks"
)

// assistant is a buildpack that helps the buildpack of a language. It stands
// before it and joins where the app has something for it to do.
type assistant struct {
	id string
	// of is the buildpack that does the same and more, if there is one: it is
	// no other choice for an app of another language. Groups that have it, or one
	// of others, go without the assistant.
	of     string
	others []string
}

// assistants are all of them, in the order in which they stand in a group.
var assistants = []assistant{
	{id: "slugc/apt"},
	{id: "slugc/nodejs-assets", of: "slugc/nodejs", others: []string{"slugc/static", "slugc/deno", "slugc/binary"}},
}

// assisted is an order with the assistants in each group that takes them.
func assisted(order buildpacks.Order) buildpacks.Order {
	for i, group := range order {
		var first buildpacks.Group
		for _, a := range assistants {
			without := func(m buildpacks.Member) bool { return m.ID == a.of || slices.Contains(a.others, m.ID) }
			if !slices.ContainsFunc(group, without) {
				first = append(first, buildpacks.Member{ID: a.id, Optional: true})
			}
		}
		order[i] = append(first, group...)
	}
	return order
}

// AssistantOf is the id of the buildpack that builds a part of an app in place of
// another one, which would build it alone; "" when there is none.
func AssistantOf(id string) string {
	for _, a := range assistants {
		if a.of == id {
			return a.id
		}
	}
	return ""
}
