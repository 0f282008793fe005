package cli

import (
	"errors"
	"slices"
	"strings"
)

// Rule says what an error means to a person.
type Rule struct {
	// Match is whether the rule is about an error. It looks through wrapping,
	// with errors.Is and errors.As.
	Match func(error) bool
	Class Class
	// Status is the exit code in place of the class, where it is that of a
	// process; nil for none.
	Status func(error) int
	// Fault says whose fault it was when the class alone does not know; nil
	// or an empty answer leaves it to the class.
	Fault func(error) string
	// Next are commands or settings to try, best first; nil for none.
	Next func(error) []string
}

// Table maps errors to rules; the first that matches counts. An error that no
// rule knows is Ours.
type Table []Rule

// Find returns the rule for err.
func (t Table) Find(err error) Rule {
	for _, rule := range t {
		if rule.Match(err) {
			return rule
		}
	}
	return Rule{Class: Ours}
}

// code is the exit code for an error that the rule is about.
func (r Rule) code(err error) int {
	if r.Status != nil {
		return r.Status(err)
	}
	return int(r.Class)
}

// Report prints err as a person needs it: what went wrong, whose fault it was,
// what to type next. It returns the exit code; for nil it prints nothing.
func (t Table) Report(p *Printer, err error) int {
	if err == nil {
		return int(OK)
	}
	rule := t.Find(err)
	fault, next := rule.Class.Fault(), []string(nil)
	if rule.Fault != nil {
		if who := rule.Fault(err); who != "" {
			fault = who
		}
	}
	if rule.Next != nil {
		next = rule.Next(err)
	}
	text := words(rule.Class, err)
	// some errors say themselves what to do
	next = slices.DeleteFunc(slices.Clone(next), func(step string) bool { return strings.Contains(text, step) })
	p.report(failure{text: text, code: rule.code(err), fault: fault, next: next})
	return rule.code(err)
}

// words are what went wrong. Who interrupts a command knows what happened;
// where in the code the interrupt was noticed is of no use.
func words(class Class, err error) string {
	if class == Interrupted {
		return "Interrupted"
	}
	return err.Error()
}

// failure is the end of a command that did not go well.
type failure struct {
	text  string
	code  int
	fault string
	next  []string
}

// report prints a failure: one event in JSON, else all of it as warnings look,
// on the stream of errors.
func (p *Printer) report(f failure) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fields := Fields{"code": f.code}
	if f.fault != "" {
		fields["fault"] = f.fault
	}
	if len(f.next) > 0 {
		fields["next"] = f.next
	}
	p.emit(Event{Kind: Error, Text: f.text, Fields: fields})
	if p.json {
		return
	}
	if f.fault != "" {
		p.print(&p.err, red, faultPrefix, faultPrefix, "At fault: "+f.fault)
	}
	for _, next := range f.next {
		p.print(&p.err, "", detailPrefix+"Next: ", detailPrefix+"      ", next)
	}
}

// is makes a Match for errors that wrap target.
func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// as makes a Match for errors that wrap a T for which ok is true; a nil ok
// takes all.
func as[T error](ok func(T) bool) func(error) bool {
	return func(err error) bool {
		target, found := errors.AsType[T](err)
		return found && (ok == nil || ok(target))
	}
}
