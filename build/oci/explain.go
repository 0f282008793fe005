package oci

// Explain is an error of a registry for people: what was wrong, without the
// requests that were on the way.
func Explain(err error) string { return answer(err) }

// Passing says that what a registry did not do now it may do later: it was
// busy or broken, or the connection was.
func Passing(err error) bool { return reasonOf(err) == Temporary }
