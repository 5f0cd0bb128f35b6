// Scores sent: the table follows what happens, and only a change is said aloud.
import { localise } from "./times.js";

const EVERY = 2000;
const SLOWEST = 30000;
const box = document.getElementById("scores");
const said = document.getElementById("scores-said");

const linesOf = (root) => new Map([...root.querySelectorAll("[data-row]")].map((row) => [row.dataset.row, row.dataset.says]));

function tellChanges(before, after) {
  const changes = [...after].filter(([row, says]) => before.get(row) !== says).map(([, says]) => says);
  if (changes.length) said.textContent = changes.slice(0, 3).join(". ");
}

// A button in use must not vanish under the finger, so the table waits while the focus is inside it.
const inUse = () => box.contains(document.activeElement);

let wait = EVERY;
let last = "";

async function refresh() {
  if (!document.hidden && !inUse()) {
    try {
      const answer = await fetch(box.dataset.from, { credentials: "same-origin", cache: "no-store" });
      if (answer.status === 401 || answer.status === 403) return;
      if (!answer.ok) throw new Error(String(answer.status));
      show(await answer.text());
      wait = EVERY;
    } catch {
      wait = Math.min(SLOWEST, wait * 2);
    }
  }
  setTimeout(refresh, wait);
}

function show(page) {
  if (page === last) return;
  const before = linesOf(box);
  const fresh = new DOMParser().parseFromString(page, "text/html");
  if (last !== "" && inUse()) return;
  last = page;
  box.replaceChildren(...fresh.body.childNodes);
  localise(box);
  tellChanges(before, linesOf(box));
}

if (box) setTimeout(refresh, EVERY);
