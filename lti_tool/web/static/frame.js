// A page in a course's frame: how tall it is, and that what matters is in view. Canvas makes the frame as tall as the
// page, which then has no scroll of its own: the course's page scrolls, and stays where it is when another page comes
// into the frame. (https://developerdocs.instructure.com/services/canvas/external-tools/lti/file.lti_window_post_message)
const TELL_AFTER = 200;
const LEAST_CHANGE = 8; // pixels
const GROWS_WITHIN = 1000; // milliseconds after it was told

const say = (message) => window.parent.postMessage(message, "*");

function tellHeight(onFirst) {
  let told = 0;
  let waiting = false;
  const tell = () => {
    waiting = false;
    const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
    if (Math.abs(height - told) <= LEAST_CHANGE) return;
    if (!told) onFirst();
    told = height;
    say({ subject: "lti.frameResize", height });
  };
  new ResizeObserver(() => {
    if (waiting) return;
    waiting = true;
    setTimeout(tell, TELL_AFTER);
  }).observe(document.body);
}

const aimOf = (hash) => document.getElementById(hash.slice(1));

// Scripts may scroll the pages around a frame of another site; links within a page may not, in Chromium.
function followLinks() {
  document.addEventListener("click", (event) => {
    const aim = aimOf(event.target.closest?.('a[href^="#"]')?.hash ?? "");
    if (aim) requestAnimationFrame(() => aim.scrollIntoView());
  });
}

// The frame gets its height after the page has come, which moves what was in view; unless the reader has begun by then.
// Returns what ends this: what makes the page grow later must not take anybody back.
function show(aim) {
  const bring = () => aim.scrollIntoView({ block: "nearest" });
  const end = () => window.removeEventListener("resize", bring);
  window.addEventListener("resize", bring, { once: true });
  for (const input of ["wheel", "pointerdown", "keydown"]) window.addEventListener(input, end, { once: true, passive: true });
  bring();
  return end;
}

// Another page of the tool's, not the first one, and not one that was loaded again or gone back to. Where a browser
// cannot say which page is the first, none is.
function comesNext() {
  const [how] = performance.getEntriesByType("navigation");
  return how?.type === "navigate" && window.navigation?.entries().length !== 1;
}

export function standInFrame() {
  // Chromium leaves the attribute alone in a frame of another site: what went wrong would stand unseen at the head of
  // a form that was sent from its foot.
  const wrong = document.querySelector("[autofocus]");
  wrong?.focus();
  if (window.parent === window) return;
  const aim = wrong ?? aimOf(location.hash);
  const end = aim ? show(aim) : undefined;
  if (!aim && comesNext()) say({ subject: "lti.scrollToTop" });
  followLinks();
  tellHeight(() => end && setTimeout(end, GROWS_WITHIN));
}
