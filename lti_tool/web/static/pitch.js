// The pitch: a live word count, saving by itself, and one question before an attempt is used.
import { onCommandEnter, showKeys, words } from "./count.js";
import { Drafts } from "./drafts.js";
import { say } from "./server.js";
import { _, ngettext } from "./words.js";

const form = document.getElementById("writing");
const text = document.getElementById("text");
const count = document.getElementById("count");
const needle = document.getElementById("needle");
const ask = document.getElementById("ask");
const limits = Object.fromEntries(["low", "high", "aim", "end"].map((name) => [name, Number(text.dataset[name])]));
let told = "";
let pause;

function line(number) {
  if (!limits.aim) return [ngettext("%(num)d word", "%(num)d words", number), ""];
  const head = `${number} / ${limits.aim}`;
  if (number < limits.low) return [head, _("%(number)d to the floor.", { number: limits.low - number })];
  if (number > limits.high) return [head, _("%(number)d over. Cut the second example.", { number: number - limits.high })];
  return [head, _("in range")];
}

function band(number) {
  return number < limits.low ? "below" : number > limits.high ? "above" : "in range";
}

function show() {
  const number = words(text.value);
  const [head, rest] = line(number);
  const bold = document.createElement("b");
  bold.textContent = head;
  count.replaceChildren(bold, rest ? ` · ${rest}` : "");
  if (needle) needle.setAttribute("x", Math.max(0, Math.min((number / limits.end) * 144, 144) - 1.5));
  clearTimeout(pause);
  const now = band(number);
  if (limits.aim && told && now !== told) pause = setTimeout(() => say(`${ngettext("%(num)d word", "%(num)d words", number)}, ${rest}`), 3000);
  told = now;
}

const drafts = new Drafts(form.dataset.saveTo, text, () => ({ text: text.value }));
drafts.busy = (now) => now && ask?.close();

text.addEventListener("input", () => {
  show();
  drafts.typed();
});
form.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "s" || !(event.metaKey || event.ctrlKey)) return;
  event.preventDefault();
  drafts.save();
});

function confirmFirst() {
  const [head, rest] = line(words(text.value));
  document.getElementById("ask-count").textContent = rest ? `${head} · ${rest}` : head;
  ask.showModal();
}

if (ask) {
  document.getElementById("judge").addEventListener("click", (event) => {
    event.preventDefault();
    confirmFirst();
  });
  document.getElementById("not-yet").addEventListener("click", () => ask.close());
  onCommandEnter(text, confirmFirst);
  showKeys(form);
}

// Where there is room beside the text, the rubric lies open.
if (window.matchMedia("(min-width: 68.76rem)").matches) {
  const rubric = document.querySelector(".desk-side > details");
  if (rubric) rubric.open = true;
}

show();
