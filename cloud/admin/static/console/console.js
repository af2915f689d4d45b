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
    if (event.target.closest("[data-keys]")) document.getElementById("keys").showModal();
    const dialog = event.target.closest("dialog[open]");
    if (dialog && (event.target === dialog || event.target.closest("[data-dialog-close]"))) {
      event.preventDefault();
      dialog.close();
    }
  });

  // Good news leaves by itself; errors stay until closed.
  setTimeout(() => all("[data-toast]:not(.pf-tone-bad)").forEach((toast) => toast.remove()), 7000);

  // Copying needs a secure address; elsewhere the text is selected by a click.
  if (navigator.clipboard) all("[data-copy]").forEach((button) => (button.hidden = false));

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
    document.body.addEventListener("htmx:afterSwap", show);
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

  // A table wider than its frame is scrolled by keyboard too.
  const frames = () => {
    for (const frame of all(".pf-table-frame")) {
      const wide = frame.scrollWidth > frame.clientWidth;
      if (wide) frame.tabIndex = 0;
      else frame.removeAttribute("tabindex");
    }
  };
  window.addEventListener("resize", frames);
  document.addEventListener("toggle", frames, true);
  frames();

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
})();
