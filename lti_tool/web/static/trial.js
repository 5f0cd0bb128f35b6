// Looks every two seconds whether a trial is over, and then shows the page with what came of it.
import { ask } from "./server.js";

const EVERY = 2000;
const trial = document.getElementById("trial");

function told({ running, words }) {
  if (running) trial.querySelector("[role=status]").textContent = words;
  else location.reload();
  return !running;
}

if (trial?.dataset.look) ask(trial.dataset.look, EVERY, told);
