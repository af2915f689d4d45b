// The keyboard.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Keys: / search, g go to, s or Ctrl+S save, j and k rows, n and p pages. Not while somebody types.
  const typing = (target) => target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  const rowLinks = () => all("main .pf-row-link");
  const step = (by) => {
    const links = rowLinks();
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    links[at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + by, 0), links.length - 1)].focus();
  };
  const press = (selector) => {
    const found = document.querySelector(selector);
    if (found) found.click();
    return Boolean(found);
  };
  const KEYS = {
    "/": () => {
      const search = document.querySelector("[data-search]");
      if (search) search.select();
      return Boolean(search);
    },
    g: () => press("[data-palette]"),
    "?": () => {
      const help = document.getElementById("keys");
      if (help) help.showModal();
      return Boolean(help);
    },
    s: () => press("[data-save]"),
    j: () => step(1),
    k: () => step(-1),
    n: () => press("a[rel=next]"),
    p: () => press("a[rel=prev]"),
  };
  document.addEventListener("keydown", (event) => {
    const found = event.target.closest("[data-palette-box]");
    if (found && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const stops = all("input, a", found);
      const at = stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      stops[Math.min(Math.max(at, 0), stops.length - 1)].focus();
      event.preventDefault();
      return;
    }
    if (found && event.key === "Enter" && event.target.matches("input")) {
      const first = found.querySelector("a");
      if (first) first.click();
      event.preventDefault();
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      if (press("[data-save]")) event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const act = KEYS[event.key];
    if (act && act() !== false) event.preventDefault();
  });
})();
