// The queue: how many rows are ticked, and single keys while the focus is in the table.

import { _ } from "./words.js";

const rowsOf = (table) => [...table.querySelectorAll("tbody tr")];
const linkOf = (row) => row.querySelector("th a");

function showSelected() {
  const count = document.querySelectorAll("#queue input[name=pick]:checked").length;
  const every = document.getElementById("every")?.checked;
  const words = document.getElementById("selected");
  if (!words) return;
  words.hidden = every;
  words.textContent = _("%(count)d selected", { count });
  for (const button of document.querySelectorAll(".needs-picks")) button.disabled = !every && count === 0;
}

function move(table, row, by) {
  const rows = rowsOf(table);
  const next = rows[Math.min(rows.length - 1, Math.max(0, rows.indexOf(row) + by))];
  linkOf(next)?.focus();
}

function tick(row) {
  const box = row.querySelector("input[name=pick]");
  if (!box) return;
  box.checked = !box.checked;
  showSelected();
}

document.addEventListener("keydown", (event) => {
  const table = event.target.closest?.("#queue");
  const row = event.target.closest?.("#queue tbody tr");
  if (!table || !row || event.ctrlKey || event.metaKey || event.altKey) return;
  const onBox = event.target.matches("input");
  const actions = {
    j: () => move(table, row, 1),
    k: () => move(table, row, -1),
    x: () => tick(row),
    "/": () => document.getElementById("q")?.focus(),
    "?": () => {
      const keys = document.getElementById("keys");
      keys.open = !keys.open;
    },
  };
  if (onBox) actions.Enter = () => linkOf(row)?.click();
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

document.addEventListener("change", (event) => {
  if (event.target.matches?.("#queue input[name=pick], #every")) showSelected();
});

showSelected();
