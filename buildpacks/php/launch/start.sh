# Serves an app in PHP on PORT: PHP-FPM behind the web server that is in the
# name of this command. Not more than a shell and coreutils is needed.
set -eu

# Of 10 seconds, after which many platforms end an app for good.
patience=7

command=${0##*/}
here=$(cd "$(dirname "$0")/.." && pwd)

fail() {
	echo "$command: $*" >&2
	exit 1
}

usage() {
	cat <<END
Usage: $command [options] [document root]

Serves the directory, which is that of the app when there is none, on PORT.

  -C FILE  more configuration of the server, in place of what unknown paths get
  -c FILE  the whole configuration of the server
  -F FILE  more configuration of the pool www of PHP-FPM
  -f FILE  the whole configuration of PHP-FPM
  -i FILE  a php.ini in place of the one that comes with PHP
  -l FILE  a log of the app, whose new lines are shown
  -p PORT  the port in place of PORT
  -t       only see whether the configuration can be used
  -v       say what is started

A FILE that ends in .php is run by PHP, and what it prints is used.
END
}

server_include= server_config= pool_include= pool_config= ini= logs= check= verbose=
while getopts C:c:F:f:i:l:p:tvh option; do
	case $option in
	C) server_include=$OPTARG ;;
	c) server_config=$OPTARG ;;
	F) pool_include=$OPTARG ;;
	f) pool_config=$OPTARG ;;
	i) ini=$OPTARG ;;
	l)
		logs="$logs$OPTARG
"
		;;
	p) PORT=$OPTARG ;;
	t) check=yes ;;
	v) verbose=yes ;;
	h)
		usage
		exit
		;;
	*)
		usage >&2
		exit 2
		;;
	esac
done
shift $((OPTIND - 1))
[ $# -le 1 ] || fail "there is more than one document root: $*"

port=${PORT:-8080}
case $port in *[!0-9]*) fail "PORT is $port, which is no number" ;; esac

app=$(pwd -P)
[ -d "${1:-.}" ] || fail "there is no directory $1 in $app to serve; say which one it is in the Procfile: web: $command DIRECTORY/"
root=$(cd "${1:-.}" && pwd -P)
case $root in *[\"\\\$\{\}\;]* | *@@*) fail "the directory $root cannot be served: its name has quotes, braces, backslashes, semicolons or dollar signs" ;; esac

for program in php php-fpm; do
	[ -n "$(command -v $program)" ] || fail "there is no $program on PATH: the app has to be built by slugc's buildpack for PHP"
done

# The name of a socket has room for 107 characters.
run=
for place in "${TMPDIR:-/tmp}" /tmp /dev/shm; do
	[ ${#place} -le 80 ] || continue
	if run=$(mktemp -d "$place/php.XXXXXX" 2>/dev/null); then break; fi
	run=
done
[ -n "$run" ] || fail "there is no directory to write to: mount one at /tmp"
trap 'rm -rf "$run"' EXIT

# configuration FILE NAME: where the configuration is that an option names.
configuration() {
	case $1 in
	/*) file=$1 ;;
	*) file=$app/$1 ;;
	esac
	[ -r "$file" ] || fail "there is no file $1 in $app"
	case $file in
	*.php)
		PORT=$port DOCUMENT_ROOT=$root HEROKU_APP_DIR=$app PHP_FPM_SOCKET=$run/php.sock php "$file" >"$run/$2" || fail "PHP fails to make a configuration with $1"
		file=$run/$2
		;;
	esac
	echo "$file"
}
[ -z "$server_include" ] || server_include=$(configuration "$server_include" server-include)
[ -z "$server_config" ] || server_config=$(configuration "$server_config" server-config)
[ -z "$pool_include" ] || pool_include=$(configuration "$pool_include" pool-include)
[ -z "$pool_config" ] || pool_config=$(configuration "$pool_config" pool-config)
[ -z "$ini" ] || ini=$(configuration "$ini" php.ini)

# What one process of PHP may use, and what may be sent to it, in bytes.
limits=$(php ${ini:+-c "$ini"} -d display_errors=stderr -r '
	$own = is_file($argv[1]) ? (parse_ini_file($argv[1], false, INI_SCANNER_RAW) ?: []) : [];
	$pool = $argv[2] === "" ? [] : (parse_ini_file($argv[2], false, INI_SCANNER_RAW) ?: []);
	foreach (["memory_limit", "post_max_size"] as $name) {
		$value = $pool["php_admin_value"][$name] ?? $own[$name] ?? $pool["php_value"][$name] ?? ini_get($name);
		echo ini_parse_quantity($value), " ";
	}' -- "$root/.user.ini" "$pool_include") || fail "PHP does not start"
body=${limits#* }
body=${body% }
children=${WEB_CONCURRENCY:-}
case $children in
'' | 0* | *[!0-9]*)
	each=$((${limits%% *} / 1048576))
	[ "$each" -gt 0 ] || each=128
	children=$((memory_mb / each))
	[ "$children" -gt 0 ] || children=1
	;;
esac
[ "$body" -ge 0 ] || body=0

# Paths that are not files go to index.php where the app is made for that: it is
# in a directory of its own, or rules for Apache say so.
front=
if [ -f "$root/index.php" ]; then
	if [ "$root" != "$app" ]; then
		front=yes
	elif [ -r "$root/.htaccess" ] && grep -qiE '^[[:space:]]*(RewriteRule|FallbackResource)[[:space:]].*index\.php' "$root/.htaccess"; then
		front=yes
	fi
fi

# What is beside the pages of an app that is served as a whole.
hidden=
if [ "$root" = "$app" ]; then
	hidden='^/(?:(?:vendor|node_modules)(?:/|$)|(?:composer\.(?:json|lock|phar)|auth\.json|package(?:-lock)?\.json|yarn\.lock|pnpm-lock\.yaml|app\.json|project\.toml|Procfile|Aptfile)$)'
fi

# fill FILE: the file of lib with what is known only now.
fill() {
	while IFS= read -r line || [ -n "$line" ]; do
		filled=
		while :; do
			case $line in
			*@@*@@*) ;;
			*) break ;;
			esac
			filled=$filled${line%%@@*}
			line=${line#*@@}
			name=${line%%@@*}
			line=${line#*@@}
			eval "filled=\$filled\${$name}"
		done
		printf '%s\n' "$filled$line"
	done <"$here/lib/$1"
}

# Root stays root, since a sandbox may have no other user.
root_user=
[ "$(id -u)" -ne 0 ] || root_user=yes

pool=
[ -z "$pool_include" ] || pool="include = \"$pool_include\""
fill php-fpm.conf >"$run/php-fpm.conf"
start_php() {
	set -- php-fpm --nodaemonize --prefix "$run" --fpm-config "${pool_config:-$run/php-fpm.conf}" "$@"
	[ -z "$ini" ] || set -- "$@" --php-ini "$ini"
	[ -z "$root_user" ] || set -- "$@" --allow-to-run-as-root
	"$how" "$@"
}

user= location= fallback=
case $command in
*nginx)
	server=nginx graceful=QUIT
	[ -z "$root_user" ] || user='user root root;'
	types=$(command -v nginx || :)
	types=${types%/usr/sbin/nginx}/etc/nginx/mime.types
	[ -r "$types" ] || types=/etc/nginx/mime.types
	listen=
	[ ! -e /proc/net/if_inet6 ] || listen="listen [::]:$port;"
	[ -z "$hidden" ] || hidden="location ~ \"$hidden\" { return 404; }"
	if [ -n "$server_include" ]; then
		location="include \"$server_include\";"
	else
		[ -z "$front" ] || fallback='try_files $uri $uri/ /index.php$is_args$args;'
		location="location / { add_header Last-Modified \"\"; index index.php index.html index.htm; $fallback }"
	fi
	fill fastcgi_params >"$run/fastcgi_params"
	start_web() { "$how" nginx -p "$run" -e stderr -c "${server_config:-$run/nginx.conf}" "$@"; }
	;;
*apache2)
	server=apache2 graceful=WINCH
	# Apache does not work for root.
	if [ -n "$root_user" ]; then
		user='User nobody
Group nogroup'
		chmod 711 "$run"
	fi
	modules=$(command -v apache2 || :)
	modules=${modules%/sbin/apache2}/lib/apache2/modules
	types=/etc/mime.types
	[ -r "$types" ] || types=$here/lib/mime.types
	load=
	for module in mpm_event authn_core authn_file authz_core authz_host authz_user auth_basic access_compat alias autoindex brotli deflate dir \
		env expires filter headers mime negotiation proxy proxy_fcgi proxy_http proxy_wstunnel remoteip reqtimeout rewrite setenvif substitute; do
		load="${load}LoadModule ${module}_module \"$modules/mod_$module.so\"
"
	done
	[ -z "$hidden" ] || hidden="RedirectMatch 404 \"$hidden\""
	if [ -n "$server_include" ]; then
		location="Include \"$server_include\""
	elif [ -n "$front" ] && [ ! -e "$root/.htaccess" ]; then
		fallback='FallbackResource /index.php'
	fi
	start_web() { "$how" apache2 -D FOREGROUND -f "${server_config:-$run/apache2.conf}" "$@"; }
	;;
esac
[ -n "$(command -v $server)" ] || fail "there is no $server on PATH: the app has to be built by slugc's buildpack for PHP"
fill $server.conf >"$run/$server.conf"

# The servers open their logs by name, and a standard output that is a pipe of
# somebody else cannot be opened by one. The readers outlive a signal to all
# processes, and end when nobody writes any more. Where nobody listens to them any
# more, the servers still have to get rid of what they say.
mkfifo "$run/access.log" "$run/error.log"
chmod 666 "$run/access.log" "$run/error.log"
exec 8<>"$run/access.log" 9<>"$run/error.log"
exec 6<"$run/access.log" 7<"$run/error.log"
(
	trap '' TERM INT PIPE
	exec 7<&- 8>&- 9>&-
	cat <&6 2>/dev/null || exec cat <&6 >/dev/null
) &
access=$!
(
	trap '' TERM INT PIPE
	exec 6<&- 8>&- 9>&-
	cat <&7 >&2 2>/dev/null || exec cat <&7 >/dev/null
) &
errors=$!
exec 6<&- 7<&-

# finish CODE: the end, after what the logs still have.
finish() {
	trap '' TERM INT
	exec 8>&- 9>&-
	for pid in $tails; do kill "$pid" 2>/dev/null || :; done
	wait "$access" "$errors" || :
	exit "$1"
}
tails=

if [ -n "$check" ]; then
	how=env
	code=0
	start_php --test 8>&- 9>&- || code=1
	start_web -t 8>&- 9>&- || code=1
	finish "$code"
fi

while IFS= read -r log; do
	[ -n "$log" ] || continue
	(
		trap '' TERM INT
		exec tail -q -n 0 -F "$log" 2>/dev/null 8>&- 9>&-
	) &
	tails="$tails $!"
done <<END
$logs
END

# What happens arrives here as a line: who, what, and a number. A shell can read
# it while it hears of signals; it cannot wait for one of two processes.
mkfifo "$run/events"
exec 5<>"$run/events"

# keep COMMAND...: runs a server and says what becomes of it. Where there is
# setsid, a terminal's signals do not reach the server.
keep() {
	trap : TERM INT
	own=$(command -v setsid || :)
	$own "$@" 5>&- 8>&- 9>&- &
	kept=$!
	echo "$1 runs $kept" >&5
	code=0
	wait "$kept" || code=$?
	# A signal ends the wait, not the server.
	while kill -0 "$kept" 2>/dev/null; do
		code=0
		wait "$kept" || code=$?
	done
	echo "$1 ended $code" >&5
}
how=keep

# tell PID SIGNAL: sends a signal to a server that is there.
tell() { [ -z "$1" ] || kill -s "$2" "$1" 2>/dev/null || :; }

# The processes that are there, and the exit codes of those that were. Who is told
# a second time to end does not wait for requests.
php= web= stopped= php_code= web_code=
stop() {
	again=$stopped
	stopped=yes
	if [ -n "$again" ]; then
		tell "$web" TERM
		tell "$php" TERM
	elif [ -n "$web_code" ] || [ -z "$serving" ]; then
		tell "$php" QUIT
	else
		tell "$web" $graceful
	fi
}
serving=
trap stop TERM INT

[ -z "$verbose" ] || echo "$command: $children processes of PHP serve $root by $server on port $port" >&2
start_php &
(
	trap '' TERM INT
	until [ -S "$run/php.sock" ]; do
		[ -d "$run" ] || exit 0
		sleep 0.01
	done
	echo "php-fpm listens 0" >&5
) >/dev/null 2>&1 8>&- 9>&- &
while [ -z "$php_code" ] || { [ -n "$serving" ] && [ -z "$web_code" ]; }; do
	# A signal may end it.
	read -r who what number <&5 || continue
	case "$who $what" in
	"php-fpm runs")
		php=$number
		[ -z "$stopped" ] || tell "$php" QUIT
		;;
	"php-fpm listens")
		if [ -z "$stopped" ] && [ -z "$php_code" ]; then
			serving=yes
			start_web &
		fi
		;;
	"php-fpm ended")
		php= php_code=$number
		tell "$web" $graceful
		;;
	"$server runs")
		web=$number
		if [ -n "$stopped" ] || [ -n "$php_code" ]; then tell "$web" $graceful; fi
		;;
	"$server ended")
		web= web_code=$number
		# Requests are answered by now, or will never be.
		tell "$php" QUIT
		;;
	esac
done
[ -z "$stopped" ] || finish 0
[ "${web_code:-0}" -eq 0 ] || echo "$command: $server ended with $web_code" >&2
[ "$php_code" -eq 0 ] || echo "$command: php-fpm ended with $php_code" >&2
finish 1
