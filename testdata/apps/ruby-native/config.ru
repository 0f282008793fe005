require "hello_native"

run ->(_) { [200, { "content-type" => "text/plain" }, ["#{HelloNative.hello}, #{HelloNative::VERSION}, with #{ENV.fetch("LD_PRELOAD", "no jemalloc")}\n"]] }
