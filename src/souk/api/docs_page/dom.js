// Making elements: el("p", {class: "note"}, "text", child). Texts are never read as HTML.

export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

// A sentence of the document: `code` in backticks becomes code.
export function prose(text, name = "p", attributes = {}) {
  const parts = String(text).split("`");
  return el(name, attributes, parts.map((part, index) => (index % 2 ? el("code", {}, part) : part)));
}

// A block of code with a button that copies it. `text` may be a function, asked anew at each copy.
export function codeBlock(label, text = "") {
  const code = el("code", {}, text);
  const said = el("span", { class: "note", role: "status" });
  const copy = el("button", { type: "button", class: "quiet" }, "Copy");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      said.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      said.textContent = "Selected: copy with the keyboard";
    }
    setTimeout(() => (said.textContent = ""), 2500);
  });
  const block = el("div", { class: "code" },
    el("div", { class: "code-head" }, el("span", {}, label), said, copy),
    el("pre", { tabindex: "0", "aria-label": label }, code));
  return { block, set: (value) => (code.textContent = value) };
}
