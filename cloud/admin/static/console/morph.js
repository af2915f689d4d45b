// hx-swap="morph": changes the target into the new markup node by node. What has not changed is not touched,
// so focus, selection, scroll, open menus and hovers survive a refresh and nothing flickers.
// Children with an id are matched by it, the rest by place and tag.
"use strict";
(() => {
  const sameKind = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName;

  const morphAttributes = (from, to) => {
    for (const { name } of [...from.attributes]) {
      if (!to.hasAttribute(name) && !(from.dataset.keep || "").split(" ").includes(name)) from.removeAttribute(name);
    }
    for (const { name, value } of to.attributes) {
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
  };

  const morph = (from, to) => {
    if (from.isEqualNode(to)) return;
    if (from.nodeType !== Node.ELEMENT_NODE) {
      from.nodeValue = to.nodeValue;
      return;
    }
    morphAttributes(from, to);
    if (from !== document.activeElement || !("value" in from)) morphChildren(from, to);
  };

  const blank = (node) => node.nodeType === Node.TEXT_NODE && !node.nodeValue.trim();

  // The child to change into `wanted`: the one with its id, else the next without an id of the same kind. What
  // lies between and has no id goes: it was there only under a condition that no longer holds.
  const match = (at, wanted, keyed) => {
    if (wanted.id) {
      const found = keyed.get(wanted.id);
      return found && sameKind(found, wanted) ? found : null;
    }
    for (let node = at; node; node = node.nextSibling) if (!node.id && sameKind(node, wanted)) return node;
    return null;
  };

  const morphChildren = (from, to) => {
    const ids = new Set([...to.children].map((child) => child.id));
    for (const child of [...from.children]) if (child.id && !ids.has(child.id)) child.remove();
    const keyed = new Map();
    for (const child of from.children) if (child.id) keyed.set(child.id, child);
    let at = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      if (blank(wanted)) continue;
      while (at && blank(at)) at = at.nextSibling;
      const found = match(at, wanted, keyed);
      if (!found) {
        from.insertBefore(document.importNode(wanted, true), at);
        continue;
      }
      if (wanted.id) {
        if (found !== at) from.insertBefore(found, at);
      } else {
        while (at !== found) {
          const next = at.nextSibling;
          if (!at.id) at.remove();
          else from.insertBefore(at, found.nextSibling);
          at = next;
        }
      }
      if (found === at) at = at.nextSibling;
      morph(found, wanted);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  };

  htmx.defineExtension("morph", {
    isInlineSwap: (style) => style === "morph",
    handleSwap: (style, target, fragment) => {
      if (style !== "morph") return false;
      morphChildren(target, fragment);
      htmx.process(target);
      return [target];
    },
  });
  window.paifangMorph = morphChildren;
})();
