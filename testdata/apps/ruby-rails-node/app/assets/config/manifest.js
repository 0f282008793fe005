//= link application.css
//= link page.js
