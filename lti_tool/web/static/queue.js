// The queue: how many rows are ticked, and single keys while the focus is in the table.

const rowsOf = (table) => [...table.querySelectorAll("tbody tr")];
const linkOf = (row) => row.querySelector("th a");

function showSelected() {
  const count = document.querySelectorAll("#queue input[name=pick]:checked").length;
  const words = document.getElementById("selected");
  const button = document.getElementById("release");
  if (!words || !button) return;
  words.hidden = false;
  words.textContent = `${count} selected`;
  button.disabled = count === 0;
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
  };
  if (onBox) actions.Enter = () => linkOf(row)?.click();
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

document.addEventListener("change", (event) => {
  if (event.target.matches?.("#queue input[name=pick]")) showSelected();
});

showSelected();
