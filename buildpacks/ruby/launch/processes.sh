# Says how many processes of the app fit into the memory that it may use: of 512
# MB each, and not more than processors. Puma reads WEB_CONCURRENCY, and where it
# is 1 would have a second process only to watch the first.
by_memory=$((memory_mb / 512))
if [ "$cpus" -lt "$by_memory" ]; then by_memory=$cpus; fi
if [ "$by_memory" -gt 1 ]; then set_default WEB_CONCURRENCY "$by_memory"; fi
