"use strict";
// The switches work without leaving the page, so that the tool's frame keeps what it shows.
document.addEventListener("submit", async (event) => {
  const box = event.target.closest("#faults");
  if (!box) return;
  event.preventDefault();
  const { name, value } = event.submitter;
  for (const button of box.querySelectorAll("button")) button.disabled = true;
  const answer = await fetch(event.target.action, { method: "POST", body: new URLSearchParams({ [name]: value }) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("faults") || new DOMParser().parseFromString(await (await fetch(event.target.action)).text(), "text/html").getElementById("faults");
  box.replaceWith(document.adoptNode(fresh));
  fresh.querySelector("button").focus();
  document.getElementById("faults-said").textContent = [...fresh.querySelectorAll(".fault, .help")].map((one) => one.textContent.trim()).join(" ");
});
