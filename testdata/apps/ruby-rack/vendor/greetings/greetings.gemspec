Gem::Specification.new do |s|
  s.name = "greetings"
  s.version = "0.1.0"
  s.summary = "Says hello"
  s.authors = ["The app"]
  s.files = Dir["lib/**/*.rb"]
end
