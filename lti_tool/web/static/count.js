// Words as the server counts them: letters and digits with inner apostrophes, hyphens and points (after UAX #29).
const SINGLE = "‘’‚‛′`´ʼ＇";
const SHAPES = [
  ["c", /^(?=\p{Lo})(?:\p{Script=Han}|\p{Script=Hiragana})/u],
  ["a", /^[\p{L}\p{M}]/u],
  ["1", /^\p{N}/u],
];
const JOINERS = { ".": ".", ",": ",", "·": "." };
const UNSEEN = /^[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]/u;
const WORD = /c|(?:[a1]z*)+(?:(?:'|\.|(?<=1),(?=1))(?:[a1]z*)+)*/g;

function shape(character) {
  for (const [name, pattern] of SHAPES) if (pattern.test(character)) return name;
  if (character in JOINERS) return JOINERS[character];
  if (SINGLE.includes(character) || "'-‐‑".includes(character)) return "'";
  return UNSEEN.test(character) ? "z" : " ";
}

export function words(text) {
  let shapes = "";
  for (const character of text) shapes += shape(character);
  return (shapes.match(WORD) || []).length;
}

export function characters(text) {
  return [...text].length;
}

export const commandKey = /Mac|iP(hone|ad|od)/.test(navigator.platform) ? "⌘" : "Ctrl";

export function showKeys(root) {
  for (const key of root.querySelectorAll("[data-command]")) key.textContent = commandKey;
  for (const hint of root.querySelectorAll(".keys")) hint.hidden = false;
}

export function onCommandEnter(element, act) {
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey) || event.isComposing) return;
    event.preventDefault();
    act();
  });
}
