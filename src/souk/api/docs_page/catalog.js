// The list of models with its search, and what the document knows of each model.

import { el } from "./dom.js";

const KINDS = ["image", "video", "audio"];

export function models(openapi) {
  const schemas = openapi.components.schemas;
  return schemas.CreateTask.oneOf.map(({ $ref }) => {
    const name = $ref.split("/").pop();
    const found = schemas[name];
    return {
      ...found["x-model"],
      title: found.title,
      aliases: found.properties.model.enum.slice(1),
      input: schemas[`${name}.input`],
    };
  });
}

// Every kind of work with the number of models that do it, the commonest first.
export function kindsOfWork(all) {
  const counts = new Map();
  for (const kind of all.flatMap((model) => model.taskType)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one);
}

export function link(model) {
  return `#/model/${model.model}`;
}

// The side of the page: search, kinds and the list. `current` is the id of the open model.
export function list(all, state, current) {
  const found = el("ul", { class: "models" });
  const count = el("p", { class: "note", role: "status" });
  const search = el("input", {
    type: "search",
    id: "search",
    placeholder: "Search models",
    "aria-label": "Search models",
    value: state.text,
  });
  const kinds = el("div", { class: "kinds", role: "group", "aria-label": "What a model makes" },
    ["all", ...KINDS].map((kind) => el("button", {
      type: "button",
      "aria-pressed": String(state.kind === kind),
      "data-kind": kind,
      onclick: () => {
        state.kind = kind;
        for (const each of kinds.children) each.setAttribute("aria-pressed", String(each.dataset.kind === kind));
        show();
      },
    }, kind[0].toUpperCase() + kind.slice(1))));

  function show() {
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = all.filter((model) => fits(model, words, state.kind));
    count.textContent = `${shown.length} of ${all.length} models`;
    found.replaceChildren(...shown.map((model) => entry(model, current)));
  }

  search.addEventListener("input", () => {
    state.text = search.value;
    show();
  });
  show();
  return el("aside", { class: "side", "aria-label": "Models" },
    el("div", { class: "side-head" }, search, kinds, count), found);
}

function fits(model, words, kind) {
  if (kind !== "all" && model.category !== kind) return false;
  const told = [model.model, model.title, model.provider, ...model.taskType, ...model.aliases].join(" ").toLowerCase();
  return words.every((word) => told.includes(word));
}

function entry(model, current) {
  return el("li", {},
    el("a", { href: link(model), "aria-current": model.model === current ? "page" : undefined },
      el("span", { class: "name" }, model.title),
      el("span", { class: "note" }, `${model.taskType[0]} · ${model.model}`)));
}
