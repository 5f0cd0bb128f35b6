// The gym: cards turn and are rated at once; ratings are saved behind them, in order, again where it failed.
// Keys work only inside the card.
import { getJson, post, say } from "./server.js";
import { _ } from "./words.js";

const AGAIN = 3000;
const PASSES = 2;
const ABOUT_THE_RATING = [400, 404, 422]; // what is wrong with this one alone; a session that ended is not
const byId = (id) => document.getElementById(id);
const gym = byId("gym");
const flip = document.querySelector("#flip button");
const rate = byId("rate");
let cards = [];
let at = 0;
let previous = "";
const waiting = []; // ratings that are not saved yet
let saving = false;

// ---- saving ----------------------------------------------------------------------------------------------------

function show(sign, words) {
  const place = document.querySelector("[data-save]");
  const mark = Object.assign(document.createElement("span"), { className: `st ${sign === "[x]" ? "st-x" : "st-warn"}`, textContent: sign });
  mark.setAttribute("aria-hidden", "true");
  place.replaceChildren(...(words ? [mark, " ", words] : []));
}

async function save() {
  if (saving) return;
  saving = true;
  while (waiting.length) {
    try {
      await post(rate.action, waiting[0]);
      waiting.shift();
      if (!waiting.length) show("[x]", _("saved"));
    } catch (error) {
      if (error.status && error.status < 500) {
        show("[!]", _("Not saved."));
        say([_("Not saved."), error.message].join(" "));
        if (!ABOUT_THE_RATING.includes(error.status)) break;
        waiting.shift(); // it will never be taken, and the ones behind it may be
        continue;
      }
      const words = navigator.onLine === false ? _("Offline. Answers are kept here and saved when you’re back.") : _("Not saved. Retrying.");
      show("[!]", words);
      say(words);
      await new Promise((done) => {
        setTimeout(done, AGAIN);
        window.addEventListener("online", done, { once: true });
      });
    }
  }
  saving = false;
}

window.addEventListener("beforeunload", (event) => waiting.length && event.preventDefault());

// ---- the card ---------------------------------------------------------------------------------------------------

const mastered = () => cards.filter((card) => card.mastered).length;
const isOpen = () => !byId("def").hidden;

function open(is) {
  byId("def").hidden = !is;
  rate.hidden = !is;
  byId("flip-hint").hidden = is;
  byId("face").textContent = is ? _("definition") : _("face down");
  flip.setAttribute("aria-expanded", String(is));
  flip.textContent = is ? _("flip back") : _("flip");
  flip.className = is ? "btn-plain" : "btn-go";
}

const SIGNS = { done: ["st st-x", "[x]"], now: ["st st-now", "[>]"], open: ["st", "[ ]"] };

function sign(card) {
  const [className, textContent] = SIGNS[card === cards[at] ? "now" : card.mastered ? "done" : "open"];
  return Object.assign(document.createElement("span"), { className, textContent });
}

function spokenState(card) {
  return card === cards[at] ? _("now:") : card.mastered ? _("done:") : _("open:");
}

function drawStates() {
  byId("deck").replaceChildren(...cards.map(sign));
  cards.forEach((card, place) => {
    const line = byId("terms").children[place];
    const mark = sign(card);
    mark.setAttribute("aria-hidden", "true");
    line.querySelector(".st").replaceWith(mark);
    line.querySelector(".vh").textContent = `${spokenState(card)} `;
  });
  const places = { number: mastered(), all: cards.length, card: at + 1 };
  byId("deck-says").textContent = _("%(number)s of %(all)s mastered, on card %(card)s", places);
  byId("mastered").textContent = _("%(number)s mastered", places);
  byId("at").textContent = String(at + 1).padStart(2, "0");
  byId("card").setAttribute("aria-label", _("Card %(card)s of %(all)s", places));
  const done = byId("done");
  if (done) done.hidden = mastered() < cards.length;
}

function turn(place) {
  at = (place + cards.length) % cards.length;
  const card = cards[at];
  document.querySelector("h2.term").textContent = card.term;
  document.querySelector(".def").textContent = card.definition;
  byId("wild").textContent = card.wild;
  byId("not").textContent = card.not;
  document.querySelector("#def .pairs").hidden = !(card.wild || card.not);
  byId("number").textContent = _("term %(number)s", { number: card.number });
  for (const name of ["rate", "flip"]) byId(name).querySelector('[name="term"], [name="card"]').value = card.id;
  for (const link of document.querySelectorAll("[data-turn]")) {
    const url = new URL(link.href);
    url.searchParams.set("card", cards[(at + Number(link.dataset.turn) + cards.length) % cards.length].id);
    link.href = url;
  }
  open(false);
  drawStates();
  flip.focus();
  say(_("%(term)s: %(number)s of %(all)s mastered.", { term: card.term, number: mastered(), all: cards.length }));
}

// The same rule as the server's: two passes with another card between; on a later day a mastered card stays mastered.
function answered(card, gotIt) {
  if (!card.due) {
    if (!gotIt) Object.assign(card, { passes: 0, mastered: false });
    else if (previous !== card.id || !card.passes) card.passes += 1;
    card.mastered = card.passes >= PASSES;
  }
  card.due = false;
  previous = card.id;
}

function following() {
  const later = cards.map((_card, ahead) => (at + 1 + ahead) % cards.length);
  const fits = [(card) => !card.mastered, (card) => card.due];
  for (const fit of fits) {
    const place = later.find((candidate) => fit(cards[candidate]));
    if (place !== undefined) return place;
  }
  return later[0];
}

function rated(said) {
  const card = cards[at];
  waiting.push({ term: card.id, said });
  if (!saving) show(); // nor is this one saved yet
  answered(card, said === "got-it");
  turn(following());
  save();
}

function keys(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const forward = document.dir === "rtl" ? -1 : 1;
  if (event.key === "ArrowLeft") turn(at - forward);
  else if (event.key === "ArrowRight") turn(at + forward);
  else if (event.key === " " && event.target.tagName !== "BUTTON") open(!isOpen());
  else if (isOpen() && event.key === "1") rated("again");
  else if (isOpen() && event.key === "2") rated("got-it");
  else return;
  event.preventDefault();
}

async function start() {
  ({ cards, previous } = await getJson(gym.dataset.cards));
  at = cards.findIndex((card) => card.id === rate.elements.term.value);
  byId("flip").addEventListener("submit", (event) => {
    event.preventDefault();
    open(!isOpen());
  });
  rate.addEventListener("submit", (event) => {
    event.preventDefault();
    rated(event.submitter?.value || "again");
  });
  byId("card").querySelector(".card-mid").addEventListener("click", () => {
    if (!String(window.getSelection())) open(!isOpen());
  });
  byId("card").addEventListener("keydown", keys);
  for (const link of document.querySelectorAll("[data-turn], [data-card]")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      turn(link.dataset.turn ? at + Number(link.dataset.turn) : cards.findIndex((card) => card.id === link.dataset.card));
    });
  }
  gym.dataset.ready = ""; // until here its forms and links lead to pages of their own
}

start();
