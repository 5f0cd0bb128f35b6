// Saving what is typed: two seconds after it goes quiet, again when it failed, and the save state in words.
import { post } from "./server.js";
import { spoken } from "./times.js";
import { _ } from "./words.js";

const QUIET = 2000;
const AGAIN = 5000;
const mark = { saved: ["st st-x", "[x]"], typing: ["st", "[ ]"], failed: ["st st-bad", "[!]"] };

function show(state, ...words) {
  for (const place of document.querySelectorAll("[data-save]")) {
    const sign = document.createElement("span");
    [sign.className, sign.textContent] = mark[state];
    sign.setAttribute("aria-hidden", "true");
    const word = document.createElement("span");
    word.className = state === "failed" ? "bad" : "save-word";
    word.textContent = words[0];
    place.replaceChildren(sign, " ", word, ...words.slice(1));
  }
}

function clock(at) {
  const time = document.createElement("time");
  time.dateTime = at.toISOString();
  time.textContent = spoken(at, "time");
  return time;
}

export class Drafts {
  constructor(url, fields, failed = () => {}) {
    this.url = url;
    this.fields = fields;
    this.failed = failed;
    this.savedAt = document.querySelector("[data-save] time")?.dateTime;
    this.wanted = 0;
    this.kept = 0;
    this.timer = undefined;
  }

  typed() {
    this.wanted += 1;
    show("typing", _("typing"));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), QUIET);
  }

  async save() {
    clearTimeout(this.timer);
    const version = this.wanted;
    try {
      const { saved_at: at } = await (await post(this.url, this.fields())).json();
      this.savedAt = at;
      this.kept = Math.max(this.kept, version);
      if (this.kept === this.wanted) show("saved", `${_("saved")} `, clock(new Date(at)));
      this.failed("");
    } catch (error) {
      const since = this.savedAt
        ? _("Not saved since %(time)s.", { time: spoken(new Date(this.savedAt), "time") })
        : _("Not saved.");
      show("failed", since);
      this.failed([since, error.status ? error.message : "", _("Copy your text.")].filter(Boolean).join(" "));
      // What the server refused stays refused until it is changed; what did not get there is sent again.
      if (!error.status || error.status >= 500) this.timer = setTimeout(() => this.save(), AGAIN);
    }
  }

  get pending() {
    return this.kept !== this.wanted;
  }
}
