// Rows in forms: adding, removing and moving them in place. Without script the same buttons ask the server.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const CONTROL = "input:not([type=hidden]), select, textarea";

  const rowsOf = (block) => all(":scope > [data-rows-list] > [data-row]", block);
  const listOf = (block) => block.querySelector(":scope > [data-rows-list]");

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const say = (block, kind, values) => {
    const note = block.querySelector(":scope > [data-rows-said]");
    note.textContent = fill(note.dataset[kind], values);
  };

  // Numbers people read, and the buttons that make sense now.
  const renumber = (block) => {
    const rows = rowsOf(block);
    rows.forEach((row, at) => {
      row.querySelector("[data-row-number]").textContent = String(at + 1);
      for (const [what, off] of [["up", at === 0], ["down", at === rows.length - 1]]) {
        const button = row.querySelector(`[data-row-do=${what}]`);
        if (button) button.disabled = off;
      }
    });
    block.querySelector(":scope > [data-row-do=add]").disabled = rows.length >= Number(block.dataset.max);
    block.dispatchEvent(new Event("change", { bubbles: true }));
  };

  const make = (block, number) => {
    const holder = document.createElement("template");
    holder.innerHTML = block.querySelector(":scope > [data-rows-blank]").innerHTML.replaceAll("__n__", String(number));
    const row = holder.content.firstElementChild;
    listOf(block).append(row);
    return row;
  };

  const add = (block) => {
    const numbers = rowsOf(block).map((row) => Number(row.dataset.row));
    const row = make(block, Math.max(-1, ...numbers) + 1);
    renumber(block);
    const control = row.querySelector(CONTROL);
    if (control) control.focus();
  };

  const remove = (block, row) => {
    const rows = rowsOf(block);
    const at = rows.indexOf(row);
    row.remove();
    renumber(block);
    const beside = rows[at + 1] || rows[at - 1];
    const next = beside ? beside.querySelector("[data-row-do=remove]") : block.querySelector(":scope > [data-row-do=add]");
    next.focus();
    say(block, "gone", { all: rows.length - 1 });
  };

  // The neighbour moves, not the row: what holds the focus or the pointer stays in the page.
  const move = (block, row, by) => {
    const beside = by < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!beside) return;
    if (by < 0) row.after(beside);
    else row.before(beside);
    renumber(block);
    const rows = rowsOf(block);
    say(block, "moved", { row: rows.indexOf(row) + 1, all: rows.length });
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-row-do]");
    if (!button) return;
    event.preventDefault();
    const block = button.closest("[data-rows]");
    const row = button.closest("[data-row]");
    const what = button.dataset.rowDo;
    if (what === "add") add(block);
    else if (what === "remove") remove(block, row);
    else {
      move(block, row, what === "up" ? -1 : 1);
      const other = row.querySelector(`[data-row-do=${what === "up" ? "down" : "up"}]`);
      (button.disabled ? other : button).focus();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    const row = event.target.closest("[data-row]");
    if (!row || !row.querySelector("[data-row-drag]") || event.target.matches("select")) return;
    event.preventDefault();
    move(row.closest("[data-rows]"), row, event.key === "ArrowUp" ? -1 : 1);
  });

  document.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest("[data-row-drag]");
    if (!handle || event.button) return;
    event.preventDefault();
    const row = handle.closest("[data-row]");
    const block = row.closest("[data-rows]");
    const middle = (other) => other.getBoundingClientRect().top + other.offsetHeight / 2;
    handle.setPointerCapture(event.pointerId);
    row.classList.add("pf-row-held");
    const drag = ({ clientY }) => {
      const before = row.previousElementSibling;
      const after = row.nextElementSibling;
      if (before && clientY < middle(before)) move(block, row, -1);
      else if (after && clientY > middle(after)) move(block, row, 1);
      else return;
      row.scrollIntoView({ block: "nearest" });
    };
    const end = () => {
      row.classList.remove("pf-row-held");
      handle.removeEventListener("pointermove", drag);
    };
    handle.addEventListener("pointermove", drag);
    for (const name of ["pointerup", "pointercancel"]) handle.addEventListener(name, end, { once: true });
  });

  for (const block of all("[data-rows]")) renumber(block);

  // Brings a form's rows into the state of a draft: these numbers, in this order.
  window.paifangRows = {
    set: (block, numbers) => {
      for (const row of rowsOf(block)) if (!numbers.includes(row.dataset.row)) row.remove();
      for (const number of numbers) {
        const found = rowsOf(block).find((row) => row.dataset.row === number);
        listOf(block).append(found || make(block, number));
      }
      renumber(block);
    },
  };
})();
