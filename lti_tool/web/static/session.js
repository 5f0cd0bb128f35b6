// Two minutes before the session ends the page says so, and one press keeps it open (WCAG 2.2.1).
import { _ } from "./words.js";

const WARN = 120;
const AGAIN = 15;
const LONGEST = 2 ** 31 - 1; // what a timer can wait, in milliseconds

const after = (seconds, step) => setTimeout(step, Math.min(Math.max(seconds, 0) * 1000, LONGEST));

// The seconds left; 0 where it has ended; undefined where nobody answered.
async function left(box, method) {
  try {
    const headers = { Accept: "application/json", "X-Form-Token": box.dataset.seal };
    const answer = await fetch(box.dataset.url, { method, headers, cache: "no-store" });
    if (answer.status === 401 || answer.status === 403) return 0;
    return answer.ok ? (await answer.json()).seconds_left : undefined;
  } catch {
    return undefined;
  }
}

function showEnded(box) {
  box.querySelector("h2").textContent = _("This page was opened too long ago.");
  box.querySelector("[data-open]").hidden = true;
  box.querySelector("[data-ended]").hidden = false;
  box.querySelector("button").textContent = _("close"); // what was typed can still be copied
  box.dataset.ended = "yes";
  if (!box.open) box.showModal();
}

function goOn(box, seconds) {
  if (seconds === undefined) return after(AGAIN, () => check(box));
  if (seconds === 0) return showEnded(box);
  if (seconds > WARN + 1) {
    if (box.open) box.close();
    return after(seconds - WARN, () => check(box));
  }
  if (!box.open) box.showModal();
  return after(seconds, () => check(box));
}

// Typing that was saved, or another window, may have extended it meanwhile: the server knows.
async function check(box) {
  goOn(box, await left(box, "GET"));
}

export function watchSession(box) {
  if (!box) return;
  const stay = async () => {
    if (box.dataset.ended) return box.close();
    const seconds = await left(box, "POST");
    if (seconds !== undefined) goOn(box, seconds);
    return undefined;
  };
  box.querySelector("button").addEventListener("click", stay);
  after(Number(box.dataset.left) - WARN, () => check(box));
}
