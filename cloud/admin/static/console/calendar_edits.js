// Edits of a calendar that are not saved yet: what they say of a day, as the server will read them.
"use strict";
window.paifangCalendar = (() => {
  const WHOLE_DAY = -1;
  const ms = (day) => Date.parse(`${day}T00:00:00Z`);
  const addDays = (day, count) => new Date(ms(day) + count * 86400000).toISOString().slice(0, 10);
  const daysBetween = (first, last) => Math.round((ms(last) - ms(first)) / 86400000);
  const weekday = (day) => (new Date(ms(day)).getUTCDay() + 6) % 7; // 0 is Monday

  // flags: {rest, holiday} of the day, as the venue's calendar has it.
  const isOf = (type, flags) =>
    type === "all" || (type === "rest" && flags.rest) || (type === "work" && !flags.rest) || (type === "holiday" && flags.holiday);
  const has = (chosen, day, slot, flags) =>
    chosen.first <= day && day <= chosen.last && chosen.slots.includes(slot) &&
    (!chosen.weekdays.length || chosen.weekdays.includes(weekday(day))) && isOf(chosen.type, flags);

  // What a cell has of its own after the edits, one after the other.
  const replay = (edits, day, slot, own, flags) => {
    let now = own;
    for (const edit of edits) {
      if (edit.put) {
        const cell = edit.put.find((one) => one[0] === day && one[1] === slot);
        if (cell) now = { price: cell[2], stock: cell[3], closed: Boolean(cell[4]) };
      } else if (has(edit.set, day, slot, flags)) {
        const { price_fen: price, stock, closed } = edit.change;
        now = {
          price: price === undefined ? now.price : price,
          stock: stock === undefined ? now.stock : stock,
          closed: closed === undefined ? now.closed : closed,
        };
      }
    }
    return now;
  };

  // What was copied, from a day on, over all chosen days: a week is repeated over a month.
  const pasted = (copied, chosen, may) => {
    const length = daysBetween(copied.first, copied.last) + 1;
    const asked = daysBetween(chosen.first, chosen.last) + 1;
    const one = copied.slots.length === 1;
    const cells = [];
    for (let start = 0; start < Math.max(asked, length); start += length) {
      if (start && start >= asked) break;
      for (const [day, slot, price, stock, closed] of copied.cells) {
        const at = start + daysBetween(copied.first, day);
        if (asked > length && at >= asked) continue;
        for (const to of one ? chosen.slots : [slot]) {
          const target = addDays(chosen.first, at);
          if (may(target, to)) cells.push([target, to, price, stock, closed ? 1 : 0]);
        }
      }
    }
    return cells;
  };

  const typed = (text) => text.trim().replace(/[,，¥￥]/g, "");
  const isBack = (text) => ["-", "–", "－"].includes(text);
  // Fen, null for "-", undefined for nothing typed; throws on anything else.
  const price = (text) => {
    const said = typed(text);
    if (said === "") return undefined;
    if (isBack(said)) return null;
    const found = /^(\d{1,9})(?:\.(\d{1,2}))?$/.exec(said);
    if (!found) throw new Error("price");
    const fen = Number(found[1]) * 100 + Number((found[2] || "").padEnd(2, "0"));
    if (fen > 100000000) throw new Error("price");
    return fen;
  };
  const stock = (text) => {
    const said = typed(text);
    if (said === "") return undefined;
    if (isBack(said)) return null;
    if (!/^\d{1,7}$/.test(said) || Number(said) > 1000000) throw new Error("stock");
    return Number(said);
  };
  const money = (fen) => {
    const yuan = String(Math.floor(fen / 100)).replace(/\B(?=(\d{3})+$)/g, ",");
    return `¥${yuan}.${String(fen % 100).padStart(2, "0")}`;
  };
  return { WHOLE_DAY, addDays, daysBetween, weekday, has, replay, pasted, price, stock, money };
})();
