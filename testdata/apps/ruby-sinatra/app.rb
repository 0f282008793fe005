require "sinatra/base"

class App < Sinatra::Base
  get "/" do
    erb :index
  end

  get "/server" do
    "#{env["SERVER_SOFTWARE"]} in #{settings.environment}"
  end
end
