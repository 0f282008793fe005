threads 1, Integer(ENV.fetch("RAILS_MAX_THREADS", 5))
preload_app!
