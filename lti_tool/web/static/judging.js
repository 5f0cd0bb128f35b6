// The log while judging runs: stages as they come, spoken only when the stage changes.
import { follow } from "./follow.js";
import { say } from "./server.js";
import { localise } from "./times.js";
import { _ } from "./words.js";

const SLOW = 20000;
const log = document.getElementById("log");
const head = document.getElementById("head");
const lede = document.getElementById("lede");
let slow;

function waits(words) {
  lede.textContent = words;
  clearTimeout(slow);
  slow = setTimeout(() => {
    lede.textContent = _("Slower than usual. Close this if you like; it keeps going.");
  }, SLOW);
}

function told(news) {
  const back = log.classList.contains("stale");
  log.classList.remove("stale");
  if (news.html) {
    log.innerHTML = news.html;
    localise(log);
    head.textContent = news.head;
    say(news.say);
  }
  if (back || news.stages.length) waits(news.lede);
  if (news.result) {
    clearTimeout(slow);
    location.replace(news.result);
    return true;
  }
  if (news.running) return false;
  clearTimeout(slow);
  lede.textContent = news.lede;
  log.removeAttribute("aria-hidden");
  return true;
}

function lost(times) {
  if (times < 2) return;
  log.classList.add("stale");
  waits(_("Offline. It keeps going; this page catches up when you’re back."));
}

async function watch() {
  log.setAttribute("aria-hidden", "true"); // while it runs; what changes is said once, below
  for (const link of document.querySelectorAll(".no-script")) link.hidden = true;
  waits(lede.textContent);
  const { watch: jsonUrl, stream: streamUrl, last } = log.dataset;
  try {
    await follow({ streamUrl, jsonUrl, after: last, told, lost });
  } catch (error) {
    clearTimeout(slow);
    log.removeAttribute("aria-hidden");
    lede.textContent = error.message || _("This page was opened too long ago.");
    say(lede.textContent);
  }
}

if (log.dataset.watch) watch();
