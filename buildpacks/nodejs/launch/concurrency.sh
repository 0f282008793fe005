# Says how many processes of the app fit into the memory that it may use:
# MEMORY_AVAILABLE and WEB_MEMORY in megabytes, and WEB_CONCURRENCY. The numbers
# are those of Heroku's buildpack for Node.js.

memory=${MEMORY_AVAILABLE:-$memory_mb}
case $memory in '' | 0?* | *[!0-9]*) memory=512 ;; esac
if [ "$memory" -gt 16384 ]; then web=2048; else web=512; fi
web=${WEB_MEMORY:-$web}
case $web in '' | 0* | *[!0-9]*) web=512 ;; esac
concurrency=$((memory / web))
# So many cannot be meant.
if [ "$concurrency" -lt 1 ] || [ "$concurrency" -gt 200 ]; then concurrency=1; fi

set_default MEMORY_AVAILABLE "$memory"
set_default WEB_MEMORY "$web"
set_default WEB_CONCURRENCY "$concurrency"
