// Runs before the first paint, so that the page does not flash in the other theme.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("tidemill.theme");
  } catch (error) {
    // Storage may be forbidden; the system's choice is then the one that counts.
  }
  var dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
