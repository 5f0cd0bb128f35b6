"use strict";
// The switches work without leaving the page, so that the tool's frame keeps what it shows.
document.addEventListener("submit", async (event) => {
  const box = event.target.closest("#faults");
  if (!box) return;
  event.preventDefault();
  const { name, value } = event.submitter;
  const row = [...box.querySelectorAll(".row")].indexOf(event.submitter.closest(".row"));
  for (const button of box.querySelectorAll("button")) button.disabled = true;
  await fetch(event.target.action, { method: "POST", body: new URLSearchParams({ [name]: value }) });
  const now = await fetch(event.target.action); // also after a button that came too late
  const fresh = new DOMParser().parseFromString(await now.text(), "text/html").getElementById("faults");
  box.replaceWith(document.adoptNode(fresh));
  fresh.querySelectorAll(".row")[row].querySelector("button").focus();
  document.getElementById("faults-said").textContent = [...fresh.querySelectorAll(".fault, .help")].map((one) => one.textContent.trim()).join(" ");
});
