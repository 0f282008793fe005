// Terser takes this line out.
document.addEventListener("DOMContentLoaded", function () {
  document.title = document.title + ", compressed by Terser";
});
