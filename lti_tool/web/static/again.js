// How far a draft of judging again is, asked for every two seconds until nothing waits any more.
import { getJson } from "./server.js";

const EVERY = 2000;
const far = document.getElementById("far");

async function look() {
  try {
    const told = await getJson(far.dataset.progress);
    const bar = far.querySelector("progress");
    bar.max = told.of;
    bar.value = told.judged + told.failed;
    far.querySelector("[role=status]").textContent = told.words;
    if (told.judged) document.getElementById("fresh").hidden = false;
    if (!told.waiting) return;
  } catch {
    // Asked again a little later: a lost network, or a server that is being restarted.
  }
  setTimeout(look, EVERY);
}

if (far) setTimeout(look, EVERY);
