# Runs an exec.d program and exports the variables that it prints on file
# descriptor 3 (CNB Buildpack API, "exec.d"): TOML with strings and nothing
# else. The functions below share the variables that are local here.
__slugc_exec_d() {
	local __slugc_program=$1 __slugc_rest='' __slugc_name='' __slugc_value=''
	{
		__slugc_rest=$("$__slugc_program" 3>&1 >&4 4>&- </dev/null) ||
			__slugc_fail "ended with status $?"
	} 4>&1
	while :; do
		__slugc_skip_lines
		if [ -z "$__slugc_rest" ]; then
			return 0
		fi
		case $__slugc_rest in
		[\"\']*)
			__slugc_string
			__slugc_name=$__slugc_value
			;;
		*)
			__slugc_name=${__slugc_rest%%[!A-Za-z0-9_-]*}
			__slugc_rest=${__slugc_rest#"$__slugc_name"}
			;;
		esac
		__slugc_skip_blanks
		case $__slugc_rest in
		=*) __slugc_rest=${__slugc_rest#=} ;;
		*) __slugc_fail 'printed a line that is not NAME = "value"' ;;
		esac
		__slugc_skip_blanks
		__slugc_string
		__slugc_skip_blanks
		case $__slugc_rest in
		'' | '#'* | $'\n'* | $'\r' | $'\r\n'*) ;;
		*) __slugc_fail "printed something after the value of $__slugc_name" ;;
		esac
		case $__slugc_name in
		'' | [0-9]* | *[!A-Za-z0-9_]*)
			printf ' !     %s: passed over %q, which is not a name for bash\n' "$__slugc_program" "$__slugc_name" >&2
			;;
		BASHOPTS | BASH_VERSINFO | EUID | PPID | SHELLOPTS | UID)
			printf ' !     %s: passed over %s, which bash does not let change\n' "$__slugc_program" "$__slugc_name" >&2
			;;
		*)
			export "$__slugc_name=$__slugc_value"
			;;
		esac
	done
}

__slugc_fail() {
	printf ' !     exec.d program %s %s\n' "$__slugc_program" "$1" >&2
	exit 82
}

__slugc_skip_blanks() {
	__slugc_rest=${__slugc_rest#"${__slugc_rest%%[!$' \t']*}"}
}

# Skips empty lines and comments.
__slugc_skip_lines() {
	while :; do
		__slugc_rest=${__slugc_rest#"${__slugc_rest%%[!$' \t\r\n']*}"}
		case $__slugc_rest in
		'#'*$'\n'*) __slugc_rest=${__slugc_rest#*$'\n'} ;;
		'#'*) __slugc_rest='' ;;
		*) return 0 ;;
		esac
	done
}

# Takes a string of any of the four kinds from the front of the rest.
__slugc_string() {
	local __slugc_quote='' __slugc_chunk=''
	__slugc_value=''
	case $__slugc_rest in
	'"""'*) __slugc_quote='"""' ;;
	"'''"*) __slugc_quote="'''" ;;
	'"'*) __slugc_quote='"' ;;
	"'"*) __slugc_quote="'" ;;
	*) __slugc_fail "printed a value of $__slugc_name that is not a string" ;;
	esac
	__slugc_rest=${__slugc_rest#"$__slugc_quote"}
	if [ "${#__slugc_quote}" -eq 3 ]; then
		case $__slugc_rest in
		$'\n'*) __slugc_rest=${__slugc_rest#$'\n'} ;;
		$'\r\n'*) __slugc_rest=${__slugc_rest#$'\r\n'} ;;
		esac
	fi
	while :; do
		case $__slugc_quote in
		\"*) __slugc_chunk=${__slugc_rest%%[\"\\]*} ;;
		*) __slugc_chunk=${__slugc_rest%%\'*} ;;
		esac
		case ${#__slugc_quote}$__slugc_chunk in
		1*$'\n'*) __slugc_fail "printed a string that does not end on its line" ;;
		esac
		__slugc_value+=$__slugc_chunk
		__slugc_rest=${__slugc_rest#"$__slugc_chunk"}
		case $__slugc_rest in
		"$__slugc_quote"*) break ;;
		\\*) __slugc_escape ;;
		'') __slugc_fail "printed a string that does not end" ;;
		*)
			__slugc_value+=${__slugc_rest:0:1}
			__slugc_rest=${__slugc_rest:1}
			;;
		esac
	done
	__slugc_rest=${__slugc_rest#"$__slugc_quote"}
	# Quotes that touch the end of a string of several lines belong to it.
	while [ "${#__slugc_quote}" -eq 3 ]; do
		case $__slugc_rest in
		"${__slugc_quote:0:1}"*)
			__slugc_value+=${__slugc_quote:0:1}
			__slugc_rest=${__slugc_rest:1}
			;;
		*) break ;;
		esac
	done
}

# Takes an escape sequence from the front of the rest.
__slugc_escape() {
	local __slugc_char=${__slugc_rest:1:1}
	__slugc_rest=${__slugc_rest:2}
	case $__slugc_char in
	b) __slugc_value+=$'\b' ;;
	t) __slugc_value+=$'\t' ;;
	n) __slugc_value+=$'\n' ;;
	f) __slugc_value+=$'\f' ;;
	r) __slugc_value+=$'\r' ;;
	e) __slugc_value+=$'\e' ;;
	\" | \\) __slugc_value+=$__slugc_char ;;
	x) __slugc_code_point 2 ;;
	u) __slugc_code_point 4 ;;
	U) __slugc_code_point 8 ;;
	[$' \t\r\n'])
		# A backslash at the end of a line joins it with the next.
		__slugc_rest=$__slugc_char$__slugc_rest
		__slugc_skip_blanks
		case ${#__slugc_quote}$__slugc_rest in
		3$'\n'* | 3$'\r\n'*) __slugc_rest=${__slugc_rest#"${__slugc_rest%%[!$' \t\r\n']*}"} ;;
		*) __slugc_fail "printed a string with an unknown escape" ;;
		esac
		;;
	*) __slugc_fail "printed a string with an unknown escape" ;;
	esac
}

# Takes $1 hexadecimal digits and adds their code point, whatever the locale.
__slugc_code_point() {
	local __slugc_hex=${__slugc_rest:0:$1} __slugc_c=0
	__slugc_rest=${__slugc_rest:$1}
	case ${#__slugc_hex}$__slugc_hex in
	"$1"*[!0-9A-Fa-f]*) __slugc_c=0 ;;
	"$1"*) __slugc_c=$((16#$__slugc_hex)) ;;
	esac
	if [ "$__slugc_c" -lt 1 ] || [ "$__slugc_c" -gt 1114111 ] ||
		{ [ "$__slugc_c" -ge 55296 ] && [ "$__slugc_c" -le 57343 ]; }; then
		__slugc_fail "printed a string with a code point that no variable can hold"
	elif [ "$__slugc_c" -lt 128 ]; then
		printf -v __slugc_hex '\\x%x' "$__slugc_c"
	elif [ "$__slugc_c" -lt 2048 ]; then
		printf -v __slugc_hex '\\x%x\\x%x' \
			"$((192 | __slugc_c >> 6))" "$((128 | __slugc_c & 63))"
	elif [ "$__slugc_c" -lt 65536 ]; then
		printf -v __slugc_hex '\\x%x\\x%x\\x%x' \
			"$((224 | __slugc_c >> 12))" "$((128 | __slugc_c >> 6 & 63))" "$((128 | __slugc_c & 63))"
	else
		printf -v __slugc_hex '\\x%x\\x%x\\x%x\\x%x' \
			"$((240 | __slugc_c >> 18))" "$((128 | __slugc_c >> 12 & 63))" \
			"$((128 | __slugc_c >> 6 & 63))" "$((128 | __slugc_c & 63))"
	fi
	printf -v __slugc_hex "$__slugc_hex"
	__slugc_value+=$__slugc_hex
}
