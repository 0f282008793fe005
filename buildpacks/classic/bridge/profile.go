package bridge

import _ "embed"

// profileProgram gives processes what the scripts of the app export.
//
//go:embed profile.bash
var profileProgram []byte
