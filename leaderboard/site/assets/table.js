"use strict";

// Filters and sorts all tables of rows at once, and keeps what is chosen in the address: ?find=neon&sort=-recall. Without
// JavaScript the tables are complete as they stand.

const FIRST_ROWS = 100; // of a table; the others wait for a button
const SORT_WORDS = ["method", "uses"];

const form = document.querySelector("form.filters");
const fields = form ? [...form.elements].filter((field) => field.name) : [];
const tables = [...document.querySelectorAll("section.loop-of")].map((section) => ({
  section,
  body: section.querySelector("tbody"),
  rows: [...section.querySelectorAll("tbody tr")],
  whole: false, // whether more than the first rows were asked for
}));
const nRows = tables.reduce((sum, { rows }) => sum + rows.length, 0);

/** The order of two rows by a column; what has no value comes last either way. */
function compare(key, down) {
  if (SORT_WORDS.includes(key)) return (a, b) => (down ? -1 : 1) * a.dataset[key].localeCompare(b.dataset[key], "en");
  return (a, b) => {
    const [x, y] = [a, b].map((row) => row.dataset[key]);
    if (x === "" || y === "") return (x === "") - (y === "");
    return (down ? -1 : 1) * (x - y);
  };
}

/** Whether a row is among those that the fields ask for. */
function fits(row, wanted) {
  return wanted.every(({ name, value }) => {
    if (name === "find") return value.toLowerCase().split(/\s+/).every((word) => row.dataset.find.includes(word));
    if (name === "ranked") return row.dataset.state === "ranked";
    if (name === "marks" && value === "none") return row.dataset.marks === "" && row.dataset.state !== "plain";
    return row.dataset[name].split("; ").includes(value);
  });
}

/** The fields that ask for something, but for the order. */
function chosen() {
  return fields.map(({ name, type, checked, value }) => ({ name, value: type === "checkbox" ? (checked ? "1" : "") : value.trim() }))
    .filter(({ name, value }) => value && name !== "sort");
}

function markSorted(key, down) {
  for (const button of document.querySelectorAll("button[data-sort]")) {
    const sorted = button.dataset.sort === key ? (down ? "descending" : "ascending") : "none";
    button.closest("th").setAttribute("aria-sort", sorted);
  }
}

/** Show what the fields ask for, in every table. */
function show() {
  const wanted = chosen();
  const sort = form.elements.sort.value;
  const [key, down] = [sort.replace("-", ""), sort.startsWith("-")];
  let n = 0;
  for (const table of tables) {
    const found = table.rows.filter((row) => fits(row, wanted));
    if (key) found.sort(compare(key, down));
    const late = table.whole ? found.length : FIRST_ROWS;
    found.forEach((row, i) => row.classList.toggle("later", i >= late));
    table.body.replaceChildren(...found);
    table.section.querySelector(".scroll").hidden = !found.length;
    table.section.querySelector(".no-row").hidden = found.length > 0;
    table.section.querySelector(".rest").hidden = found.length <= late;
    n += found.length;
  }
  markSorted(key, down);
  form.querySelector(".count").textContent = n === nRows ? `${n} rows` : n ? `${n} of ${nRows} rows`
    : "No row fits: take a filter away, or show all.";
}

/** Write what is chosen into the address. */
function keep() {
  const query = new URLSearchParams(chosen().map(({ name, value }) => [name, value]));
  if (form.elements.sort.value) query.set("sort", form.elements.sort.value);
  const text = query.toString();
  history.replaceState(null, "", `${location.pathname}${text && `?${text}`}${location.hash}`);
}

/** Fill the fields in as the address says; what a field does not offer is passed over. */
function readAddress() {
  const query = new URLSearchParams(location.search);
  for (const field of fields) {
    const value = query.get(field.name) ?? "";
    if (field.type === "checkbox") field.checked = value === "1";
    else if (field.name === "sort") chooseOrder(value);
    else if (field.tagName !== "SELECT" || [...field.options].some((option) => option.value === value)) field.value = value;
  }
}

/** Set the order; the field gets an entry for the way round that it does not offer. */
function chooseOrder(value) {
  const { sort } = form.elements;
  const button = document.querySelector(`button[data-sort="${CSS.escape(value.replace("-", ""))}"]`);
  if (value && !button) return;
  if (![...sort.options].some((option) => option.value === value)) {
    sort.append(new Option(`${button.textContent}, the other way round`, value));
  }
  sort.value = value;
}

function change() {
  keep();
  show();
}

/** Show the row that the address names, whatever the filters say. */
function goToRow() {
  const row = tables.flatMap(({ rows }) => rows).find(({ id }) => id && `#${id}` === location.hash);
  if (!row || (row.isConnected && !row.classList.contains("later"))) return;
  if (!row.isConnected) { form.reset(); keep(); }
  const table = tables.find(({ rows }) => rows.includes(row));
  table.whole = true;
  show();
  location.replace(location.hash);
}

if (form && tables.length) {
  form.hidden = false;
  readAddress();
  show();
  goToRow();
  form.addEventListener("input", change);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.querySelector("button.reset").addEventListener("click", () => {
    form.reset();
    chooseOrder("");
    change();
  });
  for (const button of document.querySelectorAll("button[data-sort]")) {
    button.addEventListener("click", () => {
      const { sort: key, best } = button.dataset;
      const first = best === "descending" ? `-${key}` : key; // the best first
      const now = form.elements.sort.value;
      chooseOrder(now === first ? (first === key ? `-${key}` : key) : first);
      change();
    });
  }
  for (const table of tables) {
    table.section.querySelector(".show-rest").addEventListener("click", () => { table.whole = true; show(); });
  }
  window.addEventListener("hashchange", goToRow);
  // A browser that comes back to the page fills the fields in by itself: the address has the last word.
  window.addEventListener("pageshow", () => { readAddress(); show(); });
}
