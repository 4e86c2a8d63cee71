"use strict";

// Sorts, filters and pages the tables of rows with List.js. Without JavaScript the tables are complete as they stand.

const SEARCHED = ["method", "params", "loop", "generator", "pool"]; // in "self-reported" everybody would be found
const TEXTS = [...SEARCHED, "trust"];
const NUMBERS = ["rank", "ratio", "fid", "precision", "recall", "dprecision", "drecall", "trend", "cost", "seeds"];
const ROWS_PER_PAGE = 100;

/** The order of two rows by a column; what has no value comes last either way. */
function compare(a, b, { valueName, order }) {
  if (!NUMBERS.includes(valueName)) return d3.ascending(a.values()[valueName], b.values()[valueName]);
  const [x, y] = [a, b].map((item) => item.values()[valueName]).map((text) => (text === "" ? NaN : Number(text)));
  // List.js turns the sign for descending order; a missing value must not be turned.
  if (Number.isNaN(x) || Number.isNaN(y)) return (Number.isNaN(x) - Number.isNaN(y)) * (order === "desc" ? -1 : 1);
  return d3.ascending(x, y);
}

function enhance(section) {
  const form = section.querySelector("form.filters");
  const find = form.querySelector("input[type=search]");
  const filters = [...form.querySelectorAll("[data-filter]")];
  const list = new List(section, {
    valueNames: [{ data: [...TEXTS, ...NUMBERS, "state"] }],
    searchColumns: SEARCHED,
    sortFunction: compare,
    page: ROWS_PER_PAGE,
    pagination: [{ innerWindow: 2, outerWindow: 1, item: "<li><button type='button' class='page'></button></li>" }],
  });
  const count = section.querySelector(".count");

  const say = () => {
    count.textContent = list.matchingItems.length === list.items.length
      ? `${list.items.length} rows` : `${list.matchingItems.length} of ${list.items.length} rows`;
    section.querySelector(".pagination").hidden = list.matchingItems.length <= ROWS_PER_PAGE;
  };
  const search = () => list.search(find.value);
  const filter = () => {
    list.filter((item) => filters.every((input) => {
      if (input.type === "checkbox") return !input.checked || item.values().state === "ranked";
      return input.value === "" || item.values()[input.dataset.filter] === input.value;
    }));
  };
  const markSorted = () => {
    for (const button of section.querySelectorAll("button.sort")) {
      const order = button.classList.contains("asc") ? "ascending" : button.classList.contains("desc") ? "descending" : "none";
      button.closest("th").setAttribute("aria-sort", order);
    }
  };

  // List.js itself listens to keys only, and misses what is pasted.
  find.addEventListener("input", search);
  filters.forEach((input) => input.addEventListener("change", filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.querySelector("button.reset").addEventListener("click", () => { form.reset(); search(); filter(); });
  list.on("updated", say);
  list.on("sortComplete", markSorted);
  say();
  // A browser that comes back to the page fills the fields in again.
  window.addEventListener("pageshow", () => { if (find.value) search(); filter(); });
}

for (const section of document.querySelectorAll("section.results[id]")) {
  if (section.querySelector("tbody.list")) enhance(section);
}
