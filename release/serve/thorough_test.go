//go:build acceptance

package serve_test

// thorough says that tests may take their time.
const thorough = true
