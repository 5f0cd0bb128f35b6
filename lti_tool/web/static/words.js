// What scripts say, in the page's language. English is the key; other languages' words come from the server, once.
const source = document.documentElement.dataset.words;
let told = { messages: {}, plurals: {} };
if (source) {
  try {
    told = await (await fetch(source)).json();
  } catch {
    // English is better than nothing.
  }
}
const numbers = new Intl.PluralRules(document.documentElement.lang || "en");

function filled(text, values) {
  return text.replace(/%\((\w+)\)[sd]|%%/g, (place, name) => (name ? String(values[name]) : "%"));
}

export function _(text, values = {}) {
  return filled(told.messages[text]?.[0] || text, values);
}

export function ngettext(one, many, count, values = {}) {
  const form = told.messages[one]?.[told.plurals[numbers.select(count)] ?? 0];
  return filled(form || (count === 1 ? one : many), { num: count, ...values });
}
