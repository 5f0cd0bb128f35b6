// Keeping what is typed: saved two seconds after it goes quiet, again when it failed, again when the network is back.
// The page says which of these it is; text that cannot be saved is offered for copying.
import { post, say, unsay } from "./server.js";
import { spoken } from "./times.js";
import { _ } from "./words.js";

const QUIET = 2000;
const AGAIN = 5000;
const SIGNS = { saved: ["st st-x", "[x]"], typing: ["st", "[ ]"], offline: ["st st-warn", "[!]"], failed: ["st st-bad", "[!]"] };
const ENDED = [401, 403];

const connected = new Map(); // what each place said before the network was lost

function show(state, words, at) {
  for (const place of document.querySelectorAll("[data-save]")) {
    if (state !== "offline") connected.delete(place);
    else if (!connected.has(place)) connected.set(place, [...place.childNodes]);
    const sign = document.createElement("span");
    [sign.className, sign.textContent] = SIGNS[state];
    sign.setAttribute("aria-hidden", "true");
    const word = document.createElement("span");
    word.className = { failed: "bad", offline: "warn" }[state] || "save-word";
    word.textContent = words;
    place.replaceChildren(sign, " ", word, ...(at ? [" ", clock(at)] : []));
  }
}

function showAsBefore() {
  for (const [place, said] of connected) place.replaceChildren(...said);
  connected.clear();
}

function clock(at) {
  const time = document.createElement("time");
  time.dateTime = at.toISOString();
  time.textContent = spoken(at, "time");
  return time;
}

// Moodle's frame may not write to the clipboard; what is selected can still be copied by hand.
async function copy(box, told) {
  box.focus();
  box.select?.();
  try {
    await navigator.clipboard.writeText(box.value);
    told.textContent = _("Copied.");
  } catch {
    told.textContent = _("Selected. Copy it with your keyboard or menu.");
  }
}

export class Drafts {
  // `box` is what is copied where saving fails; `fields` gives what is saved.
  constructor(url, box, fields) {
    this.url = url;
    this.box = box;
    this.fields = fields;
    this.note = document.getElementById("kept-note");
    this.savedAt = document.querySelector("[data-save] time")?.dateTime;
    this.base = box?.form?.elements.base;
    this.wanted = 0;
    this.kept = 0;
    this.ended = false;
    this.timer = undefined;
    window.addEventListener("online", () => this.online());
    window.addEventListener("offline", () => this.offline());
    document.getElementById("kept-copy")?.addEventListener("click", (event) => copy(this.box, event.target));
    window.addEventListener("beforeunload", (event) => this.pending && !this.leaving && event.preventDefault());
    // Heard after the form's own listeners, which keep some of its buttons to themselves.
    document.addEventListener("submit", (event) => event.target === box?.form && !event.defaultPrevented && this.sending(event));
  }

  typed() {
    this.wanted += 1;
    if (this.ended) return;
    if (navigator.onLine === false) return this.offline();
    show("typing", _("typing"));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), QUIET);
  }

  // A form goes out only once its text is safe: without network it would leave for the browser's own error page.
  async sending(event) {
    this.busy?.(true);
    const cut = navigator.onLine === false;
    if (!cut && (this.ended || !this.pending)) {
      this.leaving = true;
      return undefined;
    }
    const { target, submitter } = event;
    event.preventDefault();
    if (cut) this.offline();
    else await this.save();
    if (!cut && !this.pending) return target.requestSubmit(submitter);
    return this.busy?.(false);
  }

  online() {
    if (this.ended) return undefined;
    if (this.pending) return this.save();
    showAsBefore();
    return this.tell("");
  }

  offline() {
    clearTimeout(this.timer);
    if (this.ended) return;
    show("offline", _("Offline."));
    this.tell(_("Offline. Typing is safe here; it syncs when you’re back."), { copy: false });
  }

  async save() {
    clearTimeout(this.timer);
    if (this.ended) return;
    const version = this.wanted;
    try {
      const told = await (await post(this.url, { ...this.fields(), base: this.base?.value || "" })).json();
      this.done(version, told);
    } catch (error) {
      this.failed(error);
    }
  }

  done(version, told) {
    this.savedAt = told.saved_at;
    this.kept = Math.max(this.kept, version);
    if (this.base && told.draft) this.base.value = told.draft;
    if (this.kept === this.wanted) show("saved", _("saved"), new Date(told.saved_at));
    if (!told.other_saved_at) return this.tell("");
    const time = spoken(new Date(told.other_saved_at), "time");
    return this.tell(_("Another window saved this at %(time)s. What you see here is the newest now; that one is kept as a draft.", { time }), { copy: false });
  }

  failed(error) {
    if (!error.status && navigator.onLine === false) return this.offline();
    const since = this.savedAt
      ? _("Not saved since %(time)s.", { time: spoken(new Date(this.savedAt), "time") })
      : _("Not saved.");
    show("failed", since);
    this.tell([since, error.status ? error.message : "", _("Copy your text.")].filter(Boolean).join(" "));
    this.ended = ENDED.includes(error.status);
    // What the server refused stays refused until it is changed; what did not get there is sent again.
    if (!error.status || error.status >= 500) this.timer = setTimeout(() => this.save(), AGAIN);
    return undefined;
  }

  tell(words, { copy: offer = true } = {}) {
    unsay(this.told);
    this.told = words;
    if (!this.note) return words && say(words);
    this.note.hidden = !words;
    this.note.querySelector("p").textContent = words;
    const button = this.note.querySelector("button");
    button.hidden = !offer;
    button.textContent = button.dataset.words;
    return words && say(words);
  }

  get pending() {
    return this.kept !== this.wanted;
  }
}
