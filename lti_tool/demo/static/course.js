"use strict";
// The frame grows as in Canvas, when the tool asks for it: {subject: "lti.frameResize", height}.
const frame = document.getElementById("contentframe");
const size = document.getElementById("frame-size");

function showSize() {
  size.textContent = `frame ${frame.clientWidth} × ${frame.clientHeight}`;
}

window.addEventListener("message", (event) => {
  if (event.origin !== frame.dataset.toolOrigin || event.source !== frame.contentWindow) return;
  const { subject, height } = event.data && typeof event.data === "object" ? event.data : {};
  if (subject !== "lti.frameResize" || !Number.isFinite(Number(height))) return;
  frame.style.blockSize = `${Math.min(Math.max(Math.round(Number(height)), 320), 20000)}px`;
});

new ResizeObserver(showSize).observe(frame);
