// Printing, where there is a script to ask for it.
const print = document.getElementById("print");
print.hidden = false;
print.addEventListener("click", () => window.print());
