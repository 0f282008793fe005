require "greetings"

page = File.join(__dir__, "public", "assets", "page.txt")
run(lambda do |env|
  [200, { "content-type" => "text/plain" }, [Greetings.hello, "\n", File.read(page), env["SERVER_SOFTWARE"], "\n"]]
end)
