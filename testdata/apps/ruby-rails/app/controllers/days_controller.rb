class DaysController < ActionController::Base
  layout "application"

  def show
    session[:visits] = session.fetch(:visits, 0) + 1
    @environment = Rails.env
  end
end
