// Hot-takes: a count of characters, saving by itself, and the reply as soon as it is there.
import { characters, onCommandEnter, showKeys } from "./count.js";
import { Drafts } from "./drafts.js";
import { ask, getPage, say, take } from "./server.js";
import { _ } from "./words.js";

const EVERY = 700;
const SOON = 300;
const SLOW = 10000;

function box(form) {
  const text = form.querySelector("textarea");
  const count = form.querySelector('[id^="count-"]');
  const most = Number(text.dataset.most) || 0;
  const show = () => {
    const number = characters(text.value.trim());
    const left = most - number;
    const bold = document.createElement("b");
    bold.textContent = most ? `${number} / ${most}` : String(number);
    bold.className = most && left <= most / 16 ? "warn" : "";
    const over = left < 0 ? _("%(number)d over. Cut the hedge.", { number: -left }) : _("%(left)s left", { left });
    count.replaceChildren(bold, !most || left > most / 16 ? "" : ` · ${over}`);
  };
  const drafts = new Drafts(form.dataset.saveTo, text, () => ({ text: text.value }));
  text.addEventListener("input", () => {
    show();
    drafts.typed();
  });
  const send = form.querySelector("button.btn-go");
  const word = send?.textContent;
  drafts.busy = (now) => send && (send.textContent = now ? send.dataset.busy : word);
  const without = form.querySelector(".without");
  const connected = () => (without.hidden = navigator.onLine !== false);
  for (const change of ["online", "offline"]) window.addEventListener(change, connected);
  connected();
  onCommandEnter(text, () => form.requestSubmit());
  showKeys(form);
  show();
}

async function watch(article) {
  const slow = setTimeout(() => (article.querySelector(".slow").hidden = false), SLOW);
  await ask(article.dataset.waits, EVERY, async ({ result, running }) => {
    if (!result && running) return false;
    const fresh = take(await getPage(location.href), article.id);
    start(fresh);
    const total = fresh.querySelector(".big")?.textContent;
    say(total ? _("Reply: %(score)s", { score: total.trim() }) : _("No score yet."));
    return true;
  });
  clearTimeout(slow);
}

// The score stands; the coach's first line comes word by word, then its place has the rest. The box beside it, where the
// next take may be half typed, is left alone.
function listen(coach) {
  return ask(coach.dataset.coach, SOON, async ({ why, running }) => {
    if (running) {
      if (why) coach.querySelector(".coach-why").textContent = why;
      return false;
    }
    take(await getPage(location.href), coach.id);
    say(_("The coach has replied."));
    return true;
  });
}

function start(article) {
  article.querySelectorAll(".take-form").forEach(box);
  article.querySelectorAll(".no-script").forEach((link) => (link.hidden = true));
  if (article.dataset.waits) watch(article);
  article.querySelectorAll("[data-coach]").forEach(listen);
}

document.querySelectorAll(".take").forEach(start);
