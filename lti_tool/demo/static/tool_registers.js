"use strict";
// LTI Dynamic Registration 1.0, section 3.7: the tool says that it is done, and its frame goes at once.
const frame = document.getElementById("contentframe");

window.addEventListener("message", (event) => {
  if (event.origin !== frame.dataset.toolOrigin || event.source !== frame.contentWindow) return;
  if (event.data?.subject === "org.imsglobal.lti.close") location.assign(frame.dataset.then);
});
