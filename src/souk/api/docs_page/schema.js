// A schema as a list of properties with their types and meanings.

import { el, prose } from "./dom.js";

const DEEPEST = 3;

export function properties(schema, openapi, depth = 0) {
  const found = resolved(schema, openapi);
  if (found.discriminator) return union(found);
  if (found.type === "array" && depth < DEEPEST) {
    return el("div", {}, el("p", { class: "note" }, "A list of:"), properties(found.items, openapi, depth + 1));
  }
  if (!found.properties) return el("p", {}, el("code", {}, typeOf(found)), found.description ? ` ${found.description}` : "");
  const required = new Set(found.required ?? []);
  return el("dl", { class: "properties" }, Object.entries(found.properties).flatMap(([name, node]) => {
    const inner = resolved(node, openapi);
    const nested = depth < DEEPEST && (inner.properties ? inner : inner.items && resolved(inner.items, openapi));
    return [
      el("dt", {}, el("code", {}, name), el("span", { class: "note" },
        ` ${typeOf(inner)}${required.has(name) ? "" : ", optional"}`)),
      el("dd", {}, prose(inner.description ?? "", "span"),
        nested && nested.properties ? properties(nested, openapi, depth + 1) : null),
    ];
  }));
}

function resolved(node, openapi) {
  if (!node?.$ref) return node ?? {};
  return node.$ref.slice(2).split("/").reduce((at, part) => at[part], openapi);
}

function union(found) {
  return el("p", {}, prose(found.description, "span"), ` There are ${found.oneOf.length} of them: `,
    el("a", { href: "#/" }, "each model's page"), " has its fields.");
}

function typeOf(node) {
  if (node.enum) return node.enum.map((value) => JSON.stringify(value)).join(" | ");
  if ("const" in node) return JSON.stringify(node.const);
  if (Array.isArray(node.type)) return node.type.join(" or ");
  return node.type === "array" ? `list of ${node.items?.type ?? "objects"}` : (node.type ?? "anything");
}
