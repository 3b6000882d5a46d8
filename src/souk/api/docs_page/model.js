// The page of one model: what it is, its form, the call as a curl line, and the run of a task.

import { call, curl, key } from "./api.js";
import { codeBlock, el, prose } from "./dom.js";
import { inputForm } from "./form.js";
import { run } from "./run.js";

const CREATE = "api/v1/jobs/createTask";

export function modelPage(model) {
  const command = codeBlock("The same from a terminal");
  const outcome = el("section", { class: "outcome", "aria-live": "polite", "aria-label": "Result" });
  const price = el("p", { class: "note", role: "status" });
  const form = inputForm(model.input, refresh);
  const create = el("button", { type: "submit", class: "primary", id: "create" }, "Create");
  const estimate = el("button", { type: "button", onclick: () => attempt(ask) }, "Estimate");

  function body() {
    return { model: model.model, input: form.read() };
  }

  function refresh() {
    try {
      command.set(curl(CREATE, body()));
    } catch {
      // A field holds half-written JSON: the line stays as it was.
    }
  }

  async function attempt(act) {
    outcome.replaceChildren();
    price.textContent = "";
    form.blame(null);
    if (!key.get()) {
      refuse({ msg: "Enter your API key at the top of the page first." });
      document.getElementById("key").focus();
      return;
    }
    let asked;
    try {
      asked = body();
    } catch (error) {
      form.blame(error.field, error.message);
      return;
    }
    create.disabled = estimate.disabled = true;
    try {
      await act(asked);
    } finally {
      create.disabled = estimate.disabled = false;
    }
  }

  async function ask(asked) {
    const answer = await call("api/v1/jobs/estimate", asked);
    if (answer.code !== 200) return refuse(answer);
    const { credits, estimated, mode } = answer.data;
    price.textContent = `${estimated ? "About" : "At most"} ${credits} credits, in ${mode} mode.`;
  }

  async function start(asked) {
    const answer = await call(CREATE, asked);
    if (answer.code !== 200) return refuse(answer);
    run(answer.data, outcome);
  }

  function refuse({ code, msg, error }) {
    const message = error?.message ?? msg;
    if (error?.field && form.blame(error.field, message)) return;
    outcome.replaceChildren(el("p", { class: "wrong", role: "alert" }, code ? `${code}: ${message}` : message));
  }

  refresh();
  const rules = [...model.notes, ...(model.input.allOf ?? []).map((rule) => rule["x-why"]).filter(Boolean)];
  return el("article", { class: "model" },
    el("a", { class: "back", href: "#/" }, "← All models"),
    el("h1", {}, model.title),
    el("p", { class: "facts" },
      el("code", {}, model.model),
      el("span", {}, model.taskType.join(", ")),
      el("span", {}, model.pricingDesc),
      el("span", {}, `usually ${model.usualSeconds} s`)),
    model.paused ? el("p", { class: "wrong" }, "The operator has paused this model.") : null,
    rules.length ? el("details", { class: "rules" }, el("summary", {}, "Good to know"),
      el("ul", {}, rules.map((rule) => prose(rule, "li")))) : null,
    el("form", { novalidate: true, onsubmit: (event) => (event.preventDefault(), attempt(start)) },
      form.form, el("div", { class: "acts" }, create, estimate, price)),
    outcome,
    command.block);
}
