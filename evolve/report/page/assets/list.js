"use strict";
// The list of runs: found by words, sorted by a column.

const body = document.getElementById("runs");
let by = "started", down = true;

function arrange() {
  if (!body) return;
  const words = document.getElementById("words").value.toLowerCase();
  const rows = [...body.rows];
  const value = (row) => (isNaN(Number(row.dataset[by])) ? row.dataset[by] : Number(row.dataset[by]));
  rows.sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (down ? -1 : 1));
  let count = 0;
  for (const row of rows) {
    row.hidden = words !== "" && !`${row.dataset.name} ${row.dataset.problem} ${row.dataset.status}`.toLowerCase().includes(words);
    count += !row.hidden;
    body.append(row);
  }
  document.getElementById("count").textContent = `${count} of ${rows.length} runs`;
}

if (body) {
  document.getElementById("words").addEventListener("input", arrange);
  for (const button of document.querySelectorAll("button[data-sort]"))
    button.addEventListener("click", () => {
      down = by === button.dataset.sort ? !down : true;
      by = button.dataset.sort;
      arrange();
    });
  arrange();
}
document.body.dataset.ready = "1";
