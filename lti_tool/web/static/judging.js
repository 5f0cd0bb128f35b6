// The log while judging runs: asked for every 0.7 seconds, spoken only when the stage changes.
import { getJson, say } from "./server.js";
import { localise } from "./times.js";
import { _ } from "./words.js";

const EVERY = 700;
const SLOW = 20000;
const log = document.getElementById("log");
const head = document.getElementById("head");
const lede = document.getElementById("lede");

async function watch() {
  let last = log.dataset.last;
  let moved = Date.now();
  let misses = 0;
  log.setAttribute("aria-hidden", "true");
  document.querySelectorAll(".no-script").forEach((link) => (link.hidden = true));
  for (;;) {
    await new Promise((done) => setTimeout(done, EVERY * Math.min(1 + misses, 8)));
    let news;
    try {
      news = await getJson(`${log.dataset.watch}?after=${last}`);
      misses = 0;
    } catch (error) {
      if (error.status && error.status < 500) return say(error.message);
      misses += 1;
      if (misses === 3) lede.textContent = _("Offline. It keeps going; this page catches up when you’re back.");
      continue;
    }
    if (news.html) {
      moved = Date.now();
      last = news.last;
      log.innerHTML = news.html;
      localise(log);
      head.textContent = news.head;
      lede.textContent = _("Close this if you like; it keeps going.");
      say(news.say);
    }
    if (news.result) {
      location.replace(news.result);
      return undefined;
    }
    if (!news.running) {
      lede.textContent = _("Nothing to do here. The sheet opens when it is released.");
      log.removeAttribute("aria-hidden");
      return undefined;
    }
    if (Date.now() - moved > SLOW) lede.textContent = _("Slower than usual. Close this if you like; it keeps going.");
  }
}

if (log.dataset.watch) watch();
