"use strict";
// A frame like Canvas's grows when the tool asks for it, {subject: "lti.frameResize", height}, and its head comes into view
// by {subject: "lti.scrollToTop"}; the others stay as they are.
for (const frame of document.querySelectorAll("iframe[data-frame]")) {
  const size = document.getElementById(frame.dataset.size);

  window.addEventListener("message", (event) => {
    if (frame.dataset.frame !== "canvas") return;
    if (event.origin !== frame.dataset.toolOrigin || event.source !== frame.contentWindow) return;
    const { subject, height } = event.data && typeof event.data === "object" ? event.data : {};
    if (subject === "lti.scrollToTop") frame.scrollIntoView();
    if (subject !== "lti.frameResize" || !Number.isFinite(Number(height))) return;
    frame.style.blockSize = `${Math.min(Math.max(Math.round(Number(height)), 320), 20000)}px`;
  });

  new ResizeObserver(() => {
    size.textContent = `frame ${frame.clientWidth} × ${frame.clientHeight}`;
  }).observe(frame);
}
