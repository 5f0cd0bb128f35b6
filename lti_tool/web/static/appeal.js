// An appeal: how much room is left for why.
import { characters } from "./count.js";
import { _ } from "./words.js";

const why = document.getElementById("why");
const count = document.getElementById("why-n");

if (why) {
  const most = Number(why.dataset.most);
  const show = () => {
    const number = characters(why.value.trim());
    const over = number > most ? ` · ${_("%(number)s over.", { number: number - most })}` : "";
    count.textContent = `${number} / ${most}${over}`;
  };
  why.addEventListener("input", show);
  show();
}
