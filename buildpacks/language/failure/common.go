package failure

import (
	"regexp"

	"github.com/slugc/slugc/stack/download"
)

// Common are causes of any tool. They come after a language's own, which know
// more.
func Common() []Cause {
	return []Cause{
		{
			Pattern: regexp.MustCompile(`ENOSPC|[Nn]o space left on device`), Fault: download.Passing,
			Why: "there is no space left on the disk. Make some:\n  slugc cache prune",
		},
		{
			Pattern: regexp.MustCompile(`version .GLIBC_[0-9.]+. not found`), Fault: download.App,
			Why: "a package brings a program that was made for a newer system than the stack.\nBuild on a newer stack, or use an older version of the package",
		},
		{
			Pattern: regexp.MustCompile(`(?i)self[- ]signed certificate|certificate verify failed|unable to get (?:local )?issuer certificate|x509: certificate signed by unknown authority|PKIX path building failed|unknown certificate authority`),
			Fault:   download.App,
			Why: "a registry's certificate is signed by an authority that this machine does not know, such as a company's own.\n" +
				"Name its certificate file:\n  export SSL_CERT_FILE=/path/to/ca.pem",
		},
		{
			Pattern: regexp.MustCompile(`(?i)temporary failure in name resolution|could not resolve host|name or service not known|no such host|connection (?:refused|reset|timed out)|network is unreachable|i/o timeout|read timed out|connect timed out|TLS handshake timeout|\b(?:429 Too Many Requests|50[0234] (?:Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?out))`),
			Fault:   download.Passing,
			Why:     "a registry could not be reached, or did not answer as it should. Try again later",
		},
		{
			Pattern: regexp.MustCompile(`(?m)^(?:\S+: )?(?:\d+: |line \d+: )?(\S+): (?:command )?not found$`), Fault: download.App,
			Why: "there is no command $1 in the stack or in a package of the app",
		},
	}
}
