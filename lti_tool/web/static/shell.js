// What every page does: times in the reader's zone, a warning before its session ends, and telling the frame's owner
// how tall the page is.
import { watchSession } from "./session.js";
import { localise } from "./times.js";

localise(document);
watchSession(document.getElementById("session-ends"));

if (window.parent !== window) {
  let told = 0;
  let waiting = false;
  const tell = () => {
    waiting = false;
    const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
    if (Math.abs(height - told) <= 8) return;
    told = height;
    window.parent.postMessage({ subject: "lti.frameResize", height }, "*");
  };
  new ResizeObserver(() => {
    if (waiting) return;
    waiting = true;
    setTimeout(tell, 200);
  }).observe(document.body);
}
