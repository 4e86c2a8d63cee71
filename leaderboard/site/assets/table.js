"use strict";

// Filters and sorts all tables of rows at once, and keeps what is chosen in the address: ?find=neon&sort=-recall. Without
// JavaScript the tables are complete as they stand, but for those of very many rows: what the page does not hold of them
// waits in a script for each loop, which is read when somebody filters, sorts or asks for the rest.

const FIRST_ROWS = 100; // of a table; the others wait for a button
const SORT_WORDS = ["method", "uses"];

const form = document.querySelector("form.filters");
const fields = form ? [...form.elements].filter((field) => field.name) : [];
const tables = [...document.querySelectorAll("section.loop-of")].map((section) => ({
  section,
  body: section.querySelector("tbody"),
  rows: [...section.querySelectorAll("tbody tr")],
  whole: false, // whether more than the first rows were asked for
  rest: section.dataset.rest, // where its other rows wait; nothing where it has all of them
}));
const nRows = tables.reduce((sum, { section }) => sum + Number(section.dataset.rows), 0);

/** The rows that a loop's script brings; each calls this. */
function addRows(loop, html) {
  const table = tables.find(({ section }) => section.id === loop);
  const template = document.createElement("template");
  template.innerHTML = `<table><tbody>${html}</tbody></table>`;
  table.rows.push(...template.content.querySelectorAll("tbody > tr"));
}

/** Read what a loop has left; what cannot be read is said, and not asked for again. */
function readRest(table) {
  const { rest } = table;
  table.rest = undefined;
  return new Promise((done) => {
    const script = document.createElement("script");
    script.onload = done;
    script.onerror = () => { table.section.querySelector(".unread").hidden = false; done(); };
    script.src = rest;
    document.head.append(script);
  });
}

/** Read the rest of some loops, and go on when all of it is there. */
function read(waiting, then) {
  form.setAttribute("aria-busy", "true");
  form.querySelector(".count").textContent = "Reading the other rows…";
  Promise.all(waiting.map(readRest)).then(() => { form.setAttribute("aria-busy", "false"); then(); });
}

/** The order of two rows by a column; what has no value comes last either way. */
function compare(key, down) {
  if (SORT_WORDS.includes(key)) return (a, b) => (down ? -1 : 1) * a.dataset[key].localeCompare(b.dataset[key], "en");
  return (a, b) => {
    const [x, y] = [a, b].map((row) => row.dataset[key]);
    if (x === "" || y === "") return (x === "") - (y === "");
    return (down ? -1 : 1) * (x - y);
  };
}

/** Whether a word is in what a row is found by; names of people are found by their beginnings: "mad" is no Alemohammad. */
function says({ dataset: { find, whose } }, word) {
  return find.includes(word) || ` ${whose}`.includes(` ${word}`);
}

/** Whether a row is among those that the fields ask for. */
function fits(row, wanted) {
  return wanted.every(({ name, value }) => {
    if (name === "find") return value.toLowerCase().split(/\s+/).every((word) => says(row, word));
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
  const waiting = tables.filter(({ rest, whole }) => rest && (whole || key || wanted.length));
  if (waiting.length) { read(waiting, show); return; }
  let n = 0;
  for (const table of tables) {
    const found = table.rows.filter((row) => fits(row, wanted));
    if (key) found.sort(compare(key, down));
    const late = table.whole ? found.length : FIRST_ROWS;
    found.forEach((row, i) => row.classList.toggle("later", i >= late));
    table.body.replaceChildren(...found);
    table.section.querySelector(".scroll").hidden = !found.length;
    table.section.querySelector(".no-row").hidden = found.length > 0;
    table.section.querySelector(".rest").hidden = found.length <= late && !table.rest;
    n += table.rest ? Number(table.section.dataset.rows) : found.length;
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
  const waiting = tables.filter(({ rest }) => rest);
  if (!row && waiting.length && location.hash.startsWith("#row-")) { read(waiting, goToRow); return; }
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
