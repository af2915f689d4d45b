// Runs before the first paint, so that the page never flashes in the other theme.
"use strict";
(() => {
  document.documentElement.classList.add("pf-script");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let choice = "auto";
  const kept = () => {
    try {
      return localStorage.getItem("paifang.theme") || "auto";
    } catch {
      return "auto"; // storage switched off: follow the system
    }
  };
  const apply = () => {
    document.documentElement.dataset.bsTheme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
  };
  choice = kept();
  apply();
  dark.addEventListener("change", apply);
  window.paifangTheme = {
    get: () => choice,
    set: (wanted) => {
      choice = wanted;
      try {
        localStorage.setItem("paifang.theme", wanted);
      } catch {
        // Kept for this page only.
      }
      apply();
    },
  };
})();
