// The drawing's note: a count, and saving by itself; every other operation is a plain form.
import { characters } from "./count.js";
import { Drafts } from "./drafts.js";

const form = document.getElementById("bench");
const note = document.getElementById("note");

if (note) {
  const count = document.getElementById("note-n");
  const most = Number(note.dataset.most);
  const show = () => {
    const number = characters(note.value.trim());
    count.textContent = number > most ? `${number} / ${most} · ${number - most} over.` : `${number} / ${most}`;
  };
  const drafts = new Drafts(form.action, () => ({
    do: "save",
    dies: form.elements.dies.value,
    note: note.value,
  }));
  note.addEventListener("input", () => {
    show();
    drafts.typed();
  });
  form.elements.dies.addEventListener("change", () => drafts.typed());
  show();
}
