// One review: the running total, the reason that appears when a level changes, digits, and the commit key.

const chosenIn = (row) => row.querySelector(".lvls input:checked");

function stateOf(row, chosen) {
  if (!chosen) return ["st-warn", "[!]", "no level yet"];
  if (row.dataset.judge === "") return ["st-x", "[x]", "yours"];
  if (chosen.value !== row.dataset.judge) return ["st-warn", "[!]", "changed"];
  return ["st-x", "[x]", row.dataset.agreed];
}

function showState(row, chosen) {
  const [tone, mark, words] = stateOf(row, chosen);
  const sign = document.createElement("span");
  sign.className = `st ${tone}`;
  sign.setAttribute("aria-hidden", "true");
  sign.textContent = mark;
  row.querySelector(".rate-state").replaceChildren(sign, ` ${words}`);
}

function showRow(row) {
  const chosen = chosenIn(row);
  const says = row.querySelector(".says");
  says.hidden = !chosen;
  says.textContent = chosen ? chosen.dataset.says : "";
  showState(row, chosen);
  const over = row.querySelector(".over");
  if (!over) return;
  const differs = Boolean(chosen) && chosen.value !== row.dataset.judge;
  over.hidden = !differs;
  if (differs) {
    over.querySelector(".over-says").textContent =
      `You ${chosen.value}, judge ${row.dataset.judge}. Say why; the student sees the reason.`;
  }
}

const shown = (points) => String(Math.round(points * 100) / 100);

function showTotal(form) {
  const total = document.getElementById("total");
  const rows = [...form.querySelectorAll(".rate")];
  const chosen = rows.map(chosenIn);
  const empty = chosen.filter((radio) => !radio).length;
  const changed = rows.filter((row, at) => row.dataset.judge !== "" && chosen[at] && chosen[at].value !== row.dataset.judge);
  const points = chosen.reduce((sum, radio) => sum + (radio ? Number(radio.dataset.points) : 0), Number(total.dataset.graphPoints));
  const blind = form.dataset.mode === "blind";
  const words = blind ? [] : [`judge ${form.dataset.judge || "not scored"}`, `${changed.length} changed`];
  if (empty) words.push(`${empty} without a level`);
  const whole = document.createElement("b");
  whole.textContent = empty || total.dataset.held ? "—" : shown(points);
  const quiet = document.createElement("span");
  quiet.className = "quiet";
  quiet.textContent = words.join(" · ");
  total.replaceChildren(whole, " / 100 ", quiet);
}

function start() {
  const form = document.getElementById("review");
  if (!form) return;
  form.querySelectorAll(".rate").forEach(showRow);
  document.querySelector(".key-hint")?.replaceChildren(/Mac|iP/.test(navigator.platform) ? "⌘ ↵" : "Ctrl ↵");
}

// What was selected in the text last, before a press took the focus away.
let selected = "";
document.addEventListener("selectionchange", () => {
  const selection = document.getSelection();
  const text = document.querySelector(".essay");
  if (!text || !selection || selection.isCollapsed || !text.contains(selection.anchorNode)) return;
  const piece = selection.getRangeAt(0).cloneContents();
  piece.querySelectorAll(".tag").forEach((tag) => tag.remove());
  selected = piece.textContent.replace(/\s+/g, " ").trim();
});

function attach(field) {
  if (!selected) return;
  field.value = [field.value.trim(), selected].filter(Boolean).join("\n");
  field.closest("details").open = true;
  selected = "";
}

document.querySelectorAll(".attach").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => attach(document.getElementById(button.dataset.for)));
});

// A passage is selected in the text and a digit pressed: it goes to the criterion of that number.
document.addEventListener("keydown", (event) => {
  if (!selected || event.ctrlKey || event.metaKey || event.altKey || !/^[1-9]$/.test(event.key)) return;
  if (event.target.closest?.("input, textarea, select")) return;
  const field = document.querySelector(`#c${event.key} textarea[name^="quotes-"]`);
  if (!field) return;
  event.preventDefault();
  attach(field);
});

document.addEventListener("change", (event) => {
  const row = event.target.closest?.("#review .rate");
  if (!row || event.target.type !== "radio") return;
  showRow(row);
  showTotal(event.target.form);
});

document.addEventListener("keydown", (event) => {
  const form = document.getElementById("review");
  if (!form) return;
  if ((event.metaKey || event.ctrlKey) && event.key === "Enter") {
    event.preventDefault();
    form.requestSubmit(document.getElementById("commit"));
    return;
  }
  const levels = event.target.closest?.("#review .lvls");
  const asStudent = document.getElementById("as-student");
  if (levels && asStudent && event.key === "s" && !(event.ctrlKey || event.metaKey || event.altKey)) {
    event.preventDefault();
    asStudent.click();
    return;
  }
  if (!levels || event.ctrlKey || event.metaKey || event.altKey || !/^[0-9]$/.test(event.key)) return;
  const radio = levels.querySelector(`input[value="${event.key}"]`);
  if (!radio) return;
  event.preventDefault();
  radio.focus();
  radio.click();
});

start();
