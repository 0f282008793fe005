require_relative "boot"

require "rails"
require "action_controller/railtie"
require "action_view/railtie"

Bundler.require(*Rails.groups)

module Almanac
  class Application < Rails::Application
    config.load_defaults 7.2
  end
end
