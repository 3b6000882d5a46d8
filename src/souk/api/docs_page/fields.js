// One control for one property of a schema: what it looks like, and the value it stands for.

import { el } from "./dom.js";

export const LONG = "long";

const LONG_TEXT = 300;
const FEWEST_ROWS = 3;
const MOST_ROWS = 14;

export class NotJson extends Error {}

// {control, value(), hint, size, inline}; value() is undefined for "not given".
export function fieldOf(node, { id, required, given }) {
  if (node.enum) return choice(node, node.enum, id, required, given);
  if (node.type === "boolean") return tick(node, id, required, given);
  if (node.type === "integer" || node.type === "number") return figure(node, id, required, given);
  if (node.type === "string") return words(node, id, required, given);
  if (node.type === "array" && isText(node.items)) return lines(node, id, given);
  return json(node, id, given);
}

function isText(node) {
  return node?.type === "string" && !node.enum;
}

function choice(node, values, id, required, given) {
  const open = !required;
  const none = node.default === undefined ? "Not given" : `Default: ${node.default}`;
  const control = el("select", { id },
    open ? el("option", { value: "" }, none) : null,
    values.map((value, index) => el("option", { value: String(index), selected: value === given }, String(value))));
  return { control, value: () => (control.value === "" ? undefined : values[Number(control.value)]), hint: "" };
}

function tick(node, id, required, given) {
  const usual = node.default ?? false;
  const control = el("input", { id, type: "checkbox", checked: given ?? usual });
  const value = () => (control.checked === usual && !required ? undefined : control.checked);
  return { control, value, hint: "", inline: true };
}

function figure(node, id, required, given) {
  const control = el("input", {
    id,
    type: "number",
    min: node.minimum?.toString(),
    max: node.maximum?.toString(),
    step: node.type === "integer" ? "1" : (node.multipleOf?.toString() ?? "any"),
    placeholder: node.default === undefined ? "" : `Default: ${node.default}`,
    value: given === undefined ? "" : String(given),
  });
  return { control, value: () => (control.value === "" ? undefined : Number(control.value)), hint: range(node) };
}

function range({ minimum, maximum }) {
  if (minimum !== undefined && maximum !== undefined) return `From ${minimum} to ${maximum}.`;
  if (minimum !== undefined) return `At least ${minimum}.`;
  return maximum === undefined ? "" : `At most ${maximum}.`;
}

function words(node, id, required, given) {
  const long = (node.maxLength ?? 0) > LONG_TEXT && node.format !== "uri";
  const attributes = { id, placeholder: node.default === undefined ? "" : `Default: ${node.default}` };
  const control = long
    ? el("textarea", { ...attributes, rows: "3" }, given ?? "")
    : el("input", { ...attributes, type: "text", inputmode: node.format === "uri" ? "url" : undefined, value: given ?? "" });
  const hint = [media(node), node.maxLength ? `At most ${node.maxLength} characters.` : ""].filter(Boolean).join(" ");
  return { control, value: () => (control.value === "" ? undefined : control.value), hint, size: LONG };
}

function lines(node, id, given) {
  const control = el("textarea", { id, rows: "2" }, (given ?? []).join("\n"));
  const value = () => {
    const found = control.value.split("\n").map((line) => line.trim()).filter(Boolean);
    return found.length ? found : undefined;
  };
  const most = node.maxItems ? `One a line, at most ${node.maxItems}.` : "One a line.";
  return { control, value, hint: [media(node), most].filter(Boolean).join(" "), size: LONG };
}

function json(node, id, given) {
  const text = given === undefined ? "" : JSON.stringify(given, null, 2);
  const rows = Math.min(Math.max(text.split("\n").length, FEWEST_ROWS), MOST_ROWS);
  const control = el("textarea", { id, rows: String(rows), class: "json", spellcheck: "false" }, text);
  const value = () => {
    if (control.value.trim() === "") return undefined;
    try {
      return JSON.parse(control.value);
    } catch {
      throw Object.assign(new NotJson("This is not JSON."), { field: id.replace(/^field-/, "") });
    }
  };
  return { control, value, hint: "As JSON.", size: LONG };
}

function media(node) {
  const kinds = [node["x-media"] ?? []].flat();
  if (!kinds.length) return "";
  const accepted = (node["x-accept"] ?? []).map((type) => type.split("/")[1].toUpperCase()).join(", ");
  const most = node["x-max-bytes"] ? `, up to ${Math.round(node["x-max-bytes"] / 1048576)} MB` : "";
  return `Address of ${kinds.join(" or ")}${accepted ? ` (${accepted}${most})` : ""}.`;
}
