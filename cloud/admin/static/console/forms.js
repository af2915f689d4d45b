// Forms: sent once, guarded, brought back after a lost session, drawn again where fields depend on others.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // A form marked data-once is sent once: the second press of an impatient finger does nothing.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    for (const button of all("button[type=submit], button:not([type])", form)) button.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => {
    for (const form of all("form[data-sent]")) {
      delete form.dataset.sent;
      all("[aria-busy]", form).forEach((button) => button.removeAttribute("aria-busy"));
    }
  });

  // A form marked data-guard asks before what was typed is left behind; after a lost session it brings that back.
  const DRAFT = "paifang.draft";
  const drafts = {
    take: () => {
      try {
        const kept = JSON.parse(sessionStorage.getItem(DRAFT) || "null");
        if (!document.body.classList.contains("pf-door")) sessionStorage.removeItem(DRAFT);
        return kept;
      } catch {
        return null; // storage switched off, or not ours
      }
    },
    keep: (draft) => {
      try {
        sessionStorage.setItem(DRAFT, JSON.stringify(draft));
      } catch {
        // Without storage a lost session loses the form.
      }
    },
  };
  const taken = drafts.take();
  const draft = document.querySelector("[data-toast]") ? null : taken; // what was sent arrived: the page says what came of it
  for (const form of all("form[data-guard]")) {
    let leaving = false;
    const secret = new Set(["csrfmiddlewaretoken", ...all("input[type=password]", form).map((one) => one.name)]);
    const typed = () => [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !secret.has(name));
    if (draft && draft.path === location.pathname && !form.hasAttribute("data-dirty")) {
      for (const block of all("[data-rows]", form)) {
        window.paifangRows.set(block, draft.entries.filter(([name]) => name === block.dataset.rows).map(([, value]) => value));
      }
      for (const control of form.elements) {
        if (!control.name || secret.has(control.name) || control.type === "file") continue;
        const values = draft.entries.filter(([name]) => name === control.name).map(([, value]) => value);
        if (control.type === "checkbox" || control.type === "radio") control.checked = values.includes(control.value);
        else if (control.tagName === "SELECT") for (const one of control.options) one.selected = values.includes(one.value);
        else if (values.length) control.value = values[0];
      }
      form.querySelector("[data-restored]").hidden = false;
      form.setAttribute("data-dirty", "");
    }
    const before = JSON.stringify(typed());
    const dirty = () => form.hasAttribute("data-dirty") || JSON.stringify(typed()) !== before;
    form.addEventListener("submit", () => {
      leaving = true;
      drafts.keep({ path: location.pathname, entries: typed() });
    });
    window.addEventListener("pageshow", () => {
      leaving = false;
    });
    window.addEventListener("beforeunload", (event) => {
      if (!leaving && dirty()) event.preventDefault();
    });
  }

  // Fields that depend on others: what does not fit is taken out of sight, and a change that others depend on has the
  // server draw the form again.
  const fit = (root) => {
    for (const option of all("option", root)) {
      const unfit = option.hasAttribute("data-unfit");
      if (!unfit && !option.hidden) continue;
      option.hidden = option.disabled = unfit;
      if (unfit && option.selected) option.closest("select").value = "";
    }
    for (const box of all("input[type=checkbox], input[type=radio]", root)) {
      const unfit = box.hasAttribute("data-unfit");
      const line = box.closest("label");
      if (!line || (!unfit && !line.hidden)) continue;
      line.hidden = box.disabled = unfit;
    }
  };
  for (const parts of all("[data-parts]")) fit(parts);
  if (window.htmx) {
    document.addEventListener("change", (event) => {
      const parts = event.target.closest("[data-parts]");
      if (parts && event.target.matches("[data-decides]")) htmx.trigger(parts, "redraw");
    });
    document.body.addEventListener("htmx:afterSwap", (event) => {
      for (const parts of [event.detail.target, ...all("[data-parts]", event.detail.target)]) {
        if (parts.matches("[data-parts]")) fit(parts);
      }
    });
  }
})();
