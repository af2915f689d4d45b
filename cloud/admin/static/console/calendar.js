// The calendar of prices and stock: choosing days by mouse, touch and keyboard; edits kept here until they are saved.
"use strict";
(() => {
  const root = document.querySelector("[data-calendar]");
  if (!root) return;
  const { WHOLE_DAY, addDays, daysBetween, weekday, has, replay, pasted, price, stock, money } = window.paifangCalendar;
  const say = (name, values = {}) =>
    Object.entries(values).reduce((text, [key, value]) => text.replace(`%(${key})s`, value), root.getAttribute(`data-text-${name}`) || "");
  const slots = JSON.parse(document.getElementById("calendar-slots").textContent); // [[start, [weekdays]], ...]
  const grid = root.querySelector("[data-grid]");
  const form = root.querySelector("[data-edit]");
  const saving = root.querySelector("[data-save-form]");
  const may = root.hasAttribute("data-may");
  const COPIED = "paifang.calendar.copied";
  let edits = [];
  let anchor = null; // the cell a range is chosen from
  let focusOn = null; // a cell to go to once it is drawn

  // --- cells
  const cells = () => [...grid.querySelectorAll("[data-cell]")];
  const place = (cell) => ({ day: cell.dataset.day, slot: Number(cell.dataset.slot) });
  const find = (day, slot) => grid.querySelector(`[data-cell][data-day="${day}"][data-slot="${slot}"]`);
  const number = (text) => (text === "" ? null : Number(text));
  const flags = (cell) => ({ rest: "rest" in cell.dataset, holiday: "holiday" in cell.dataset });
  const saved = (cell) => ({ price: number(cell.dataset.price), stock: number(cell.dataset.stock), closed: "closed" in cell.dataset });
  const now = (cell) => replay(edits, cell.dataset.day, Number(cell.dataset.slot), saved(cell), flags(cell));
  const weekly = () => grid.querySelector("table").hasAttribute("data-weekly");
  const view = () => grid.querySelector("table").dataset;
  const slotsOf = (day) => [WHOLE_DAY, ...slots.filter(([, days]) => !days.length || days.includes(weekday(day))).map(([start]) => start)];
  const open = (day, slot) => day >= root.dataset.first && day <= root.dataset.last && slotsOf(day).includes(slot);

  const drawCell = (cell) => {
    const own = now(cell);
    const before = saved(cell);
    const day = Number(cell.dataset.slot) === WHOLE_DAY ? null : find(cell.dataset.day, WHOLE_DAY);
    const ofDay = day ? now(day).price : null;
    const base = ofDay ?? (day ? number(day.dataset.basePrice) : number(cell.dataset.basePrice));
    const fen = own.price ?? base;
    const all = own.stock ?? number(cell.dataset.baseStock);
    const left = all === null ? null : all - Number(cell.dataset.taken);
    const state = own.closed ? "closed" : fen === null ? "no_price" : left === null || left > 0 ? "" : left < 0 ? "over" : "sold_out";
    cell.querySelector("[data-price-text]").textContent = fen === null ? "" : money(fen);
    cell.querySelector("[data-left-text]").textContent = left === null ? say("unlimited") : say("left", { left: Math.max(left, 0), stock: all });
    cell.querySelector("[data-state-text]").textContent = state ? say(state, { count: -left }) : "";
    cell.dataset.state = state;
    cell.classList.toggle("pf-cal-own-price", own.price !== null);
    cell.classList.toggle("pf-cal-own-stock", own.stock !== null);
    cell.classList.toggle("pf-cal-edited", own.price !== before.price || own.stock !== before.stock || own.closed !== before.closed);
  };

  // --- what is chosen: the form says it, the grid shows it
  const field = (name) => form.elements[name];
  const boxes = (name) => [...form.querySelectorAll(`input[name=${name}]`)];
  const ticked = (name) => boxes(name).filter((box) => box.checked).map((box) => Number(box.value));
  const chosen = () => ({
    first: field("first").value, last: field("last").value, type: field("day_type").value || "all",
    weekdays: ticked("weekdays"), slots: boxes("slots").length && ticked("slots").length ? ticked("slots") : [WHOLE_DAY],
  });
  const choose = (first, last, chosenSlots, weekdays = []) => {
    if (!may) return;
    field("first").value = first < root.dataset.first ? root.dataset.first : first;
    field("last").value = last;
    field("day_type").value = "all";
    for (const box of boxes("weekdays")) box.checked = weekdays.includes(Number(box.value));
    for (const box of boxes("slots")) box.checked = chosenSlots.includes(Number(box.value));
    showChosen();
  };
  const showChosen = () => {
    if (!may) return;
    const what = chosen();
    for (const cell of cells()) {
      const { day, slot } = place(cell);
      const on = !("past" in cell.dataset) && has(what, day, slot, flags(cell));
      cell.setAttribute("aria-selected", on);
    }
    const span = what.first && what.last ? daysBetween(what.first, what.last) + 1 : 0;
    let count = 0;
    for (let n = 0; n < span; n += 1) if (!what.weekdays.length || what.weekdays.includes(weekday(addDays(what.first, n)))) count += 1;
    const type = what.type === "all" ? "" : ` · ${field("day_type").selectedOptions[0].text}`;
    const clocks = what.slots.filter((slot) => slot !== WHOLE_DAY).map((slot) => boxes("slots").find((box) => Number(box.value) === slot)?.parentElement.textContent.trim());
    const slotText = clocks.length ? ` · ${clocks.length > 3 ? `${clocks.slice(0, 3).join(", ")} …` : clocks.join(", ")}` : "";
    const said = span < 1 ? say("days") : span === 1 ? say("one", { first: what.first }) : say("chosen", { count, first: what.first, last: what.last });
    root.querySelector("[data-chosen]").textContent = said + type + slotText;
  };
  const chooseTo = (cell) => {
    const [from, to] = [anchor || place(cell), place(cell)];
    const days = [from.day, to.day].sort();
    if (!weekly()) return choose(days[0], days[1], [to.slot]);
    const lines = [...grid.querySelectorAll("[data-slot-head]")].map((head) => Number(head.dataset.slotHead));
    const ends = [lines.indexOf(from.slot), lines.indexOf(to.slot)].sort((a, b) => a - b);
    return choose(days[0], days[1], lines.slice(ends[0], ends[1] + 1));
  };
  const go = (cell, extend = false) => {
    for (const other of cells()) other.tabIndex = -1;
    cell.tabIndex = 0;
    cell.focus();
    if (!extend) anchor = place(cell);
    chooseTo(cell);
  };

  // --- edits
  const changed = () => {
    for (const cell of cells()) drawCell(cell);
    if (!saving) return;
    saving.elements.edits.value = edits.length ? JSON.stringify(edits) : "";
    saving.querySelector("[data-count]").textContent = edits.length ? say("unsaved", { count: edits.length }) : say("none");
    for (const button of saving.querySelectorAll("button")) button.disabled = !edits.length;
    saving.classList.toggle("pf-cal-unsaved", edits.length > 0);
  };
  const tell = (text) => {
    saving.querySelector("[data-count]").textContent = text;
  };
  const wrong = (text) => {
    const line = form.querySelector("[data-wrong]");
    line.textContent = text;
    line.hidden = !text;
  };
  const edit = (change) => {
    const what = chosen();
    if (!what.first || !what.last || what.last < what.first) return wrong(say("days"));
    edits.push({ set: what, change });
    wrong("");
    return changed();
  };
  const apply = () => {
    const change = {};
    for (const [name, read] of [["price", price], ["stock", stock]]) {
      try {
        const value = read(field(name).value);
        if (value !== undefined) change[name === "price" ? "price_fen" : "stock"] = value;
      } catch {
        field(name).focus();
        return wrong(say(name));
      }
    }
    const sale = field("sale").value;
    if (sale === "clear") Object.assign(change, { price_fen: null, stock: null, closed: false });
    else if (sale) change.closed = sale === "closed";
    if (!Object.keys(change).length) return wrong(say("what"));
    for (const name of ["price", "stock", "sale"]) field(name).value = "";
    edit(change);
    return back();
  };
  const back = () => {
    const cell = anchor && find(anchor.day, anchor.slot);
    if (cell) cell.focus();
  };
  const undo = () => {
    if (!edits.pop()) return;
    changed();
    if (!edits.length) tell(say("undone"));
  };
  const clear = () => edit({ price_fen: null, stock: null, closed: false });
  const copy = async () => {
    const what = chosen();
    const query = what.slots.map((slot) => `&slot=${slot}`).join("");
    let rows;
    try {
      const answer = await fetch(`${root.dataset.cells}&first=${what.first}&last=${what.last}${query}`);
      rows = (await answer.json()).cells; // a lost session, or nothing chosen, answers with a page
    } catch {
      return tell(say("uncopied"));
    }
    const found = rows.map(([day, slot, fen, count, closed, rest, holiday]) => {
      const own = replay(edits, day, slot, { price: fen, stock: count, closed }, { rest, holiday });
      return [day, slot, own.price, own.stock, own.closed, rest, holiday];
    });
    const taken = found.filter(([day, slot, , , , rest, holiday]) => slotsOf(day).includes(slot) && has(what, day, slot, { rest, holiday }));
    sessionStorage.setItem(COPIED, JSON.stringify({ first: what.first, last: what.last, slots: what.slots, cells: taken }));
    return tell(say("copied", { count: taken.length }));
  };
  const paste = () => {
    const copied = JSON.parse(sessionStorage.getItem(COPIED) || "null");
    if (!copied) return tell(say("empty"));
    const put = pasted(copied, chosen(), open);
    if (!put.length) return tell(say("days"));
    edits.push({ put });
    changed();
    return tell(say("pasted", { count: put.length }));
  };

  // --- mouse and touch
  let dragging = false;
  grid.addEventListener("pointerdown", (event) => {
    const cell = event.target.closest("[data-cell]");
    if (!cell || event.button || event.pointerType !== "mouse") return; // a finger may be about to scroll
    event.preventDefault();
    dragging = true;
    go(cell, event.shiftKey && Boolean(anchor));
  });
  grid.addEventListener("pointerover", (event) => {
    const cell = event.target.closest("[data-cell]");
    if (dragging && cell && event.buttons & 1) go(cell, true);
  });
  window.addEventListener("pointerup", () => {
    dragging = false;
  });
  grid.addEventListener("click", (event) => {
    const { first, last } = { first: view().viewFirst, last: view().viewLast };
    const cell = event.target.closest("[data-cell]");
    if (cell && event.pointerType !== "mouse") go(cell);
    const head = event.target.closest("[data-weekday-head], [data-day-head], [data-slot-head]");
    if (!head || !may) return;
    anchor = null;
    if (head.dataset.weekdayHead !== undefined) {
      const day = Number(head.dataset.weekdayHead);
      const more = event.shiftKey || event.ctrlKey || event.metaKey ? ticked("weekdays") : [];
      const slot = cells().length ? Number(cells()[0].dataset.slot) : WHOLE_DAY;
      choose(first, last, [slot], more.includes(day) ? more.filter((one) => one !== day) : [...more, day]);
    } else if (head.dataset.dayHead) {
      choose(head.dataset.dayHead, head.dataset.dayHead, slots.map(([start]) => start));
    } else {
      choose(first, last, [Number(head.dataset.slotHead)]);
    }
  });
  grid.addEventListener("change", (event) => {
    const select = event.target.closest("[data-layer]");
    if (!select) return;
    const url = select.value;
    htmx.ajax("GET", url, "#calendar-grid").then(() => history.replaceState(null, "", url));
  });

  // --- keyboard
  const step = (cell, by, extend) => {
    const { day, slot } = place(cell);
    const to = by.slot === undefined ? { day: addDays(day, by.days), slot } : { day, slot: by.slot };
    const inView = () => by.slot === undefined && to.day >= view().viewFirst && to.day <= view().viewLast;
    while (!find(to.day, to.slot) && inView()) to.day = addDays(to.day, by.days); // days without the slot
    const next = find(to.day, to.slot);
    if (next) return go(next, extend);
    if (by.slot !== undefined) return undefined;
    focusOn = { ...to, extend };
    return grid.querySelector(to.day < day ? "[rel=prev]" : "[rel=next]").click();
  };
  const beside = (cell, by) => {
    const row = cell.closest("tr");
    for (let next = by > 0 ? row.nextElementSibling : row.previousElementSibling; next; next = by > 0 ? next.nextElementSibling : next.previousElementSibling) {
      const found = next.querySelector(`[data-cell][data-day="${cell.dataset.day}"]`);
      if (found) return Number(found.dataset.slot);
    }
    return undefined;
  };
  const vertical = (cell, by, extend) => {
    if (!weekly()) return step(cell, { days: by * 7 }, extend);
    const slot = beside(cell, by);
    return slot === undefined ? undefined : step(cell, { slot }, extend);
  };
  const KEYS = {
    ArrowLeft: (cell, extend) => step(cell, { days: -1 }, extend),
    ArrowRight: (cell, extend) => step(cell, { days: 1 }, extend),
    ArrowUp: (cell, extend) => vertical(cell, -1, extend),
    ArrowDown: (cell, extend) => vertical(cell, 1, extend),
    Home: (cell, extend) => go(cell.closest("tr").querySelector("[data-cell]"), extend),
    End: (cell, extend) => go([...cell.closest("tr").querySelectorAll("[data-cell]")].pop(), extend),
    PageUp: () => grid.querySelector("[rel=prev]").click(),
    PageDown: () => grid.querySelector("[rel=next]").click(),
    Enter: () => may && field("price").focus(),
    Delete: () => may && clear(),
    Backspace: () => may && clear(),
    Escape: (cell) => go(cell),
  };
  grid.addEventListener("keydown", (event) => {
    const cell = event.target.closest("[data-cell]");
    if (!cell || event.altKey || event.isComposing) return;
    if (event.ctrlKey || event.metaKey) {
      const act = may && { c: copy, v: paste }[event.key.toLowerCase()];
      if (act) {
        event.preventDefault();
        act();
      }
      return;
    }
    if (KEYS[event.key]) {
      event.preventDefault();
      KEYS[event.key](cell, event.shiftKey);
    } else if (may && /^[\d-]$/.test(event.key)) {
      event.preventDefault();
      field("price").value = event.key;
      field("price").focus();
    }
  });
  document.addEventListener("keydown", (event) => {
    const inText = event.target.closest("input:not([type=checkbox]), textarea") && event.target.value;
    if (may && (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !inText) {
      event.preventDefault();
      undo();
    }
  });

  // --- the forms
  if (may) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      apply();
    });
    form.addEventListener("change", (event) => {
      if (event.target.closest("[data-which]")) showChosen();
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      for (const name of ["price", "stock"]) field(name).value = "";
      wrong("");
      back();
    });
    form.querySelector("[data-copy]").addEventListener("click", copy);
    form.querySelector("[data-paste]").addEventListener("click", paste);
    form.querySelector("[data-clear]").addEventListener("click", clear);
    saving.querySelector("[data-undo]").addEventListener("click", undo);
    saving.querySelector("[data-discard]").addEventListener("click", () => {
      edits = [];
      changed();
    });
    edits = JSON.parse(saving.elements.edits.value || "[]");
  }

  const drawn = () => {
    changed();
    showChosen();
    const wanted = focusOn && find(focusOn.day, focusOn.slot);
    if (wanted) go(wanted, focusOn.extend);
    else {
      const start = grid.querySelector("[data-cell].pf-cal-today") || grid.querySelector("[data-cell]:not([data-past])") || grid.querySelector("[data-cell]");
      if (start) start.tabIndex = 0;
    }
    focusOn = null;
  };
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "calendar-grid") drawn();
  });
  drawn();
})();
