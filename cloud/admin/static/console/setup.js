// Setting up a product: the view beside the form keeps up with what is typed, places fill in addresses, tickets are
// found as one types, pictures are dragged into order.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const form = document.getElementById("block-form");
  const look = document.getElementById("look");
  if (!form || !look) return;

  let waiting = 0;
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => window.htmx && htmx.trigger(look, "look"), 350);
  };
  for (const part of [form, look]) {
    part.addEventListener("input", soon);
    part.addEventListener("change", soon);
  }

  // A place of the list fills in what belongs to it; what is typed afterwards stays.
  const data = document.getElementById("place-data");
  const poi = form.querySelector("[data-poi]");
  if (data && poi) {
    const places = JSON.parse(data.textContent);
    let last = poi.value;
    poi.addEventListener("input", () => {
      const place = places.find((one) => one.name === poi.value || one.label === poi.value);
      if (!place || place.name === last) return;
      last = place.name;
      for (const name of ["area_zh", "area_en", "address_zh", "address_en", "latitude", "longitude", "phone"]) {
        const control = form.elements[name];
        if (control && place[name]) control.value = place[name];
      }
    });
  }

  // The list of tickets follows what is typed in one of its fields.
  let asking = 0;
  document.addEventListener("input", (event) => {
    const field = event.target.closest("[data-tickets]");
    if (!field || !window.htmx) return;
    const list = document.getElementById(field.getAttribute("list"));
    clearTimeout(asking);
    asking = setTimeout(() => {
      htmx.ajax("GET", `${list.dataset.offers}&q=${encodeURIComponent(field.value)}`, { target: list, swap: "innerHTML" });
    }, 200);
  });

  // Pictures are put in order by dragging; the buttons beside them do the same by keyboard and without a script.
  for (const list of all("[data-sortable]")) {
    let held = null;
    const items = () => all("[data-media]", list);
    const keep = () => {
      for (const one of all("input[name=sorted]", list)) one.name = "order";
      list.submit();
    };
    list.addEventListener("dragstart", (event) => {
      held = event.target.closest("[data-media]");
      if (held) event.dataTransfer.effectAllowed = "move";
    });
    list.addEventListener("dragover", (event) => {
      const over = event.target.closest("[data-media]");
      if (!held || !over) return;
      event.preventDefault();
      if (over === held) return;
      const order = items();
      if (order.indexOf(over) > order.indexOf(held)) over.after(held);
      else over.before(held);
    });
    list.addEventListener("drop", (event) => {
      event.preventDefault();
      if (held) keep();
    });
  }
})();
