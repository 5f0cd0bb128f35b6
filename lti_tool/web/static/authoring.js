// A draft's form: the sum of the weights as they are typed, and a word before unsaved text is left.

const form = document.getElementById("edit");
const weights = [...form.querySelectorAll("[data-weight]")];
const total = document.querySelector("#total b");

function sum() {
  const parts = weights.map((field) => Number(field.value.replace(",", ".")));
  const whole = parts.reduce((all, part) => all + part, 0);
  total.textContent = parts.every(Number.isFinite) ? String(Math.round(whole * 1000) / 1000) : "?";
  total.classList.toggle("bad", total.textContent !== "100");
}

let touched = false;
form.addEventListener("input", () => {
  touched = true;
  if (total) sum();
});
form.addEventListener("submit", () => {
  touched = false;
});
window.addEventListener("beforeunload", (event) => {
  if (touched) event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "s" || !(event.metaKey || event.ctrlKey)) return;
  event.preventDefault();
  form.querySelector('.commit button[value="save"]').click();
});
if (total) sum();
document.getElementById("problem")?.focus();
