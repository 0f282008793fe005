#!/bin/sh
# Says how many processes of the app fit into the memory that it may use:
# MEMORY_AVAILABLE and WEB_MEMORY in megabytes, and WEB_CONCURRENCY. What is set
# already stays. The variables go to file descriptor 3 (CNB Buildpack API,
# "exec.d"); the numbers are those of Heroku's buildpack for Node.js.

limit=
for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
	if [ -r "$file" ]; then
		read -r limit <"$file" || limit=
		break
	fi
done
# No limit reads as "max", or as a number of 19 digits.
case $limit in
'' | *[!0-9]* | ???????????????????*) limit=$((512 * 1048576)) ;;
esac

memory=${MEMORY_AVAILABLE:-$((limit / 1048576))}
case $memory in '' | 0?* | *[!0-9]*) memory=512 ;; esac
if [ "$memory" -gt 16384 ]; then web=2048; else web=512; fi
web=${WEB_MEMORY:-$web}
case $web in '' | 0* | *[!0-9]*) web=512 ;; esac
concurrency=$((memory / web))
# So many cannot be meant.
if [ "$concurrency" -lt 1 ] || [ "$concurrency" -gt 200 ]; then concurrency=1; fi

{
	[ -n "$MEMORY_AVAILABLE" ] || printf 'MEMORY_AVAILABLE = "%s"\n' "$memory"
	[ -n "$WEB_MEMORY" ] || printf 'WEB_MEMORY = "%s"\n' "$web"
	[ -n "$WEB_CONCURRENCY" ] || printf 'WEB_CONCURRENCY = "%s"\n' "$concurrency"
} >&3
