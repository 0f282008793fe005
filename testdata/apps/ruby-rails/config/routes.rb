Rails.application.routes.draw do
  root "days#show"
end
