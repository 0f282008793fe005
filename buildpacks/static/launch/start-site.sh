#!/bin/sh
# Starts nginx for the site on PORT: fills in what is known only now, and lets
# requests end on SIGTERM. With --check it only has nginx read its configuration.
# Not more than a shell and coreutils is needed.
set -eu

fail() {
	echo "start-site: $*" >&2
	exit 1
}

check=
[ "${1-}" != --check ] || check=yes

here=$(cd "$(dirname "$0")/.." && pwd)
SLUGC_APP=$PWD
env_SLUGC_APP=$SLUGC_APP
PORT=${PORT:-8080}
case $PORT in *[!0-9]*) fail "PORT is $PORT, which is no number" ;; esac

run=$(mktemp -d "${TMPDIR:-/tmp}/site.XXXXXX")
trap 'rm -rf "$run"' EXIT

# As many workers as somebody says, or as there are processors.
workers=${WEB_CONCURRENCY:-$(nproc 2>/dev/null || echo 1)}
case $workers in '' | 0* | *[!0-9]*) workers=1 ;; esac

# Root stays root, since a sandbox may have no other user.
user=
[ "$(id -u)" -ne 0 ] || user='user root root;'

types=$(command -v nginx || true)
types=${types%/usr/sbin/nginx}/etc/nginx/mime.types
[ -r "$types" ] || types=/etc/nginx/mime.types

resolvers=
if [ -r /etc/resolv.conf ]; then
	while read -r key value _; do
		[ "$key" = nameserver ] || continue
		case $value in
		*%*) ;; # an address that is valid on one link alone
		*:*) resolvers="$resolvers [$value]" ;;
		*) resolvers="$resolvers $value" ;;
		esac
	done </etc/resolv.conf
fi
resolvers=${resolvers:-127.0.0.1}

tls=
for file in "${SSL_CERT_FILE-}" /etc/ssl/certs/ca-certificates.crt; do
	if [ -n "$file" ] && [ -r "$file" ]; then
		tls="proxy_ssl_verify on; proxy_ssl_verify_depth 5; proxy_ssl_trusted_certificate \"$file\";"
		break
	fi
done

# plain NAME VALUE: refuses what would mean more to nginx than a value.
plain() {
	case $2 in
	*[\"\'\\\;{}\$]* | *@@* | *"
"*) fail "$1 has characters that may not stand in it: quotes, backslashes, semicolons, braces, dollar signs" ;;
	esac
}

# What the site needs, and the app's own variables.
log=
auth_asked=
users=
while read -r kind name file; do
	case $kind in
	variable)
		eval "value=\${$name-}"
		[ -n "$value" ] || [ -z "$check" ] || value=http://localhost
		[ -n "$value" ] || fail "$file needs $name, which is not set: slugc config set APP $name=VALUE"
		plain "$name" "$value"
		eval "env_$name=\$value"
		;;
	origin)
		eval "value=\${env_$name}"
		case $value in
		http://?* | https://?*) ;;
		*) fail "$name is not an address to hand requests on to: $value" ;;
		esac
		rest=${value#*://}
		host=${rest%%/*}
		path=${rest#"$host"}
		eval "base_$name=\${value%%://*}://\$host host_$name=\$host path_$name=\${path%/}"
		;;
	root)
		[ -n "$check" ] || [ -d "$SLUGC_APP/$file" ] || fail "there is no directory $file in $SLUGC_APP, which is to be served"
		;;
	users) users=$SLUGC_APP/$file ;;
	auth) auth_asked=yes ;;
	log) log=yes ;;
	esac
done <"$here/site.txt"

# The site's own passwords are nothing for those to whom requests are handed on.
auth=
auth_proxy=
if [ -n "${BASIC_AUTH_USERNAME-}" ]; then
	users=$run/users
	umask 077
	printf '%s:{PLAIN}%s\n' "$BASIC_AUTH_USERNAME" "${BASIC_AUTH_PASSWORD-}" >"$users"
	umask 022
fi
if [ -n "$users" ]; then
	[ -r "$users" ] || fail "there is no file $users with users and passwords"
	auth_proxy='proxy_set_header Authorization "";'
	auth="auth_basic \"Restricted\"; auth_basic_user_file \"$users\";"
elif [ -n "$auth_asked" ] && [ -z "$check" ]; then
	fail "the site is for users with a password, but there are none: set BASIC_AUTH_USERNAME and BASIC_AUTH_PASSWORD"
fi

while IFS= read -r line || [ -n "$line" ]; do
	done=
	while :; do
		case $line in
		*@@*@@*) ;;
		*) break ;;
		esac
		done=$done${line%%@@*}
		line=${line#*@@}
		name=${line%%@@*}
		line=${line#*@@}
		eval "done=\$done\${$name}"
	done
	printf '%s\n' "$done$line"
done <"$here/nginx.conf" >"$run/nginx.conf"

if [ -n "$check" ]; then
	nginx -q -t -p "$run" -e stderr -c "$run/nginx.conf"
	exit
fi

# nginx opens its logs by name, and a standard output that is a pipe of somebody
# else cannot be opened by one. The reader outlives a signal to all processes, and
# ends when nobody writes any more, this script last.
reader=
if [ -n "$log" ]; then
	mkfifo "$run/access.log"
	exec 9<>"$run/access.log"
	(
		trap '' TERM INT
		exec cat "$run/access.log" 9>&-
	) &
	reader=$!
fi
nginx -p "$run" -e stderr -c "$run/nginx.conf" 9>&- &
server=$!
ended=
trap 'ended=yes; kill -QUIT "$server" 2>/dev/null || :' TERM INT
code=0
wait "$server" || code=$?
# A signal ends the wait, not nginx.
while kill -0 "$server" 2>/dev/null; do
	code=0
	wait "$server" || code=$?
done
[ -z "$ended" ] || code=0
if [ -n "$reader" ]; then
	exec 9>&-
	wait "$reader" || :
fi
exit "$code"
