run(lambda do |env|
  text = "Rack #{Rack.release} on Unicorn #{Unicorn::Const::UNICORN_VERSION}, Ruby #{RUBY_VERSION}, worker of #{Process.ppid}\n"
  [200, { "content-type" => "text/plain" }, [text]]
end)
