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

  const morphChildren = (from, to) => {
    const keyed = new Map();
    for (const child of from.children) if (child.id) keyed.set(child.id, child);
    let at = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      const id = wanted.nodeType === Node.ELEMENT_NODE && wanted.id;
      let found = id ? keyed.get(id) : at && sameKind(at, wanted) && !at.id ? at : null;
      if (found && !sameKind(found, wanted)) found = null;
      if (!found) {
        from.insertBefore(document.importNode(wanted, true), at);
        continue;
      }
      if (id) keyed.delete(id);
      if (found === at) at = at.nextSibling;
      else from.insertBefore(found, at);
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
