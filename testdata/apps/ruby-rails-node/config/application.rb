ENV["BUNDLE_GEMFILE"] ||= File.expand_path("../Gemfile", __dir__)

require "bundler/setup"
require "rails"
require "action_controller/railtie"
require "action_view/railtie"

Bundler.require(*Rails.groups)

class PagesController < ActionController::Base
  def show
    @javascript = ExecJS.runtime.name
  end
end

class Application < Rails::Application
  config.load_defaults 7.2
  config.eager_load = Rails.env.production?
  config.assets.js_compressor = :terser
  config.public_file_server.enabled = ENV["RAILS_SERVE_STATIC_FILES"].present?
  config.logger = ActiveSupport::Logger.new($stdout) if ENV["RAILS_LOG_TO_STDOUT"].present?

  routes.append { root "pages#show" }
end
