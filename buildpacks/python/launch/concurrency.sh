# Says how many processes of the app fit into the memory that it may use, by the
# numbers of Heroku's buildpack for Python: two for each processor and one more,
# of 256 MB each. gunicorn and uvicorn read WEB_CONCURRENCY.
by_cpus=$((2 * cpus + 1))
by_memory=$((memory_mb / 256))
if [ "$by_memory" -lt 1 ]; then by_memory=1; fi
if [ "$by_cpus" -lt "$by_memory" ]; then concurrency=$by_cpus; else concurrency=$by_memory; fi
set_default WEB_CONCURRENCY "$concurrency"
