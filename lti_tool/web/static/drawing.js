// A drawing as it is edited: parts, edges, the crash pin. Every operation gives a new one, or throws the sentence to show.
import { _ } from "./words.js";

export class Problem extends Error {}

const fresh = (prefix, taken) => {
  const numbers = taken.map(({ id }) => (id[0] === prefix ? Number(id.slice(1)) : 0)).filter(Number.isInteger);
  return `${prefix}${Math.max(0, ...numbers) + 1}`;
};

export function read(text) {
  const stored = JSON.parse(text);
  const { nodes = [], edges = [], crash = {}, note = "" } = stored;
  return { nodes, edges, at: crash.at || "", recovery: crash.recovery || [], note };
}

export function write({ nodes, edges, at, recovery, note }) {
  const stored = { schema: "atelier.diagram/1", nodes, edges };
  if (at) stored.crash = { at, recovery };
  if (note) stored.note = note;
  return JSON.stringify(stored);
}

// Node id to name; parts of the same label are told apart by a number.
export function names({ nodes }) {
  const seen = {};
  const often = (label) => nodes.filter((node) => node.label === label).length > 1;
  return new Map(
    nodes.map(({ id, label }) => {
      seen[label] = (seen[label] || 0) + 1;
      return [id, often(label) ? `${label} ${seen[label]}` : label];
    }),
  );
}

export function addPart(drawing, { kind, label }, limits) {
  if (drawing.nodes.length >= limits.parts) {
    throw new Problem(_("%(most)d parts is the limit. Remove one first.", { most: limits.parts }));
  }
  return { ...drawing, nodes: [...drawing.nodes, { id: fresh("n", drawing.nodes), kind, label }] };
}

export function removePart(drawing, id) {
  const gone = drawing.edges.filter((edge) => edge.from === id || edge.to === id).map((edge) => edge.id);
  return {
    ...drawing,
    nodes: drawing.nodes.filter((node) => node.id !== id),
    edges: drawing.edges.filter((edge) => !gone.includes(edge.id)),
    at: drawing.at === id ? "" : drawing.at,
    recovery: drawing.at === id ? [] : drawing.recovery.filter((edge) => !gone.includes(edge)),
  };
}

export function connect(drawing, from, to, said, limits) {
  const label = said.trim().replace(/\s+/g, " ");
  if (from === to) throw new Problem(_("An edge joins two different parts."));
  const over = [...label].length - limits.label;
  if (over > 0) {
    throw new Problem(_("%(over)d over. An edge says at most %(most)d characters.", { over, most: limits.label }));
  }
  const known = drawing.edges.find((edge) => edge.from === from && edge.to === to);
  if (known) {
    return { ...drawing, edges: drawing.edges.map((edge) => (edge === known ? { ...edge, label } : edge)) };
  }
  if (drawing.edges.length >= limits.edges) {
    throw new Problem(_("%(most)d edges is the limit. Remove one first.", { most: limits.edges }));
  }
  return { ...drawing, edges: [...drawing.edges, { id: fresh("e", drawing.edges), from, to, label }] };
}

export function removeEdge(drawing, id) {
  return {
    ...drawing,
    edges: drawing.edges.filter((edge) => edge.id !== id),
    recovery: drawing.recovery.filter((edge) => edge !== id),
  };
}

export const setCrash = (drawing, at) => ({ ...drawing, at, recovery: at ? drawing.recovery : [] });

export function setRecovery(drawing, id, does) {
  if (does && !drawing.at) throw new Problem(_("Place the crash pin first: choose the part that dies."));
  const others = drawing.recovery.filter((edge) => edge !== id);
  return { ...drawing, recovery: does ? [...others, id] : others };
}

export function earlier(drawing, id) {
  const order = [...drawing.recovery];
  const at = order.indexOf(id);
  if (at > 0) [order[at - 1], order[at]] = [order[at], order[at - 1]];
  return { ...drawing, recovery: order };
}
