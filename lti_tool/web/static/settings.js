// Says what is changed and not saved, sums the weights while they are typed, and asks before the page is left.
const form = document.getElementById("settings");
const note = document.getElementById("unsaved");
const save = document.getElementById("save");

const labelOf = (field) =>
  field.dataset.says || field.closest("[data-says]")?.dataset.says || field.closest("fieldset")?.querySelector("legend")?.textContent.toLowerCase() || field.labels?.[0]?.textContent || field.name;

const isChanged = (field) => {
  if (field.type === "radio" || field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (field.tagName === "SELECT") return [...field.options].some((one) => one.selected !== one.defaultSelected && (one.selected || one.defaultSelected));
  return field.type !== "hidden" && field.value !== field.defaultValue;
};

const kept = document.querySelector("[role=alert]") !== null; // what stands in the fields was typed before, and refused
let sending = false;

const changes = () => new Set([...form.elements].filter((field) => field.name && isChanged(field)).map(labelOf));

function tell() {
  const names = [...changes()];
  note.hidden = names.length === 0;
  note.querySelector("span").textContent = `${names.length} ${names.length === 1 ? "change" : "changes"}: ${names.join(", ")}.`;
  save.textContent = names.length === 0 ? "save" : `save ${names.length} ${names.length === 1 ? "change" : "changes"}`;
}

function sum() {
  const weights = [...form.querySelectorAll("[data-weight]")];
  if (weights.length === 0) return;
  const total = weights.reduce((all, field) => all + Number(field.value.replace(",", ".")), 0);
  const right = Math.abs(total - 100) < 1e-6;
  const says = document.getElementById("weights-sum");
  says.textContent = `= ${Number.isNaN(total) ? "?" : Math.round(total * 100) / 100}${right ? "" : ", not 100"}`;
  says.classList.toggle("bad", !right);
}

form.addEventListener("input", () => {
  tell();
  sum();
});
for (const one of document.forms) one.addEventListener("submit", () => (sending = true));
document.getElementById("discard").addEventListener("click", () => (sending = true));
window.addEventListener("beforeunload", (event) => {
  if (!sending && (kept || changes().size > 0)) event.preventDefault();
});
