"use strict";
// What the page around the tool can do, told to the tool's frame alone: https://www.imsglobal.org/spec/lti-cs-pm/v0p1
(() => {
  const tool = document.getElementById("contentframe");
  if (!tool) return;
  const storage = document.querySelector("iframe[name=lti_storage]");
  const kept = storage ? ["lti.put_data", "lti.get_data"].map((subject) => ({ subject, frame: storage.name })) : [];
  const able = [{ subject: "lti.capabilities" }, { subject: "lti.frameResize" }, ...kept];

  window.addEventListener("message", (event) => {
    if (event.origin !== tool.dataset.toolOrigin || event.source !== tool.contentWindow) return;
    if (event.data?.subject !== "lti.capabilities") return;
    const answer = { subject: "lti.capabilities.response", message_id: event.data.message_id, supported_messages: able };
    event.source.postMessage(answer, event.origin);
  });
})();
