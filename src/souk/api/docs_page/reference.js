// The API reference, drawn from the OpenAPI document: every operation with its parameters, bodies and refusals.

import { el, prose } from "./dom.js";
import { properties } from "./schema.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

export function referencePage(openapi) {
  const groups = grouped(operations(openapi));
  const about = openapi.info.description.trim().split(/\n\n+/);
  return el("article", { class: "reference" },
    el("h1", {}, "API"),
    about.map((paragraph) => prose(paragraph)),
    el("p", {}, "For programs: ", el("a", { href: "openapi.json" }, "openapi.json"), " and, in short, ",
      el("a", { href: "llms.txt" }, "llms.txt"), "."),
    [...groups].map(([tag, found]) => el("section", {},
      el("h2", {}, tag),
      found.map((operation) => entry(operation, openapi)))));
}

function operations(openapi) {
  return Object.entries(openapi.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => method in item).map((method) => ({ ...item[method], method, path })));
}

function grouped(all) {
  const groups = new Map();
  for (const each of all) groups.set(each.tags[0], [...(groups.get(each.tags[0]) ?? []), each]);
  return groups;
}

function entry(operation, openapi) {
  const details = el("details", { class: "operation", id: operation.operationId },
    el("summary", {},
      el("span", { class: `method ${operation.method}` }, operation.method.toUpperCase()),
      el("code", {}, operation.path),
      el("span", { class: "summary" }, operation.summary)));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(...body(operation, openapi));
  });
  return details;
}

function body(operation, openapi) {
  const parts = [];
  if (operation.description) parts.push(prose(operation.description));
  if (operation.security?.length === 0) parts.push(el("p", { class: "note" }, "Needs no key."));
  parts.push(...parameters(operation.parameters));
  const sent = operation.requestBody && Object.entries(operation.requestBody.content);
  for (const [kind, { schema }] of sent ?? []) {
    parts.push(el("h3", {}, `Body (${kind})`), properties(schema, openapi));
  }
  for (const [status, answer] of Object.entries(operation.responses)) parts.push(...answered(status, answer, openapi));
  parts.push(...refusals(operation["x-refusals"]));
  for (const [name, item] of Object.entries(operation.callbacks ?? {})) {
    for (const [address, { post }] of Object.entries(item)) {
      parts.push(el("h3", {}, `Callback ${name}`), el("p", {}, el("code", {}, `POST ${address}`), ` ${post.summary}.`),
        prose(post.description), ...parameters(post.parameters));
    }
  }
  return parts;
}

function parameters(found) {
  if (!found?.length) return [];
  return [el("h3", {}, "Parameters"), el("dl", { class: "properties" }, found.flatMap((parameter) => [
    el("dt", {}, el("code", {}, parameter.name), el("span", { class: "note" },
      ` ${parameter.in}${parameter.required ? ", required" : ""}`)),
    prose(parameter.description ?? "", "dd"),
  ]))];
}

function answered(status, answer, openapi) {
  if (answer.$ref) return [];
  const kinds = Object.entries(answer.content ?? {});
  const shown = kinds.map(([kind, { schema }]) => {
    const good = schema?.oneOf?.find((each) => each.properties?.data) ?? schema;
    const data = good?.properties?.data ?? good;
    return [el("p", { class: "note" }, kind), data ? properties(data, openapi) : null];
  });
  const told = schemaIsEnvelope(kinds) ? " data" : "";
  return [el("h3", {}, `Answer ${status}${told}`), prose(answer.description), ...shown.flat()];
}

function schemaIsEnvelope(kinds) {
  return kinds.some(([, { schema }]) => schema?.oneOf?.some((each) => each.properties?.data));
}

function refusals(found) {
  if (!found?.length) return [];
  return [el("h3", {}, "Refusals"), el("ul", { class: "refusals" }, found.map(({ code, error, retryable }) =>
    el("li", {}, el("code", {}, `${code} ${error}`), retryable ? el("span", { class: "note" }, " retryable") : null)))];
}
