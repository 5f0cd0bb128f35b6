"use strict";
// Asks every two seconds; only a change touches the tables or speaks in the live region.
const book = document.getElementById("gradebook");
const rows = document.getElementById("gradebook-rows");
const live = document.getElementById("gradebook-live");
const news = document.getElementById("gradebook-news");
let known = null;

function localTimes() {
  for (const time of rows.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    const today = at.toDateString() === new Date().toDateString();
    time.textContent = today ? at.toLocaleTimeString([], { hour12: false }) : at.toLocaleString([], { hour12: false });
  }
}

function facts(gradebook) {
  const found = new Map();
  for (const column of gradebook.columns) {
    for (const row of column.rows) {
      const score = row.scoreGiven === null ? "" : `, ${Math.round(row.scoreGiven * 100) / 100} of ${column.scoreMaximum}`;
      found.set(`${column.lineItem} ${row.userId}`, `${row.name}: ${row.state}${score}.`);
    }
  }
  return found;
}

async function swapRows() {
  const answer = await fetch(book.dataset.rows, { cache: "no-store" });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  rows.replaceChildren(...page.body.childNodes);
  localTimes();
}

async function look() {
  const answer = await fetch(book.dataset.json, { cache: "no-store" });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const gradebook = await answer.json();
  if (known && known.revision === gradebook.revision) return;
  await swapRows();
  if (known) {
    const before = facts(known);
    news.textContent = [...facts(gradebook)].filter(([key, said]) => before.get(key) !== said).map(([, said]) => said).join(" ");
  }
  known = gradebook;
}

async function follow() {
  try {
    await look();
    live.textContent = `live · ${new Date().toLocaleTimeString([], { hour12: false })}`;
  } catch {
    live.textContent = "not answering, trying again";
  }
  setTimeout(follow, 2000);
}

localTimes();
follow();
