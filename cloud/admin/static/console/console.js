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
