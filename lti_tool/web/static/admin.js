// The lists turn green while the page is open: they alone are taken from a fresh copy of the page, every ten seconds.
const EVERY = 10_000;

async function look() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const list of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(list.id);
    if (now && now.textContent !== list.textContent) list.replaceChildren(...now.children);
  }
}

setInterval(() => look().catch(() => undefined), EVERY);
