"use strict";
// lti.put_data and lti.get_data: each origin has its own values, few and short, gone with the page.
(() => {
  const MOST = 100;
  const LONGEST = 2048;
  const allowed = document.getElementById("storage").dataset.origins.split(" ");
  const kept = new Map(allowed.map((origin) => [origin, new Map()]));
  const isText = (value) => typeof value === "string" && value.length > 0 && value.length <= LONGEST;

  function perform(values, { subject, key, value }) {
    if (subject === "lti.get_data") return { key, value: values.get(key) };
    if (value === undefined || value === null) values.delete(key);
    else if (!isText(value)) return { error: { code: "bad_request", message: "value must be text of up to 2048 characters" } };
    else if (values.size >= MOST && !values.has(key)) return { error: { code: "storage_exhaustion", message: "too many values" } };
    else values.set(key, value);
    return { key, value };
  }

  function answer(origin, asked) {
    if (!["lti.put_data", "lti.get_data"].includes(asked.subject)) {
      return { error: { code: "unsupported_subject", message: "only lti.put_data and lti.get_data" } };
    }
    if (!kept.has(origin)) return { error: { code: "wrong_origin", message: "this origin is not registered here" } };
    if (!isText(asked.key)) return { error: { code: "bad_request", message: "key must be text" } };
    return perform(kept.get(origin), asked);
  }

  window.addEventListener("message", (event) => {
    const asked = event.data;
    if (!asked || typeof asked !== "object" || !isText(asked.subject) || !isText(asked.message_id) || !event.source) return;
    const head = { subject: `${asked.subject}.response`, message_id: asked.message_id };
    event.source.postMessage({ ...head, ...answer(event.origin, asked) }, event.origin);
  });
})();
