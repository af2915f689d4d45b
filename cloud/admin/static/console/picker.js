// Lists of many ticks: found by typing, and how many are chosen.
(function () {
  "use strict";

  function folded(text) {
    return text.normalize("NFKC").toLocaleLowerCase();
  }

  function count(picker) {
    const ticks = Array.from(picker.querySelectorAll("input[type=checkbox]"));
    const place = picker.querySelector("[data-picker-count]");
    place.textContent = place.dataset.text
      .replace("{chosen}", ticks.filter((tick) => tick.checked).length)
      .replace("{all}", ticks.length);
  }

  function find(picker, text) {
    const words = folded(text).split(/\s+/).filter(Boolean);
    let shown = 0;
    picker.querySelectorAll("[data-words]").forEach((label) => {
      const own = folded(label.dataset.words);
      label.hidden = !words.every((word) => own.includes(word));
      shown += label.hidden ? 0 : 1;
    });
    picker.querySelector("[data-picker-none]").hidden = shown > 0 || !words.length;
  }

  function begin(root) {
    root.querySelectorAll("[data-picker]").forEach((picker) => {
      const head = picker.querySelector("[data-picker-head]");
      if (head && picker.querySelector("input[type=checkbox]")) {
        head.hidden = false;
        count(picker);
        find(picker, picker.querySelector("[data-picker-find]").value); // drawn again, it shows everything
      }
    });
  }

  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-picker-find]")) {
      find(event.target.closest("[data-picker]"), event.target.value);
    }
  });
  document.addEventListener("change", (event) => {
    const picker = event.target.closest("[data-picker]");
    if (picker && event.target.type === "checkbox") count(picker);
  });
  // Enter looks for something here: it must not send the form.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("[data-picker-find]")) event.preventDefault();
  });
  document.addEventListener("htmx:afterSettle", () => begin(document));
  document.addEventListener("DOMContentLoaded", () => begin(document));
})();
