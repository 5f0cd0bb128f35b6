// The result: a criterion and its quotes in the text show each other, and printing.
const print = document.getElementById("print");
print.hidden = false;
print.addEventListener("click", () => window.print());

const text = document.getElementById("own-text");
const marked = (number) => (text ? [...text.querySelectorAll("mark")].filter((mark) => mark.querySelector(`a[href="#c${number}"]`)) : []);

// Where the text has a box of its own, its quote comes into view beside the criterion; else nothing moves.
function show(criterion) {
  const quotes = marked(criterion.id.slice(1));
  for (const mark of text?.querySelectorAll("mark.on-it") || []) mark.classList.remove("on-it");
  for (const mark of quotes) mark.classList.add("on-it");
  if (!quotes.length || text.scrollHeight <= text.clientHeight) return;
  text.scrollTop += quotes[0].getBoundingClientRect().top - text.getBoundingClientRect().top - text.clientHeight / 3;
}

for (const criterion of document.querySelectorAll(".crit")) {
  criterion.addEventListener("focusin", () => show(criterion));
  criterion.addEventListener("pointerenter", () => show(criterion));
}

// In the drawing the words already say which edges a rule rests on; in the text a mark's number leads to its criterion.
text?.addEventListener("click", (event) => {
  const tag = event.target.closest("mark")?.querySelector("a.tag");
  if (tag && !event.target.closest("a") && !String(window.getSelection())) tag.click();
});
