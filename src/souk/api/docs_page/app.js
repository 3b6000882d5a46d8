// The page's start: loads the description of this server, keeps the key, and shows what the address asks for.

import { description, key } from "./api.js";
import { kindsOfWork, list, models } from "./catalog.js";
import { el } from "./dom.js";
import { modelPage } from "./model.js";
import { referencePage } from "./reference.js";

const main = document.getElementById("main");
const state = { text: "", kind: "all" };

function keepKey() {
  const field = document.getElementById("key");
  field.value = key.get();
  field.addEventListener("input", () => key.set(field.value.trim()));
  document.getElementById("key-form").addEventListener("submit", (event) => event.preventDefault());
}

function welcome(openapi, all) {
  const search = (kind) => {
    state.text = kind;
    state.kind = "all";
    show(openapi, all);
    document.getElementById("search").focus();
  };
  return el("article", { class: "welcome" },
    el("h1", {}, "Try a model"),
    el("p", {}, `${all.length} models, one way to call them. Enter your API key above, choose a model and create a task.`),
    el("p", {}, "Without a connection to an upstream, tasks run in the sandbox and make marked placeholder files."),
    el("p", {}, "To call this server from a program, read the ", el("a", { href: "#/api" }, "API"), "."),
    el("h2", {}, "What they do"),
    el("div", { class: "cards" }, kindsOfWork(all).map(([kind, count]) =>
      el("button", { type: "button", onclick: () => search(kind) }, kind, el("span", { class: "note" }, String(count))))));
}

function show(openapi, all) {
  const [, page, ...rest] = location.hash.split("/");
  for (const each of document.querySelectorAll("nav a[data-page]")) {
    const here = each.dataset.page === (page === "api" ? "api" : "models");
    if (here) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  if (page === "api") {
    main.className = "one";
    main.replaceChildren(referencePage(openapi));
    document.title = "API – Souk";
    return;
  }
  const id = decodeURIComponent(rest.join("/"));
  const model = page === "model" ? all.find((each) => each.model === id || each.aliases.includes(id)) : undefined;
  const scrolled = document.querySelector(".models")?.scrollTop ?? 0;
  main.className = model ? "two open" : "two";
  main.replaceChildren(list(all, state, model?.model), model ? modelPage(model) : welcome(openapi, all));
  document.querySelector(".models").scrollTop = scrolled;
  document.title = model ? `${model.title} – Souk` : "Souk";
  if (model) {
    document.querySelector(".models [aria-current]")?.scrollIntoView({ block: "nearest" });
    scrollTo(0, 0);
  }
}

async function start() {
  keepKey();
  try {
    const openapi = await description();
    const all = models(openapi);
    addEventListener("hashchange", () => {
      show(openapi, all);
      main.focus({ preventScroll: true });
    });
    show(openapi, all);
  } catch (error) {
    main.replaceChildren(el("p", { class: "wrong", role: "alert" }, `The catalogue could not be loaded: ${error.message}`));
  }
}

start();
