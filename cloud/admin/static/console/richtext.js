// Rich texts: a textarea marked data-rich becomes a small editor. Without a script its marks are typed. The server
// keeps only what is harmless, whatever is sent.
"use strict";
(() => {
  const TOOLS = [
    ["bold", "B", { zh: "加粗", en: "Bold" }],
    ["italic", "I", { zh: "斜体", en: "Italic" }],
    ["formatBlock", "H", { zh: "小标题", en: "Heading" }, "h3"],
    ["formatBlock", "¶", { zh: "正文", en: "Paragraph" }, "p"],
    ["insertUnorderedList", "•", { zh: "项目列表", en: "List" }],
    ["insertOrderedList", "1.", { zh: "编号列表", en: "Numbered list" }],
    ["removeFormat", "×", { zh: "清除格式", en: "Plain text" }],
  ];
  const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";

  const enrich = (area) => {
    if (area.dataset.enriched) return;
    area.dataset.enriched = "1";
    const frame = document.createElement("div");
    frame.className = "pf-rich";
    const bar = document.createElement("div");
    bar.className = "pf-rich-bar";
    bar.setAttribute("role", "toolbar");
    const page = document.createElement("div");
    page.className = "pf-rich-page form-control";
    page.contentEditable = "true";
    page.setAttribute("role", "textbox");
    page.setAttribute("aria-multiline", "true");
    page.lang = area.lang;
    const label = document.querySelector(`label[for="${area.id}"]`);
    if (label) {
      label.id ||= `${area.id}_label`;
      page.setAttribute("aria-labelledby", label.id);
      label.addEventListener("click", () => page.focus());
    }
    page.innerHTML = area.value;
    const write = () => {
      area.value = page.textContent.trim() ? page.innerHTML : "";
      area.dispatchEvent(new Event("input", { bubbles: true }));
    };
    page.addEventListener("input", write);
    page.addEventListener("paste", (event) => {
      event.preventDefault();
      document.execCommand("insertText", false, event.clipboardData.getData("text/plain"));
    });
    for (const [command, sign, names, value] of TOOLS) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "pf-icon-button";
      button.textContent = sign;
      button.title = names[language];
      button.setAttribute("aria-label", names[language]);
      button.addEventListener("mousedown", (event) => event.preventDefault());
      button.addEventListener("click", () => {
        page.focus();
        document.execCommand(command, false, value);
        write();
      });
      bar.append(button);
    }
    frame.append(bar, page);
    area.hidden = true;
    area.after(frame);
  };
  document.execCommand("defaultParagraphSeparator", false, "p");
  const start = () => document.querySelectorAll("textarea[data-rich]").forEach(enrich);
  start();
})();
