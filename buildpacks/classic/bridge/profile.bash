#!/usr/bin/env bash
# Gives every process of the image what the scripts in .profile.d of the app
# export, and the app as its home, as Heroku does (Heroku, "Dynos", ".profile.d").
# It runs in the app's directory, before the process, and prints the variables
# that changed as TOML on file descriptor 3 (CNB Buildpack API, "exec.d").

if [[ -e .profile.d/000_slugc.sh || -v __slugc_top ]]; then
	exit 0 # In a slug bash sources the scripts itself.
fi
__env=$(type -P env) || {
	echo " !     .profile.d: there is no program env in the PATH" >&2
	exit 1
}

# The order is that of bytes, whatever the locale.
__list() {
	local LC_ALL=C
	__scripts=(.profile.d/*.sh .profile)
}
__list

# The scripts are sourced in a shell of their own, so that they can do as they
# like. It sends the environment before and after, NUL-terminated, with an empty
# entry behind each, and "exit" should a script end it. Nobody waits until it
# ends or closes the pipe: what a script starts in the background goes on.
exec 4>&1
exec 5< <(
	exec 6>&1 >&4 3>&- 4>&-
	trap 'builtin printf "exit\0" >&6' EXIT
	"$__env" -0 >&6
	printf '\0' >&6
	export HOME=$PWD
	__app=$PWD
	for __script in "${__scripts[@]}"; do
		if [[ -f $__app/$__script ]]; then
			source "$__app/$__script"
		fi
	done
	builtin trap - EXIT
	"$__env" -0 >&6
	builtin printf '\0' >&6
)
exec 4>&-

# From here on a character is a byte.
LC_ALL=C

main() {
	local -A before=() after=()
	local entry name value toml=''
	receive before && receive after || {
		echo " !     .profile.d: a script ended the shell that sources it" >&2
		exit 1
	}
	for name in "${!after[@]}"; do
		value=${after[$name]}
		if [[ ${before[$name]+set} && ${before[$name]} == "$value" ]]; then
			continue
		fi
		add "$name" "$value"
	done
	for name in "${!before[@]}"; do
		# A variable that is gone is empty: there is no other way to say so.
		if [[ ! ${after[$name]+set} ]]; then
			add "$name" ''
		fi
	done
	printf %s "$toml" >&3
}

# receive ARRAY takes one environment from the pipe.
receive() {
	local -n into=$1
	while IFS= read -r -d '' -u 5 entry; do
		case $entry in
		'') return 0 ;;
		exit) return 1 ;;
		=*) ;;
		*=*) into[${entry%%=*}]=${entry#*=} ;;
		esac
	done
	return 1
}

# add NAME VALUE adds a line to the TOML.
add() {
	case $1 in
	_ | OLDPWD | PWD | SHLVL) return ;;
	esac
	if ! utf8 "$1$2"; then
		printf ' !     .profile.d: passed over %q, which is not text in UTF-8\n' "$1" >&2
		return
	fi
	quote "$1"
	toml+=$quoted' = '
	quote "$2"
	toml+=$quoted$'\n'
}

# quote TEXT makes a basic string of TOML, in $quoted.
quote() {
	local rest=$1 plain escape
	quoted='"'
	while [[ $rest ]]; do
		plain=${rest%%[$'\x01'-$'\x1f'$'\x7f'\"\\]*}
		quoted+=$plain
		rest=${rest#"$plain"}
		case $rest in
		'') ;;
		[\"\\]*) quoted+=\\${rest:0:1} ;;
		*)
			printf -v escape '\\u%04x' "'$rest"
			quoted+=$escape
			;;
		esac
		rest=${rest:1}
	done
	quoted+='"'
}

# utf8 TEXT tells whether a text is UTF-8 (RFC 3629, "Syntax of UTF-8 Byte
# Sequences"), as TOML is.
utf8() {
	local rest=${1//[$'\x01'-$'\x7f']/x} more=$'[\x80-\xbf]'
	while [[ $rest ]]; do
		case $rest in
		x*) rest=${rest#"${rest%%[!x]*}"} ;;
		[$'\xc2'-$'\xdf']$more*) rest=${rest:2} ;;
		$'\xe0'[$'\xa0'-$'\xbf']$more* | [$'\xe1'-$'\xec\xee\xef']$more$more* | $'\xed'[$'\x80'-$'\x9f']$more*) rest=${rest:3} ;;
		$'\xf0'[$'\x90'-$'\xbf']$more$more* | [$'\xf1'-$'\xf3']$more$more$more* | $'\xf4'[$'\x80'-$'\x8f']$more$more*) rest=${rest:4} ;;
		*) return 1 ;;
		esac
	done
}

main
