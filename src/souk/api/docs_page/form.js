// A form made from a model's input schema. Only what differs from the schema's default is sent.

import { el } from "./dom.js";
import { LONG, fieldOf } from "./fields.js";

export function inputForm(schema, changed) {
  const example = schema.examples?.[0] ?? {};
  const required = new Set(schema.required ?? []);
  const entries = Object.entries(schema.properties ?? {});
  const fields = entries
    .map(([name, node]) => row(name, node, required.has(name), example[name]))
    .sort((one, other) => rank(one) - rank(other));
  const shown = (each) => each.required || each.name in example;
  const rest = fields.filter((each) => !shown(each));
  const more = rest.length
    ? el("details", { class: "more" },
        el("summary", {}, `${rest.length} more ${rest.length === 1 ? "field" : "fields"}`),
        rest.map((each) => each.row))
    : null;
  const form = el("div", { class: "fields" }, fields.filter(shown).map((each) => each.row), more);
  form.addEventListener("input", changed);

  return {
    form,
    // The input, or the name of a field that holds no JSON.
    read() {
      const input = {};
      for (const { name, field } of fields) {
        const value = field.value();
        if (value !== undefined) input[name] = value;
      }
      return input;
    },
    // Mark the field that a refusal names, such as `speakers[0].voice_name`.
    blame(path, message) {
      for (const each of fields) each.clear();
      const at = fields.find((each) => path && path.split(/[.[]/)[0] === each.name);
      if (!at) return false;
      if (more?.contains(at.row)) more.open = true;
      at.blame(message);
      return true;
    },
  };
}

// What must be given comes first, then what is written, then what is chosen.
function rank({ required, field }) {
  return (required ? 0 : 2) + (field.size === LONG ? 0 : 1);
}

function row(name, node, required, given) {
  const id = `field-${name}`;
  const field = fieldOf(node, { id, required, given });
  const wrong = el("p", { class: "wrong", id: `${id}-wrong`, hidden: true });
  field.control.setAttribute("aria-describedby", `${id}-note ${id}-wrong`);
  const label = el("label", { for: id }, name, required ? el("span", { class: "required" }, " required") : null);
  const note = el("p", { class: "note", id: `${id}-note` }, [node.description, field.hint].filter(Boolean).join(" "));
  const parts = field.inline ? [el("div", { class: "inline" }, field.control, label), note] : [label, field.control, note];
  return {
    name,
    required,
    field,
    row: el("div", { class: field.size === LONG ? "field long" : "field" }, parts, wrong),
    clear() {
      wrong.hidden = true;
      field.control.removeAttribute("aria-invalid");
    },
    blame(message) {
      wrong.textContent = message;
      wrong.hidden = false;
      field.control.setAttribute("aria-invalid", "true");
      field.control.focus();
    },
  };
}
