// How far a draft of judging again is, asked for every two seconds until nothing waits any more.
import { ask } from "./server.js";

const EVERY = 2000;
const far = document.getElementById("far");

function told({ of, judged, failed, words, waiting }) {
  const bar = far.querySelector("progress");
  bar.max = of;
  bar.value = judged + failed;
  far.querySelector("[role=status]").textContent = words;
  if (judged) document.getElementById("fresh").hidden = false;
  return !waiting;
}

if (far) ask(far.dataset.progress, EVERY, told);
