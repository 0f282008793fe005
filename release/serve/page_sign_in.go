package serve

import "strconv"

// signInForm is the content of the page for signing in: to is where it goes on, wrong is
// why somebody with a name has to try again.
func signInForm(to, wrong, name string) part {
	return post("form.panel.sign-in", "/sign-in",
		el("h1", text("Sign in")),
		given(wrong != "", el("p.reason", attr("role", "alert"), text(wrong))),
		hidden("to", to),
		el("label", attr("for", "token"), text("Token of this server")),
		el("input#token", attr("name", "token"), attr("type", "password"), attr("autocomplete", "current-password"), flag("required"), flag("autofocus")),
		el("label", attr("for", "name"), spaced(text("Your name"), note("for what you release, if you like"))),
		el("input#name", attr("name", "name"), attr("autocomplete", "nickname"), attr("maxlength", strconv.Itoa(longestName)), attr("value", name)),
		el("div.actions", el("button", text("Sign in"))),
		el("p.note", text("The token is on the server: "), el("code", text("cat $SLUGC_HOME/serve-token"))))
}
