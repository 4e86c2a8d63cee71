"use strict";

// Draws the curves of the chosen lines, one row of panels for each loop, and shows their words, strips and numbers. The
// choice is kept in the address: lines with commas between them, a loop before them where a link leads to one, "-" where
// nothing is chosen. Of very many lines the page holds the usual ones; the others wait in scripts, a few dozen in each, which
// are read when a line of theirs is chosen.

const PANEL_HEIGHT = 210;
const TIP_AWAY = 10; // pixels from a point to what is read of it
const DOTTED = "1 4";
const DASHES = ["none", "7 4", "10 3 2 3", "14 5", "4 3", "12 3 2 3 2 3"]; // none of them like the dotted floor
const SYMBOLS = ["circle", "square", "triangle", "diamond", "star", "wye", "cross"]; // one beside each colour: never colour alone
const COLOURS = SYMBOLS.length; // in the stylesheet
const NOTHING_CHOSEN = "-";
const MOST_DOTS = 12; // more generations than this would run together and hide the dashes

const data = JSON.parse(document.getElementById("chart-data").textContent);
const boxes = [...document.querySelectorAll("#lines input")];
const labels = new Map(data.lines.map(({ line, label }) => [line, label]));
const partOf = new Map(data.lines.filter(({ part }) => part !== null).map(({ line, part }) => [line, part]));
const parts = new Map(); // those that were asked for, and whether they are there

/** The style of the i-th line of a chart. */
function nthStyle(i) {
  const colour = i % COLOURS;
  const round = Math.floor(i / COLOURS);
  const shift = Math.floor(round / DASHES.length); // once the dashes are used up, each colour has the next one's symbol
  return {
    colour: `var(--series-${colour + 1})`,
    symbol: SYMBOLS[(colour + shift) % COLOURS],
    dash: DASHES[round % DASHES.length],
  };
}

// Each line has one style, whatever else is chosen; the usual ones come first and so differ in their colours.
const ordered = [...data.lines.filter(({ first }) => first), ...data.lines.filter(({ first }) => !first)];
const styles = new Map(ordered.map(({ line }, i) => [line, nthStyle(i)]));

// The plain loop of every track, laid over each other in the first row of charts.
const plainLoops = data.tracks
  .map((track) => ({ track, line: track.lines.find(({ line }) => line === track.plain) }))
  .filter(({ line }) => line)
  .map((plain, i) => ({ ...plain, style: nthStyle(i) }));

/** What a part brings of each loop: its lines, and what is said and shown of them; each part calls this. */
function addLines(part, tracks) {
  for (const track of data.tracks) {
    const { lines, standings, strips } = tracks[track.key];
    const section = document.getElementById(`track-${track.key}`);
    track.lines.push(...lines);
    section.querySelector(".standings").insertAdjacentHTML("beforeend", standings);
    section.querySelector(".strips")?.insertAdjacentHTML("beforeend", strips);
  }
}

/** Read a part; what cannot be read is said. */
function readPart(part) {
  return new Promise((done) => {
    const script = document.createElement("script");
    script.onload = done;
    script.onerror = () => { document.querySelector(".unread").hidden = false; done(); };
    script.src = `../curves/${data.key}-${part}.js`;
    document.head.append(script);
  });
}

/** The promise of all parts that some lines are in; nothing where the page has all of them. */
function waitFor(lines) {
  const wanted = new Set([...lines].filter((line) => partOf.has(line)).map((line) => partOf.get(line)));
  const missing = [...wanted].filter((part) => !parts.get(part)?.there);
  if (!missing.length) return null;
  return Promise.all(missing.map((part) => {
    if (!parts.has(part)) {
      const asked = { there: false };
      asked.read = readPart(part).then(() => { asked.there = true; });
      parts.set(part, asked);
    }
    return parts.get(part).read;
  }));
}

/** The lines that are chosen. */
function chosenLines() {
  return new Set(boxes.filter((box) => box.checked).map((box) => box.value));
}

/** What is drawn of a line of a track: its name, its style and its points of this metric, flat, as Plot wants them. */
function drawnLine({ seeds, curves }, metric, name, style) {
  const points = (curves[metric.key] ?? []).map(([mean, low, high], i) => (
    { name, style, seeds, generation: i + 1, mean, low, high }
  ));
  return { style, seeds, points };
}

/** What the tip says about a point: the value, and its interval where there are several seeds. */
function describe(point, metric) {
  const show = (value) => value.toFixed(metric.decimals);
  const interval = point.seeds > 1 ? `\n${show(point.low)} to ${show(point.high)}, ${point.seeds} seeds` : "";
  return `${point.name}\ngeneration ${point.generation}: ${metric.title} ${show(point.mean)}${interval}`;
}

/** Whole generations, as many as there is room for. */
function generationTicks(last, width) {
  const room = Math.floor(width / 36);
  return last <= room ? d3.range(1, last + 1) : d3.ticks(1, last, room).filter(Number.isInteger);
}

/** A chart of lines from `drawnLine`, of the track or tracks that the caption names. */
function drawPanel(caption, lines, last, metric, width) {
  const drawn = lines.filter(({ points }) => points.length);
  const points = drawn.flatMap((line) => line.points);
  const floor = data.floor[metric.key];
  const top = metric.bounded ? 1 : d3.max([...points.map((point) => point.high), floor]) || 1;
  const place = { x: "generation", y: "mean" };

  const plot = Plot.plot({
    width,
    height: PANEL_HEIGHT,
    marginLeft: 40,
    marginBottom: 36,
    marginRight: 10,
    marginTop: 12,
    color: { type: "identity" },
    ariaLabel: spoken(caption, drawn, metric),
    x: { domain: last > 1 ? [1, last] : [0.5, 1.5], inset: 6 },
    y: { domain: [0, top], nice: metric.bounded ? false : 5, label: null },
    marks: [
      Plot.gridY({ ticks: 5, stroke: "var(--line)", strokeOpacity: 1 }),
      Plot.axisX(generationTicks(last, width), {
        tickFormat: "d", tickSize: 0, label: "generation", labelAnchor: "center", labelArrow: "none",
      }),
      Plot.axisY({ ticks: 5, tickSize: 0, label: null, ...(top >= 10000 && { tickFormat: "~s" }) }),
      Plot.ruleY([floor], {
        stroke: "var(--text)", strokeWidth: 1.5, strokeLinecap: "round", strokeDasharray: DOTTED,
      }),
      drawn.filter(({ seeds }) => seeds > 1).map((line) =>
        Plot.areaY(line.points, {
          x: "generation", y1: "low", y2: "high", fill: line.style.colour, fillOpacity: 0.15,
        }),
      ),
      drawn.map((line) =>
        Plot.line(line.points, {
          ...place, stroke: line.style.colour, strokeWidth: 2, strokeDasharray: line.style.dash,
        }),
      ),
      last <= MOST_DOTS
        ? drawn.map((line) => Plot.dot(line.points, { ...place, fill: line.style.colour, symbol: line.style.symbol, r: 3 }))
        : null,
      Plot.dot(points, Plot.pointer({ ...place, r: 5.5, stroke: "currentColor", strokeWidth: 1.5 })),
    ],
  });
  // One picture with one text. The pointer draws its groups anew, each time with their names.
  plot.setAttribute("role", "img");
  unname(plot);
  new MutationObserver(() => unname(plot)).observe(plot, { childList: true });
  return plot;
}

/** What the pointer reads of a chart, beside the point that it is near and within the chart's width. */
function addTip(element, plot, metric) {
  const tip = d3.create("div").attr("class", "tip").attr("aria-hidden", "true").attr("hidden", "").node();
  element.append(tip);
  plot.addEventListener("input", () => {
    const point = plot.value;
    tip.hidden = !point;
    if (!point) return;
    tip.textContent = describe(point, metric);
    const [x, y] = [plot.scale("x").apply(point.generation), plot.scale("y").apply(point.mean)];
    tip.style.left = `${Math.max(0, Math.min(x - tip.offsetWidth / 2, element.clientWidth - tip.offsetWidth))}px`;
    tip.style.top = `${y > PANEL_HEIGHT / 2 ? y - tip.offsetHeight - TIP_AWAY : y + TIP_AWAY}px`;
  });
}

/** What the groups of a chart are called is for nobody, as a group without a role may not be named. */
function unname(plot) {
  for (const group of plot.querySelectorAll("g[aria-label]")) {
    group.dataset.mark = group.getAttribute("aria-label");
    group.removeAttribute("aria-label");
  }
}

/** A chart in words: from where to where each line goes. */
function spoken(caption, drawn, metric) {
  const ends = drawn.map(({ points }) => {
    const [first, last] = [points[0], points[points.length - 1]].map((point) => point.mean.toFixed(metric.decimals));
    return `${points[0].name} from ${first} to ${last}`;
  });
  return `${caption}: ${metric.title} against generation. ${ends.join("; ") || "No line"}. All numbers are in the table below.`;
}

/** The sample of a line's colour, dash and dots that stands wherever the line is named. */
function key({ colour, dash, symbol }) {
  const svg = d3.create("svg").attr("class", "swatch").attr("viewBox", "0 0 24 8").attr("aria-hidden", "true");
  svg.append("path").attr("d", "M0 4H24").attr("style", `stroke: ${colour}; stroke-dasharray: ${dash}`);
  const shape = d3[`symbol${symbol[0].toUpperCase()}${symbol.slice(1)}`];
  svg.append("path").attr("d", d3.symbol(shape, 26)()).attr("transform", "translate(12 4)")
    .attr("style", `fill: ${colour}; stroke: none`);
  return svg.node();
}

/** A table of the numbers of some lines of what the caption names: a row for each generation, a column for each line. */
function numbersTable(caption, metric, lines) {
  const show = (value) => value.toFixed(metric.decimals);
  const box = d3.create("div").attr("class", "scroll").attr("role", "region").attr("tabindex", 0)
    .attr("aria-label", `${caption}: ${metric.title} in each generation`);
  const table = box.append("table");
  table.append("caption").text(`${metric.title}, ${metric.hint}`);
  const head = table.append("thead").append("tr");
  head.append("th").attr("scope", "col").attr("class", "number").text("Generation");
  for (const { points } of lines) head.append("th").attr("scope", "col").attr("class", "number").text(points[0].name);
  const body = table.append("tbody");
  for (const i of d3.range(d3.max(lines, ({ points }) => points.length))) {
    const row = body.append("tr");
    row.append("th").attr("scope", "row").attr("class", "number").text(i + 1);
    for (const { points, seeds } of lines) {
      const cell = row.append("td").attr("class", "number");
      if (!points[i]) continue;
      cell.append("span").text(show(points[i].mean));
      if (seeds > 1) cell.append("small").text(`${show(points[i].low)} to ${show(points[i].high)}`);
    }
  }
  const floor = data.floor[metric.key];
  if (floor !== null && floor !== undefined) {
    const row = table.append("tfoot").append("tr");
    row.append("th").attr("scope", "row").text("real");
    row.append("td").attr("class", "number").attr("colspan", lines.length).text(show(floor));
  }
  return box.node();
}

const widths = new Map();
const generations = (track) => track.generations;

/** What is drawn of a metric in a loop, or of the plain loops where there is none. */
function linesOf(track, metric, chosen) {
  if (!track) return plainLoops.map(({ track: { label }, line, style }) => drawnLine(line, metric, label, style));
  return track.lines.filter(({ line }) => chosen.has(line))
    .map((line) => drawnLine(line, metric, labels.get(line.line), styles.get(line.line)));
}

const trackOf = (element) => data.tracks.find((candidate) => candidate.key === element.dataset.track);
const captionOf = (track) => (track ? track.label : "the plain loops");

function drawPlot(element, chosen) {
  const metric = data.metrics.find((candidate) => candidate.key === element.dataset.metric);
  const track = trackOf(element);
  widths.set(element, element.clientWidth);
  const last = track ? generations(track) : d3.max(plainLoops, (plain) => generations(plain.track));
  const plot = drawPanel(captionOf(track), linesOf(track, metric, chosen), last, metric, element.clientWidth);
  element.replaceChildren(plot);
  addTip(element, plot, metric);
}

/** Fill the tables of a box that is open; the others wait until somebody opens them. */
function fillNumbers(box, chosen) {
  if (!box.open) return;
  const track = trackOf(box);
  const tables = data.metrics.map((metric) => {
    const lines = linesOf(track, metric, chosen).filter(({ points }) => points.length);
    return lines.length ? numbersTable(captionOf(track), metric, lines) : "";
  });
  box.querySelector("div").replaceChildren(...tables);
}

const numbers = [...document.querySelectorAll(".numbers")];

function draw() {
  const chosen = chosenLines();
  const waiting = waitFor(chosen);
  if (waiting) { waiting.then(draw); return; }
  for (const element of document.querySelectorAll(".key[data-line]")) {
    element.replaceChildren(...(chosen.has(element.dataset.line) ? [key(styles.get(element.dataset.line))] : []));
  }
  for (const part of document.querySelectorAll(".strip, .standings li")) part.hidden = !chosen.has(part.dataset.line);
  for (const track of data.tracks) {
    const section = document.getElementById(`track-${track.key}`);
    const empty = !track.lines.some(({ line }) => chosen.has(line));
    section.classList.toggle("empty", empty && chosen.size > 0);
    section.classList.toggle("unchosen", chosen.size === 0);
    if (!empty) section.querySelectorAll(".plot").forEach((element) => drawPlot(element, chosen));
  }
  for (const box of numbers) fillNumbers(box, chosen);
}

/** Tick the lines that the address names, the usual ones where it names none, and go to the loop that it names. */
function chooseFromAddress() {
  const words = decodeURIComponent(location.hash.slice(1)).split(",");
  const wanted = words.filter((line) => labels.has(line));
  const usual = data.lines.filter(({ first }) => first).map(({ line }) => line);
  const chosen = new Set(wanted.length || words.includes(NOTHING_CHOSEN) ? wanted : usual);
  for (const box of boxes) box.checked = chosen.has(box.value);
  draw();
  if (wanted.length && words[0].startsWith("track-")) document.getElementById(words[0])?.scrollIntoView();
}

function choose() {
  const chosen = [...chosenLines()];
  history.replaceState(null, "", `#${chosen.join(",") || NOTHING_CHOSEN}`);
  draw();
}

/** Leave only these lines ticked. */
function tickOnly(wanted) {
  for (const box of boxes) box.checked = wanted(box.value);
  choose();
}

document.getElementById("lines").addEventListener("change", choose);
document.getElementById("clear").addEventListener("click", () => tickOnly(() => false));
document.getElementById("usual").addEventListener("click", () => {
  tickOnly((value) => data.lines.some(({ line, first }) => first && line === value));
});
document.getElementById("find-line").addEventListener("input", ({ target }) => {
  const text = target.value.toLowerCase();
  const items = [...document.querySelectorAll("#lines li")];
  for (const item of items) item.hidden = !item.dataset.text.includes(text);
  document.querySelector(".no-hits").hidden = items.some((item) => !item.hidden);
});
for (const box of numbers) box.addEventListener("toggle", () => fillNumbers(box, chosenLines()));
window.addEventListener("hashchange", () => {
  // A link to a loop of this page chooses nothing.
  if (!/^#track-[^,]*$/.test(location.hash) && location.hash !== "#loops") chooseFromAddress();
});

for (const { track, style } of plainLoops) {
  document.querySelector(`#loops [data-track-key="${track.key}"]`)?.replaceChildren(key(style));
}

// Drawn at once, so that no frame shows an empty page, and again whenever a width changes.
chooseFromAddress();
document.querySelectorAll("#loops .plot").forEach((element) => drawPlot(element));
const observer = new ResizeObserver((entries) => {
  const chosen = chosenLines();
  for (const { target } of entries) {
    if (target.clientWidth && widths.get(target) !== target.clientWidth) drawPlot(target, chosen);
  }
});
document.querySelectorAll(".plot").forEach((element) => observer.observe(element));
