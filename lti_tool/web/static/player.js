// Play a failure: one trace at a time, one step at a time, in the list and in the drawing. It never moves by itself.
import { _ } from "./words.js";

const player = document.getElementById("player");

if (player) {
  const traces = [...player.querySelectorAll("[data-trace]")];
  const picks = [...player.querySelectorAll("[data-plays]")];
  const status = player.querySelector('[role="status"]');
  let trace;
  let at = 0;

  const signs = {
    done: ["st st-x", "[x]", _("done:")],
    now: ["st st-now", "[>]", _("now:")],
    open: ["st", "[ ]", _("open:")],
  };

  function sign(line, state) {
    const mark = line.querySelector(".st");
    const [name, text, word] = signs[state];
    mark.className = name;
    mark.textContent = text;
    let words = line.querySelector(".vh");
    if (!words) {
      words = document.createElement("span");
      words.className = "vh";
      mark.after(words);
    }
    words.textContent = `${word} `;
    line.className = state === "open" ? "" : state;
  }

  function light(steps) {
    const order = steps.map((line) => line.dataset.edge);
    for (const edge of document.querySelectorAll(".dg .edge")) {
      const number = edge.dataset.edge;
      const state = number === order[at] ? "now" : order.slice(0, at).includes(number) ? "lit" : order.includes(number) ? "" : "off";
      edge.setAttribute("class", `edge ${state}`.trim());
    }
    for (const line of document.querySelectorAll(".edges [data-edge]")) {
      line.classList.toggle("now", line.dataset.edge === order[at]);
    }
  }

  function show() {
    const steps = [...trace.querySelectorAll(".trace li")];
    steps.forEach((line, place) => sign(line, place < at ? "done" : place === at ? "now" : "open"));
    light(steps);
    const name = trace.querySelector("h3").textContent;
    status.textContent = `${name} · ${_("step %(number)s of %(all)s", { number: at + 1, all: steps.length })}`;
    // Not `disabled`: the key that has the focus must not lose it at the last step.
    player.querySelector('[data-move="-1"]').setAttribute("aria-disabled", String(at === 0));
    player.querySelector('[data-move="1"]').setAttribute("aria-disabled", String(at === steps.length - 1));
  }

  function play(id) {
    trace = traces.find((candidate) => candidate.dataset.trace === id);
    at = 0;
    for (const candidate of traces) candidate.hidden = candidate !== trace;
    for (const pick of picks) pick.setAttribute("aria-pressed", String(pick.dataset.plays === id));
    player.querySelector("#player-keys").hidden = false;
    show();
  }

  function move(by) {
    if (!trace) return;
    const count = trace.querySelectorAll(".trace li").length;
    const to = Math.min(Math.max(at + by, 0), count - 1);
    if (to === at) return;
    at = to;
    show();
  }

  player.querySelector(".play").hidden = false;
  for (const candidate of traces) {
    candidate.hidden = true;
    candidate.querySelector("h3").classList.add("vh");
  }
  for (const pick of picks) pick.addEventListener("click", () => play(pick.dataset.plays));
  for (const key of player.querySelectorAll("[data-move]")) key.addEventListener("click", () => move(Number(key.dataset.move)));
  player.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    move(document.dir === "rtl" ? -by : by);
  });
}
