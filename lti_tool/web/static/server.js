// Talking to the server: sealed posts, pages fetched to take a part from, and one status line.
import { localise } from "./times.js";

export const seal = () => document.querySelector('meta[name="form-token"]')?.content || "";

export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

async function answered(response) {
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Refused(response.status, told.problem || [told.title, told.sentence].filter(Boolean).join(" "));
}

export async function post(url, fields) {
  const headers = { "X-Form-Token": seal(), Accept: "application/json" };
  return answered(await fetch(url, { method: "POST", body: new URLSearchParams(fields), headers }));
}

export async function getJson(url) {
  return (await answered(await fetch(url, { headers: { Accept: "application/json" } }))).json();
}

export async function getPage(url) {
  const response = await answered(await fetch(url, { headers: { Accept: "text/html" } }));
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

// Asks every so often until `told(news)` says that nothing more is to come. A lost network and a server that is being
// restarted are waited out; what the server refuses ends it, and is said.
export async function ask(url, every, told) {
  for (let over = false; !over; ) {
    await new Promise((done) => setTimeout(done, every));
    try {
      over = await told(await getJson(url));
    } catch (error) {
      if (!(error.status < 500)) continue;
      say(error.message);
      over = true;
    }
  }
}

export function take(page, id) {
  const fresh = document.adoptNode(page.getElementById(id));
  document.getElementById(id).replaceWith(fresh);
  localise(fresh);
  return fresh;
}

export function say(words) {
  const line = document.getElementById("said");
  if (line && line.textContent !== words) line.textContent = words;
}

// What no longer holds is no longer there to be read, unless something else was said since.
export function unsay(words) {
  const line = document.getElementById("said");
  if (line && words && line.textContent === words) line.textContent = "";
}
