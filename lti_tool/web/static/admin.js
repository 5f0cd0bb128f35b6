import { localise } from "./times.js";

// The lists turn green while the page is open: they alone are taken from a fresh copy of the page, every ten seconds.
const EVERY = 10_000;
const seen = new Map();

async function look() {
  if (document.hidden) return;
  const answer = await fetch(document.getElementById("main").dataset.from, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const list of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(list.id);
    if (!now || now.outerHTML === seen.get(list.id)) continue;
    seen.set(list.id, now.outerHTML);
    list.replaceChildren(...now.childNodes);
    localise(list);
  }
}

setInterval(() => look().catch(() => undefined), EVERY);
