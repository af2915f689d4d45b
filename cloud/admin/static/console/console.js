// The console's own behaviour. Pages work without it, except for what refreshes itself.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Theme choice in the account menu.
  const showTheme = () => {
    for (const button of all("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === window.paifangTheme.get()));
    }
  };
  showTheme();

  document.addEventListener("click", (event) => {
    const theme = event.target.closest("[data-theme-choice]");
    if (theme) {
      window.paifangTheme.set(theme.dataset.themeChoice);
      showTheme();
    }
    if (event.target.closest("[data-toast-close]")) event.target.closest("[data-toast]").remove();
    if (event.target.closest("[data-print]")) window.print();
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const text = document.getElementById(copy.dataset.copy).textContent.trim();
      navigator.clipboard.writeText(text).then(() => copy.setAttribute("data-copied", ""));
    }
    const dialog = document.getElementById("dialog");
    if (dialog && (event.target === dialog || event.target.closest("[data-dialog-close]"))) {
      if (dialog.open) {
        event.preventDefault();
        dialog.close();
      }
    }
  });

  // Good news leaves by itself; errors stay until closed.
  setTimeout(() => all("[data-toast]:not(.pf-tone-bad)").forEach((toast) => toast.remove()), 7000);

  // Copying needs a secure address; elsewhere the text is selected by a click.
  if (navigator.clipboard) all("[data-copy]").forEach((button) => (button.hidden = false));

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

  // Issuing tickets: the total as it will be.
  for (const total of all("[data-total]")) {
    const form = total.form;
    const show = () => {
      const chosen = form.querySelector("[data-price]:checked");
      const quantity = Number(form.elements.quantity.value);
      total.hidden = !chosen || !Number.isInteger(quantity) || quantity < 1;
      if (total.hidden) return;
      const yuan = (Number(chosen.dataset.price) * quantity) / 100;
      const label = document.createElement("small");
      label.textContent = total.dataset.total;
      const amount = yuan.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
      total.replaceChildren(label, ` ¥${amount}`);
    };
    form.addEventListener("input", show);
    show();
  }

  // Choosing rows: how many, and what can be done with them.
  for (const form of all("[data-choose]")) {
    const bulk = form.querySelector("[data-bulk]");
    const every = form.querySelector("[data-choose-all]");
    const boxes = () => all("input[name=pk]", form);
    const show = () => {
      const chosen = boxes().filter((box) => box.checked).length;
      const whole = form.elements.all && form.elements.all.checked;
      bulk.hidden = !chosen && !whole;
      bulk.querySelector("[data-count]").textContent = String(chosen);
      every.checked = chosen > 0 && chosen === boxes().length;
      every.indeterminate = chosen > 0 && !every.checked;
    };
    form.addEventListener("change", (event) => {
      if (event.target === every) for (const box of boxes()) box.checked = every.checked;
      show();
    });
    window.addEventListener("pageshow", show);
    show();
  }

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
  const draft = drafts.take();
  for (const form of all("form[data-guard]")) {
    let leaving = false;
    const secret = new Set(["csrfmiddlewaretoken", ...all("input[type=password]", form).map((one) => one.name)]);
    const typed = () => [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !secret.has(name));
    if (draft && draft.path === location.pathname && !form.hasAttribute("data-dirty")) {
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
    const dialog = document.getElementById("dialog");
    if (dialog && dialog.open) return;
    const act = KEYS[event.key];
    if (act && act() !== false) event.preventDefault();
  });

  const summary = document.querySelector("[data-focus]");
  if (summary) summary.focus();

  // The venue's clock: the server's time, carried on by ours.
  for (const clock of all("[data-clock]")) {
    const lead = Number(clock.dataset.now) - Date.now();
    const form = new Intl.DateTimeFormat("en-GB", { timeZone: clock.dataset.clock, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
    const tick = () => {
      clock.textContent = form.format(Date.now() + lead);
    };
    tick();
    setInterval(tick, 1000);
  }

  if (!window.htmx) return;

  // Confirmations: links marked data-dialog open in the dialog; without script they are pages.
  document.body.addEventListener("htmx:afterSwap", (event) => {
    const dialog = document.getElementById("dialog");
    if (dialog && event.detail.target.id === "dialog-body" && !dialog.open) dialog.showModal();
  });
  // A click on what opens a dialog fails when the server does not answer: say so.
  document.body.addEventListener("htmx:sendError", (event) => {
    if (event.detail.elt.matches("[data-refresh]")) return;
    const note = document.querySelector("[data-unreached]");
    if (note) note.hidden = false;
  });
  document.body.addEventListener("htmx:beforeSend", () => {
    const note = document.querySelector("[data-unreached]");
    if (note) note.hidden = true;
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
