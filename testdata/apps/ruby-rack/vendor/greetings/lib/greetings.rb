module Greetings
  def self.hello = "hello from a gem in the app"
end
