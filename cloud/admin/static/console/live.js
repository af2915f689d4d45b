// Regions that keep themselves up to date.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  if (!window.htmx) return;

  // Parts that are fetched after the page: what failed says so, and is asked for again when somebody wants it.
  const failed = (event) => {
    if (event.detail.elt.matches("[data-part]")) event.detail.elt.classList.add("pf-part-failed");
  };
  for (const name of ["htmx:sendError", "htmx:responseError"]) document.body.addEventListener(name, failed);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-part-again]");
    if (!button) return;
    const part = button.closest("[data-part]");
    part.classList.remove("pf-part-failed");
    htmx.trigger(part, "again");
  });

  // Live regions: data-refresh="seconds". One request at a time; none while the tab is hidden; when one fails the
  // region stays as it was, says so, and tries again more and more slowly, up to ten seconds.
  const lost = (region, is) => {
    document.documentElement.classList.toggle("pf-lost", is);
    for (const note of all("[data-lost-text]")) note.textContent = is ? note.dataset.lostText : "";
    region.toggleAttribute("data-stale", is);
  };
  const follow = (region) => {
    const every = Number(region.dataset.refresh) * 1000;
    let timer = 0;
    let waiting = false;
    let failures = 0;
    const later = (delay) => {
      clearTimeout(timer);
      timer = setTimeout(ask, delay);
    };
    const ask = () => {
      if (!region.isConnected || !region.dataset.refresh) return;
      if (document.hidden || waiting) return;
      waiting = true;
      htmx.trigger(region, "refresh");
    };
    region.addEventListener("htmx:afterRequest", (event) => {
      if (event.detail.elt !== region) return;
      waiting = false;
      failures = event.detail.successful ? 0 : failures + 1;
      lost(region, failures > 0);
      later(Math.min(every * 2 ** Math.min(failures, 4), Math.max(every, 10000)));
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) later(0);
    });
    later(every);
  };
  // Nobody does anything when a region asks by itself: the server does not count it as activity.
  document.body.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt.dataset.refresh) event.detail.headers["X-By-Itself"] = "1";
  });
  const followed = new WeakSet();
  const findRegions = () => {
    for (const region of all("[data-refresh]")) {
      if (!followed.has(region)) {
        followed.add(region);
        follow(region);
      }
    }
  };
  findRegions();
  document.body.addEventListener("htmx:load", findRegions);
})();
