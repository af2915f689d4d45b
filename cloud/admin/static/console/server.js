// A server that is slow or does not answer: whoever waits is told, and can try again. Live regions tell for themselves.
"use strict";
(() => {
  if (!window.htmx) return;
  const SLOW_MS = 5000;
  const note = document.querySelector("[data-unreached]");
  if (!note) return;
  const home = note.parentElement;
  const again = note.querySelector("[data-again]");
  let last = null; // the request in question, as htmx described it
  let timer = 0;
  const ours = (event) => !event.detail.elt.closest("[data-refresh], [data-part]");
  const tell = (what) => {
    for (const text of note.querySelectorAll("[data-when]")) text.hidden = text.dataset.when !== what;
    // Nothing outside an open dialog can be pressed.
    (document.querySelector("dialog[open]") || home).append(note);
    note.hidden = false;
  };
  const over = () => {
    clearTimeout(timer);
    note.hidden = true;
  };
  const failed = (event) => {
    if (!ours(event)) return;
    clearTimeout(timer);
    tell("lost");
  };
  document.body.addEventListener("htmx:beforeSend", (event) => {
    if (!ours(event)) return;
    over();
    last = event.detail;
    timer = setTimeout(() => tell("slow"), SLOW_MS);
  });
  document.body.addEventListener("htmx:afterOnLoad", (event) => {
    if (ours(event)) over();
  });
  document.body.addEventListener("htmx:responseError", (event) => {
    if (!ours(event)) return;
    over();
    if (event.detail.xhr.status >= 500) tell("lost"); // the others come with a page that says what is wrong
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) document.body.addEventListener(name, failed);
  document.body.addEventListener("htmx:sendAbort", (event) => {
    if (ours(event)) clearTimeout(timer);
  });
  again.addEventListener("click", () => {
    if (!last) return;
    const { elt, target, xhr } = last;
    const { verb, path } = last.requestConfig;
    if (xhr && xhr.readyState !== XMLHttpRequest.DONE) xhr.abort();
    over();
    const swap = elt.getAttribute("hx-swap") || undefined;
    htmx.ajax(verb, path, { source: elt, target, swap });
  });
})();
