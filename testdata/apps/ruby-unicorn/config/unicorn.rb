worker_processes Integer(ENV.fetch("WEB_CONCURRENCY", 1))
timeout 15
preload_app true
