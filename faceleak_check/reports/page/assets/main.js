// Brings the page to life.

document.documentElement.classList.add("js");

// Where rows are shown as cards, browsers no longer take a table for one.
const ROLES = { THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };
for (const table of document.querySelectorAll("table.stack")) {
  table.setAttribute("role", "table");
  for (const part of table.querySelectorAll("thead, tbody, tr, td, th")) {
    const ofTitle = part.closest("thead") ? "columnheader" : "rowheader";
    part.setAttribute("role", ROLES[part.tagName] ?? ofTitle);
  }
}

const pictures = JSON.parse(document.getElementById("pictures").textContent);
for (const section of document.querySelectorAll("[data-review]")) {
  if (!section.querySelector("form")) continue;
  const marks = new Marks(document.body.dataset.evidence, section.dataset.review);
  new Review(section, marks);
  for (const table of document.querySelectorAll(`[data-pairs][data-policy="${section.dataset.review}"]`)) {
    new PairTable(table, marks, pictures);
  }
}
