//go:build !acceptance

package main

// thorough says that tests may take their time.
const thorough = false
