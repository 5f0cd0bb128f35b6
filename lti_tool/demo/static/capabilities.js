"use strict";
// What the page around the tool can do, told to the tool's frames alone: https://www.imsglobal.org/spec/lti-cs-pm/v0p1
(() => {
  const frames = [...document.querySelectorAll("iframe[data-tool-origin]")];
  const storage = document.querySelector("iframe[name=lti_storage]");
  const kept = storage ? ["lti.put_data", "lti.get_data"].map((subject) => ({ subject, frame: storage.name })) : [];
  const grown = ["lti.frameResize", "lti.scrollToTop"].map((subject) => ({ subject }));
  const resize = (frame) => (["moodle", "phone", "both"].includes(frame.dataset.frame) ? [] : grown);

  window.addEventListener("message", (event) => {
    const tool = frames.find((frame) => frame.contentWindow === event.source);
    if (!tool || event.origin !== tool.dataset.toolOrigin || event.data?.subject !== "lti.capabilities") return;
    const able = [{ subject: "lti.capabilities" }, ...resize(tool), ...kept];
    const answer = { subject: "lti.capabilities.response", message_id: event.data.message_id, supported_messages: able };
    event.source.postMessage(answer, event.origin);
  });
})();
