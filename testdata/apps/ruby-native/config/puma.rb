threads 1, Integer(ENV.fetch("RAILS_MAX_THREADS", 5))
# Seconds that requests have to end when the platform stops the process.
force_shutdown_after 5
