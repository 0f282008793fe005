# Sources $1 and writes the environment that it made to $2. An export that ends
# the shell leaves no such file. What it prints is for the person who builds.
# That its last command fails is no mistake, but that bash cannot read it is.
__slugc_export=$1 __slugc_result=$2
set --
"$BASH" -n "$__slugc_export" || exit
source "$__slugc_export"
/usr/bin/env -0 >"$__slugc_result"
