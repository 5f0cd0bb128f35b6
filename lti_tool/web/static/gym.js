// The gym: flip in place, rate without leaving, other cards without leaving; keys work only inside the card.
import { getPage, pageOf, post, say, take } from "./server.js";
import { _ } from "./words.js";

const AGAIN = 3000;
let busy = false;

function open(is) {
  const flip = document.querySelector("#flip button");
  document.getElementById("def").hidden = !is;
  document.getElementById("rate").hidden = !is;
  document.getElementById("flip-hint").hidden = is;
  document.getElementById("face").textContent = is ? _("definition") : _("face down");
  flip.setAttribute("aria-expanded", String(is));
  flip.textContent = is ? _("flip back") : _("flip");
  flip.className = is ? "btn-plain" : "btn-go";
}

const isOpen = () => !document.getElementById("def").hidden;

function show(page) {
  const wasListed = document.getElementById("all-terms").open;
  const gym = take(page, "gym");
  document.getElementById("all-terms").open = wasListed;
  start();
  document.querySelector("#flip button").focus();
  say(gym.dataset.words);
}

async function turn(url) {
  if (busy) return;
  busy = true;
  try {
    show(await getPage(url));
  } catch {
    location.assign(url);
  } finally {
    busy = false;
  }
}

async function rate(said) {
  if (busy) return;
  busy = true;
  const form = document.getElementById("rate");
  const fields = { term: form.elements.term.value, said };
  for (;;) {
    try {
      const response = await post(form.action, fields, "text/html");
      show(await pageOf(response));
      break;
    } catch (error) {
      if (error.status && error.status < 500) {
        say(error.message || _("Not saved. Open this page again from your course."));
        break;
      }
      say(_("Not saved. Retrying."));
      await new Promise((done) => setTimeout(done, AGAIN));
    }
  }
  busy = false;
}

function keys(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const turns = document.querySelectorAll("[data-turn]");
  if (event.key === "ArrowLeft") turn(turns[0].href);
  else if (event.key === "ArrowRight") turn(turns[1].href);
  else if (event.key === " " && event.target.tagName !== "BUTTON") open(!isOpen());
  else if (isOpen() && event.key === "1") rate("again");
  else if (isOpen() && event.key === "2") rate("got-it");
  else return;
  event.preventDefault();
}

function start() {
  const card = document.getElementById("card");
  document.getElementById("flip").addEventListener("submit", (event) => {
    event.preventDefault();
    open(!isOpen());
  });
  document.getElementById("rate").addEventListener("submit", (event) => {
    event.preventDefault();
    rate(event.submitter?.value || "again");
  });
  card.querySelector(".card-mid").addEventListener("click", () => {
    if (!String(window.getSelection())) open(!isOpen());
  });
  card.addEventListener("keydown", keys);
  for (const link of document.querySelectorAll("[data-turn]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      turn(link.href);
    });
  }
}

start();
