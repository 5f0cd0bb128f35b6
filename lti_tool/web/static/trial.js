// Looks every two seconds whether a trial is over, and then shows the page with what came of it.
import { getJson } from "./server.js";

const EVERY = 2000;
const trial = document.getElementById("trial");

async function look() {
  try {
    const told = await getJson(trial.dataset.look);
    if (!told.running) {
      location.reload();
      return;
    }
    trial.querySelector("[role=status]").textContent = told.words;
  } catch {
    // Asked again a little later.
  }
  setTimeout(look, EVERY);
}

if (trial?.dataset.look) setTimeout(look, EVERY);
