// Searching as one types; without this the search button asks the server.
const search = document.getElementById("q");
if (search) {
  const rows = [...document.querySelectorAll(".choice[data-says]")];
  const none = document.getElementById("none");
  document.querySelector("button[data-plain]").hidden = rows.length > 0;
  const narrow = () => {
    const asked = search.value.trim().toLocaleLowerCase();
    let shown = 0;
    for (const row of rows) {
      const kept = row.dataset.says.toLocaleLowerCase().includes(asked) || row.querySelector(":checked") !== null;
      row.hidden = !kept;
      shown += kept;
    }
    none.hidden = shown > 0 || rows.length === 0;
  };
  search.addEventListener("input", narrow);
  search.form.addEventListener("submit", (event) => {
    if (rows.length > 0) event.preventDefault();
  });
}
