// The drawing's editor: one model, two views. Arrow keys walk the parts, Enter picks one, Enter on a second goes to the
// label with both ends filled, Delete removes, Escape lets go. Without this every operation is a plain form.
import { characters } from "./count.js";
import { Drafts } from "./drafts.js";
import * as model from "./drawing.js";
import { corner, picture } from "./layout.js";
import { say } from "./server.js";
import { _, ngettext } from "./words.js";

const MOST_STEPS_BACK = 50;
const form = document.getElementById("bench");
const byId = (id) => document.getElementById(id);
const palette = JSON.parse(form.dataset.palette);
const limits = JSON.parse(form.dataset.limits);
const data = byId("data");
data.name = "drawing"; // goes along when the form is sent
let drawing = model.read(data.value);
let picked = "";
let here = "";
let back = [];
let forth = [];

const drafts = new Drafts(form.dataset.saveTo, data, () => ({ text: data.value }));

// ---- small pieces of the page -------------------------------------------------------------------------------

function html(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== false) element.setAttribute(key, value === true ? "" : value);
  element.append(...children);
  return element;
}

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const content = { lang: form.dataset.language, dir: "auto" };
const number = (id) => drawing.edges.findIndex((edge) => edge.id === id) + 1;
const button = (key, label, text, act) => {
  const made = html("button", { type: "button", class: "x", "data-key": key, "aria-label": label }, text);
  made.addEventListener("click", act);
  return made;
};

// ---- what is done --------------------------------------------------------------------------------------------

function keep() {
  data.value = model.write(drawing);
  drafts.typed();
}

function become(next, words, focus) {
  if (next === drawing) return;
  back = [...back, drawing].slice(-MOST_STEPS_BACK);
  forth = [];
  drawing = next;
  trouble("");
  keep();
  render(focus);
  say(words);
}

function attempt(work, place) {
  try {
    work();
  } catch (error) {
    if (!(error instanceof model.Problem)) throw error;
    trouble(error.message, place);
  }
}

function trouble(words, place) {
  const note = byId("trouble");
  note.hidden = !words;
  note.querySelector("span").textContent = words;
  if (place) byId(place).after(note);
  if (words) say(words);
}

function step(from, to, words) {
  if (!from.length) return;
  to.push(drawing);
  drawing = { ...from.pop(), note: drawing.note }; // the note has its own undo, in its box
  trouble("");
  keep();
  render();
  say(words);
}

const undo = () => step(back, forth, _("Undone."));
const redo = () => step(forth, back, _("Done again."));

function removePart(id) {
  const name = model.names(drawing).get(id);
  const next = drawing.nodes.find((node) => node.id !== id)?.id || "";
  here = next;
  become(model.removePart(drawing, id), _("Removed: %(name)s.", { name }), next ? `part:${next}` : "part");
}

function pick(id) {
  here = id;
  if (picked && picked !== id) {
    byId("from").value = picked;
    byId("to").value = id;
    picked = "";
    render();
    byId("says").focus();
    return;
  }
  picked = picked === id ? "" : id;
  if (picked) byId("from").value = picked;
  render(`part:${id}`);
}

// ---- the picture ---------------------------------------------------------------------------------------------

function spokenPart(id, called) {
  const out = drawing.edges.filter((edge) => edge.from === id).map((edge) => {
    const says = edge.label || _("says nothing yet");
    return _("edge %(number)s to %(name)s: %(says)s", { number: number(edge.id), name: called.get(edge.to), says });
  });
  const parts = [called.get(id), drawing.at === id ? _("crash pin") : "", ...(out.length ? out : [_("no edge out")])];
  return parts.filter(Boolean).join(", ");
}

function box(node, cell, home, called) {
  const [x, y] = corner(cell);
  const state = [home?.outside && "out", home?.core && "core", node.id === drawing.at && "pinned", node.id === picked && "picked"];
  const label = svg("text", { x: x + 76, y: y + 27, ...(node.label.length > 16 ? { textLength: 136, lengthAdjust: "spacingAndGlyphs" } : {}) }, node.label);
  const group = svg(
    "g",
    {
      class: ["node", ...state.filter(Boolean)].join(" "),
      role: "button",
      tabindex: node.id === here ? 0 : -1,
      "aria-pressed": String(node.id === picked),
      "aria-label": spokenPart(node.id, called),
      "data-key": `part:${node.id}`,
    },
    svg("rect", { class: "box", x, y, width: 152, height: 44, rx: 2 }),
    label,
  );
  if (node.id === drawing.at) {
    group.append(svg("rect", { class: "pin", x: x + 128, y: y - 9, width: 24, height: 18 }));
    group.append(svg("text", { class: "pin-t", x: x + 140, y: y + 5 }, "x"));
  }
  group.addEventListener("click", () => pick(node.id));
  return group;
}

function drawPicture(called) {
  const made = picture(drawing, palette);
  const lit = (edge) => (picked && (edge.from === picked || edge.to === picked) ? "edge lit" : "edge");
  const canvas = byId("picture");
  canvas.setAttribute("role", "group"); // no longer one image: its parts are buttons
  canvas.removeAttribute("aria-labelledby");
  canvas.setAttribute("aria-label", _("Your drawing"));
  canvas.setAttribute("viewBox", `0 0 ${made.width} ${made.height}`);
  canvas.setAttribute("width", made.width);
  canvas.setAttribute("height", made.height);
  canvas.replaceChildren(
    ...made.empty.map(([x, y]) => svg("rect", { class: "cell", x, y, width: 152, height: 44, rx: 2, "stroke-dasharray": "1 5" })),
    ...made.arrows.map(({ edge, line, tip }) => svg("g", { class: lit(edge), "aria-hidden": "true" }, svg("path", { class: "line", d: line }), svg("path", { class: "tip", d: tip }))),
    ...made.arrows.map(({ edge, number: no, at: [x, y] }) => {
      const wide = no < 10 ? 20 : 26;
      return svg("g", { class: lit(edge), "aria-hidden": "true" }, svg("rect", { class: "pad", x: x - wide / 2, y: y - 10, width: wide, height: 20 }), svg("text", { x, y: y + 5 }, String(no)));
    }),
    ...drawing.nodes.map((node) => box(node, made.cells.get(node.id), made.homes.get(node.kind), called)),
  );
  return made.cells;
}

// The nearest part in the direction of the arrow key.
function towards(id, [dx, dy], cells) {
  const [column, row] = cells.get(id);
  const ahead = drawing.nodes
    .map((node) => ({ id: node.id, x: cells.get(node.id)[0] - column, y: cells.get(node.id)[1] - row }))
    .filter(({ x, y }) => x * dx + y * dy > 0)
    .map((other) => ({ ...other, far: Math.abs(other.x * dx + other.y * dy) + 2 * Math.abs(other.x * dy + other.y * dx) }));
  return ahead.sort((one, other) => one.far - other.far)[0]?.id;
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function pictureKeys(event) {
  const id = event.target.closest?.("[data-key^='part:']")?.dataset.key.slice(5);
  if (!id || event.altKey) return;
  if (event.ctrlKey || event.metaKey) {
    if (event.key.toLowerCase() !== "z") return;
    (event.shiftKey ? redo : undo)();
  } else if (event.key in ARROWS) {
    const next = towards(id, ARROWS[event.key], picture(drawing, palette).cells);
    if (next) {
      here = next;
      render(`part:${next}`);
    }
  } else if (event.key === "Enter" || event.key === " ") pick(id);
  else if (event.key === "Delete" || event.key === "Backspace") removePart(id);
  else if (event.key === "Escape" && picked) {
    picked = "";
    render(`part:${id}`);
  } else return;
  event.preventDefault();
}

// ---- the outline, the sentence, the pin ----------------------------------------------------------------------

function edgeLine(edge, called) {
  const says = edge.label ? html("span", { class: "k", ...content }, edge.label) : html("span", { class: "k warn" }, _("says nothing yet"));
  const label = _("Remove edge %(number)s, %(start)s to %(end)s", { number: number(edge.id), start: called.get(edge.from), end: called.get(edge.to) });
  return html(
    "li",
    {},
    html("span", { class: "no" }, String(number(edge.id))),
    html("span", {}, "→ ", html("span", content, called.get(edge.to)), " ", says),
    button(`edge:${edge.id}`, label, "×", () => become(model.removeEdge(drawing, edge.id), _("Edge removed."), `remove:${edge.from}`)),
  );
}

function drawOutline(called) {
  const parts = drawing.nodes.map((node) => {
    const out = drawing.edges.filter((edge) => edge.from === node.id);
    const name = html("span", { class: "part" }, ...(node.id === picked ? [html("span", { class: "st st-now", "aria-hidden": "true" }, "[>]"), " "] : []), html("span", content, called.get(node.id)));
    if (node.id === drawing.at) name.append(" ", html("span", { class: "k bad" }, _("crash pin")));
    const remove = button(`remove:${node.id}`, _("Remove part %(name)s", { name: called.get(node.id) }), "×", () => removePart(node.id));
    const edges = out.length ? html("ul", {}, ...out.map((edge) => edgeLine(edge, called))) : html("p", { class: "k" }, _("no edge out"));
    return html("li", node.id === picked ? { class: "picked-li" } : {}, html("div", { class: "row row-end" }, name, remove), edges);
  });
  byId("outline").replaceChildren(...parts);
  byId("outline-empty").hidden = parts.length > 0;
}

function options(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => html("option", { value, ...(value ? content : {}), selected: value === chosen }, text)));
}

function drawSentence(called) {
  const entries = [...called];
  const kept = (id, otherwise) => (called.has(byId(id).value) ? byId(id).value : otherwise);
  options(byId("from"), entries, kept("from", entries[0]?.[0]));
  options(byId("to"), entries, kept("to", entries[1]?.[0]));
  byId("connect").hidden = entries.length < 2;
}

function recoveryLine(edge, called) {
  const order = drawing.recovery.indexOf(edge.id);
  const tick = html("input", { type: "checkbox", "data-key": `recovers:${edge.id}`, checked: order >= 0 });
  tick.addEventListener("change", () => attempt(() => become(model.setRecovery(drawing, edge.id, tick.checked), tick.checked ? _("%(place)d. edge %(number)s", { place: drawing.recovery.length + 1, number: number(edge.id) }) : _("Edge %(number)s does not bring it back", { number: number(edge.id) }), `recovers:${edge.id}`), "pin-h"));
  const words = _("edge %(number)s, %(says)s", { number: number(edge.id), says: edge.label || `${called.get(edge.from)} → ${called.get(edge.to)}` });
  const label = html("label", { class: "opt" }, tick, " ", ...(order >= 0 ? [html("b", { class: "mono" }, `${order + 1}.`), " "] : []), html("span", {}, words));
  const line = html("li", {}, label);
  if (order > 0) line.append(button(`earlier:${edge.id}`, _("Edge %(number)s one place earlier", { number: number(edge.id) }), "↑", () => become(model.earlier(drawing, edge.id), _("%(place)d. edge %(number)s", { place: order, number: number(edge.id) }), `recovers:${edge.id}`)));
  return line;
}

function drawPin(called) {
  byId("pin").hidden = !drawing.edges.length;
  options(byId("dies"), [["", byId("dies").dataset.none], ...called], drawing.at);
  const chosen = drawing.recovery.map((id) => drawing.edges.find((edge) => edge.id === id));
  const others = drawing.edges.filter((edge) => !chosen.includes(edge));
  byId("recovery").replaceChildren(...(drawing.at ? [...chosen, ...others] : []).map((edge) => recoveryLine(edge, called)));
}

// ---- what is loose -------------------------------------------------------------------------------------------

const listed = (words) => (words.length < 2 ? words.join("") : _("%(most)s and %(last)s", { most: words.slice(0, -1).join(", "), last: words.at(-1) }));

function lint() {
  const silent = drawing.edges.filter((edge) => !edge.label).map((edge) => String(number(edge.id)));
  const joined = new Set(drawing.edges.flatMap((edge) => [edge.from, edge.to]));
  const loose = drawing.nodes.filter((node) => !joined.has(node.id)).map((node) => node.label);
  const lines = [];
  if (silent.length) lines.push(ngettext("Edge %(edges)s says nothing yet.", "Edges %(edges)s say nothing yet.", silent.length, { edges: listed(silent) }));
  if (loose.length) lines.push(ngettext("%(parts)s is loose.", "%(parts)s are loose.", loose.length, { parts: listed(loose) }));
  return lines;
}

function drawLint() {
  const lines = lint();
  const nothing = drawing.nodes.length ? [_("No loose parts."), " "] : [];
  const said = lines.flatMap((line) => [html("span", { class: "st st-warn", "aria-hidden": "true" }, "[!]"), " ", html("span", { class: "vh" }, `${_("lint:")} `), line, " "]);
  const counts = `${_("%(number)s of %(most)s parts", { number: drawing.nodes.length, most: limits.parts })} · ${_("%(number)s of %(most)s edges", { number: drawing.edges.length, most: limits.edges })}`;
  byId("lint").replaceChildren(...(lines.length ? said : nothing), html("span", { class: "nowrap" }, counts));
  for (const place of document.querySelectorAll(".counted")) {
    place.textContent = `${ngettext("%(num)d part", "%(num)d parts", drawing.nodes.length)}, ${ngettext("%(num)d edge", "%(num)d edges", drawing.edges.length)}`;
  }
}

// ---- all of it -----------------------------------------------------------------------------------------------

function render(focus) {
  const stands = (part) => drawing.nodes.some(({ id }) => id === part);
  if (!stands(here)) here = drawing.nodes[0]?.id || "";
  if (!stands(picked)) picked = "";
  const had = focus || document.activeElement?.dataset?.key;
  const called = model.names(drawing);
  drawPicture(called);
  drawOutline(called);
  drawSentence(called);
  drawPin(called);
  drawLint();
  byId("empty").hidden = drawing.nodes.length > 0;
  byId("undo").setAttribute("aria-disabled", String(!back.length));
  byId("redo").setAttribute("aria-disabled", String(!forth.length));
  const keyed = (key) => document.querySelector(`[data-key="${key}"]`);
  if (had) (keyed(had) || byId(had) || keyed(`part:${here}`))?.focus();
}

function connect() {
  const [from, to] = [byId("from").value, byId("to").value];
  attempt(() => {
    const called = model.names(drawing);
    const next = model.connect(drawing, from, to, byId("says").value, limits);
    byId("says").value = "";
    become(next, _("Connected: %(start)s to %(end)s.", { start: called.get(from), end: called.get(to) }), "from");
  }, "connect");
}

function addPart() {
  const part = palette.find(({ kind }) => kind === byId("part").value);
  attempt(() => become(model.addPart(drawing, part, limits), _("Added: %(name)s.", { name: part.label }), "part"), "add");
}

form.addEventListener("submit", (event) => {
  const work = { add: addPart, connect, enter: () => byId("says").value.trim() && connect() }[event.submitter?.value];
  if (!work) return; // judging goes to the server, with the drawing in it
  event.preventDefault();
  work();
});
byId("undo").addEventListener("click", undo);
byId("redo").addEventListener("click", redo);
byId("picture").addEventListener("keydown", pictureKeys);
byId("dies").addEventListener("change", () => become(model.setCrash(drawing, byId("dies").value), "", "dies"));
const note = byId("note");
const showNote = () => {
  const count = characters(note.value.trim());
  byId("note-n").textContent = count > limits.note ? `${count} / ${limits.note} · ${_("%(number)s over.", { number: count - limits.note })}` : `${count} / ${limits.note}`;
};
note.addEventListener("input", () => {
  showNote();
  drawing = { ...drawing, note: note.value.replace(/\r\n/g, "\n").trim() };
  if (characters(drawing.note) <= limits.note) keep();
});
showNote();
for (const element of form.querySelectorAll("[data-scripted]")) element.hidden = false;
for (const element of form.querySelectorAll("[data-plain]")) element.remove();
render();
