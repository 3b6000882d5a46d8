// From a created task to its pictures, clips and sounds: waits for the record and shows what it holds.

import { call, here } from "./api.js";
import { codeBlock, el } from "./dom.js";

const WAIT_SECONDS = 15;
const PAUSE_MS = 1000;
const SAID = {
  waiting: "Waiting",
  queuing: "In the queue",
  generating: "Generating",
  success: "Done",
  fail: "Failed",
};
const KINDS = [
  ["img", /\.(png|jpe?g|webp|gif|avif|bmp|svg)$/i],
  ["video", /\.(mp4|webm|mov|mkv)$/i],
  ["audio", /\.(mp3|wav|ogg|opus|m4a|aac|flac)$/i],
];

export async function run({ taskId, warnings }, place) {
  const state = el("strong", {}, SAID.waiting);
  const cancel = el("button", { type: "button", class: "quiet" }, "Cancel");
  cancel.addEventListener("click", () => call("api/v1/jobs/cancelTask", { taskId }));
  const line = el("p", { class: "state", "data-state": "waiting" }, state, " ", el("code", {}, taskId), " ", cancel);
  const shown = el("div", { class: "shown" });
  place.replaceChildren(line, ...(warnings ?? []).map((text) => el("p", { class: "note" }, text)), shown);
  place.scrollIntoView({ block: "nearest" });

  for (;;) {
    const answer = await call(`api/v1/jobs/recordInfo?taskId=${taskId}&wait=${WAIT_SECONDS}`);
    if (answer.code !== 200 && answer.code !== 0) {
      shown.replaceChildren(el("p", { class: "wrong" }, answer.msg));
      return;
    }
    const record = answer.data;
    if (record) {
      state.textContent = SAID[record.state] ?? record.state;
      line.dataset.state = record.state;
      if (record.completeTime !== null) {
        cancel.remove();
        end(record, line, shown);
        return;
      }
    }
    if (!line.isConnected) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function end(record, line, shown) {
  const seconds = ((record.completeTime - record.createTime) / 1000).toFixed(1);
  line.append(el("span", { class: "note" }, `${seconds} s, ${record.creditsConsumed} credits`));
  if (record.state === "fail") {
    shown.append(el("p", { class: "wrong" }, `${record.failCode}: ${record.failMsg}`));
  } else {
    const result = JSON.parse(record.resultJson);
    shown.append(...links(result).map(show));
    if (result.resultObject !== undefined) shown.append(codeBlock("Result", pretty(result.resultObject)).block);
  }
  shown.append(el("details", {}, el("summary", {}, "The record"), codeBlock("recordInfo", pretty(record)).block));
}

// Every address in the result, wherever it stands, once.
function links(value) {
  if (typeof value === "string") return /^https?:\/\//.test(value) ? [value] : [];
  if (value === null || typeof value !== "object") return [];
  return [...new Set(Object.values(value).flatMap(links))];
}

function show(link) {
  const address = here(link);
  const kind = KINDS.find(([, names]) => names.test(new URL(link).pathname))?.[0];
  const about = el("figcaption", {}, el("a", { href: address, target: "_blank", rel: "noopener" }, link));
  if (kind === "img") return el("figure", {}, el("img", { src: address, alt: "Result of the task" }), about);
  if (kind) return el("figure", {}, el(kind, { src: address, controls: true, preload: "metadata" }), about);
  return el("figure", {}, about);
}

function pretty(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
