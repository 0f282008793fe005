// Package pep508 reads how Python's packages name one another: versions
// (PEP 440), what is wanted of them (PEP 440, "Version specifiers"), names
// (PEP 503), requirements and their environment markers (PEP 508), and tells
// whether a marker holds for an interpreter.
//
// Lock files hold markers and leave it to who installs to decide about them.
// slugc decides before anything is downloaded, so it reads them itself.
package pep508
