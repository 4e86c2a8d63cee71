"use strict";

// Draws the curves of the chosen lines, one row of panels for each loop, and shows their strips. The choice is kept in the
// address.

const PANEL_HEIGHT = 210;
const DOTTED = "1 4";
const DASHES = ["none", "7 4", "10 3 2 3"]; // none of them like the dotted floor
const COLOURS = 7; // in the stylesheet
const MOST_DOTS = 12; // more generations than this would run together and hide the dashes

const data = JSON.parse(document.getElementById("chart-data").textContent);
const boxes = [...document.querySelectorAll("#lines input")];
const labels = new Map(data.lines.map(({ line, label }) => [line, label]));

/** The style of the i-th line of a chart. */
function nthStyle(i) {
  return { colour: `var(--series-${(i % COLOURS) + 1})`, dash: DASHES[Math.floor(i / COLOURS) % DASHES.length] };
}

// The plain loop of every track, laid over each other in the first row of charts.
const plainLoops = data.tracks
  .map((track) => ({ track, line: track.lines.find(({ line }) => line === track.plain) }))
  .filter(({ line }) => line)
  .map((plain, i) => ({ ...plain, style: nthStyle(i) }));

/** What is chosen, with its style: the plain loop always looks the same, the others in the order of the list. */
function chosenStyles() {
  const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
  return new Map(chosen.map((line, i) => [line, nthStyle(i)]));
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

  return Plot.plot({
    width,
    height: PANEL_HEIGHT,
    marginLeft: 40,
    marginBottom: 36,
    marginRight: 10,
    marginTop: 12,
    color: { type: "identity" },
    ariaLabel: `${caption}: ${metric.title} against generation`,
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
      last <= MOST_DOTS ? Plot.dot(points, { ...place, fill: (point) => point.style.colour, r: 2.5 }) : null,
      Plot.dot(points, Plot.pointer({ ...place, r: 5.5, stroke: "currentColor", strokeWidth: 1.5 })),
      Plot.tip(points, Plot.pointer({
        ...place, title: (point) => describe(point, metric), lineWidth: 22, lineHeight: 1.3, fill: "var(--page)",
        stroke: "var(--muted)",
      })),
    ],
  });
}

/** The sample of a line's colour and dash that stands wherever the line is named. */
function key({ colour, dash }) {
  const svg = d3.create("svg").attr("class", "swatch").attr("viewBox", "0 0 24 8").attr("aria-hidden", "true");
  svg.append("path").attr("d", "M0 4H24").attr("style", `stroke: ${colour}; stroke-dasharray: ${dash}`);
  return svg.node();
}

const widths = new Map();
const generations = (track) => track.lines[0].curves.fid.length;

function drawPlot(element, styles) {
  const metric = data.metrics.find((candidate) => candidate.key === element.dataset.metric);
  const track = data.tracks.find((candidate) => candidate.key === element.dataset.track);
  widths.set(element, element.clientWidth);
  const panel = track === undefined
    ? drawPanel("the plain loops", plainLoops.map(({ track: { label }, line, style }) =>
      drawnLine(line, metric, label, style)), d3.max(plainLoops, (plain) => generations(plain.track)), metric,
    element.clientWidth)
    : drawPanel(track.label, track.lines.filter(({ line }) => styles.has(line)).map((line) =>
      drawnLine(line, metric, labels.get(line.line), styles.get(line.line))), generations(track), metric,
    element.clientWidth);
  element.replaceChildren(panel);
}

function draw() {
  const styles = chosenStyles();
  for (const element of document.querySelectorAll(".key[data-line]")) {
    const style = styles.get(element.dataset.line);
    element.replaceChildren(...(style ? [key(style)] : []));
  }
  for (const strip of document.querySelectorAll(".strip")) strip.hidden = !styles.has(strip.dataset.line);
  for (const track of data.tracks) {
    const section = document.getElementById(`track-${track.key}`);
    const empty = !track.lines.some(({ line }) => styles.has(line));
    section.classList.toggle("empty", empty);
    if (!empty) section.querySelectorAll(".plot").forEach((element) => drawPlot(element, styles));
  }
}

/** Tick the lines that the address names; the first ones where it names none. */
function chooseFromAddress() {
  const wanted = decodeURIComponent(location.hash.slice(1)).split(",").filter((line) => labels.has(line));
  const chosen = new Set(wanted.length ? wanted : data.lines.filter(({ first }) => first).map(({ line }) => line));
  for (const box of boxes) box.checked = chosen.has(box.value);
  draw();
}

function choose() {
  const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
  history.replaceState(null, "", `#${chosen.join(",")}`);
  draw();
}

document.getElementById("lines").addEventListener("change", choose);
document.getElementById("clear").addEventListener("click", () => {
  boxes.forEach((box) => { box.checked = false; });
  choose();
});
document.getElementById("find-line").addEventListener("input", ({ target }) => {
  const text = target.value.toLowerCase();
  for (const item of document.querySelectorAll("#lines li")) item.hidden = !item.dataset.text.includes(text);
});
window.addEventListener("hashchange", () => {
  if (!location.hash.startsWith("#track-")) chooseFromAddress(); // a link to a track chooses nothing
});

for (const { track, style } of plainLoops) {
  document.querySelector(`#loops [data-track-key="${track.key}"]`)?.replaceChildren(key(style));
}

// Drawn at once, so that no frame shows an empty page, and again whenever a width changes.
chooseFromAddress();
document.querySelectorAll("#loops .plot").forEach((element) => drawPlot(element));
const observer = new ResizeObserver((entries) => {
  const styles = chosenStyles();
  for (const { target } of entries) {
    if (target.clientWidth && widths.get(target) !== target.clientWidth) drawPlot(target, styles);
  }
});
document.querySelectorAll(".plot").forEach((element) => observer.observe(element));
