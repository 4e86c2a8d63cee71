"use strict";

// Draws a section's curves from the data in the page, and lets tables be sorted and lines be hidden. The page is
// complete without it but for the curves.

const PANEL_HEIGHT = 230;
const DOTTED = "1 4";
const MOST_DOTS = 12; // more generations than this would run together and hide the dashes

/** The points of one series that have this metric, flat, as Plot wants them. */
function pointsOf(series, metric) {
  return series.points
    .filter((point) => point[metric.key] !== null)
    .map((point) => ({ series, generation: point.generation, ...point[metric.key] }));
}

/** What the tip says about a point: the value, and the spread where there are several seeds. */
function describe(point, metric) {
  const show = (value) => value.toFixed(metric.decimals);
  const seeds = point.series.seeds.length;
  const spread = seeds > 1 ? `\n${show(point.low)} to ${show(point.high)} over ${seeds} seeds` : "";
  return `${point.series.label}\ngeneration ${point.generation}: ${metric.title} ${show(point.mean)}${spread}`;
}

/** Whole generations, as many as there is room for. */
function generationTicks(last, width) {
  const room = Math.floor(width / 36);
  return last <= room ? d3.range(1, last + 1) : d3.ticks(1, last, room).filter(Number.isInteger);
}

function drawPanel(section, metric, shown, width) {
  const points = shown.flatMap((series) => pointsOf(series, metric));
  const last = d3.max(section.series, (series) => series.points.length);
  const floor = section.floor[metric.key];
  const top = metric.bounded ? 1 : d3.max([...points.map((point) => point.high), floor]) || 1;
  const colour = (series) => `var(--series-${series.colour})`;
  const place = { x: "generation", y: "mean" };

  return Plot.plot({
    width,
    height: PANEL_HEIGHT,
    marginLeft: 40,
    marginBottom: 36,
    marginRight: 10,
    marginTop: 12,
    color: { type: "identity" },
    ariaLabel: `${metric.title} against generation`,
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
      shown
        .filter((series) => series.seeds.length > 1)
        .map((series) =>
          Plot.areaY(pointsOf(series, metric), {
            x: "generation", y1: "low", y2: "high", fill: colour(series), fillOpacity: 0.15,
          }),
        ),
      shown.map((series) =>
        Plot.line(pointsOf(series, metric), {
          ...place, stroke: colour(series), strokeWidth: 2, strokeDasharray: series.dash,
        }),
      ),
      last <= MOST_DOTS ? Plot.dot(points, { ...place, fill: (point) => colour(point.series), r: 2.5 }) : null,
      Plot.dot(points, Plot.pointer({ ...place, r: 5.5, stroke: "currentColor", strokeWidth: 1.5 })),
      Plot.tip(points, Plot.pointer({
        ...place, title: (point) => describe(point, metric), lineWidth: 22, lineHeight: 1.3, fill: "var(--page)",
        stroke: "var(--muted)",
      })),
    ],
  });
}

function drawSection(section) {
  const root = document.getElementById(section.id);
  const keys = [...root.querySelectorAll(".legend button")];
  const panels = [...root.querySelectorAll(".plot")];

  const widths = new Map();
  const draw = (panel) => {
    const metric = section.metrics.find((candidate) => candidate.key === panel.dataset.metric);
    const shown = section.series.filter((_, place) => keys[place].getAttribute("aria-pressed") === "true");
    widths.set(panel, panel.clientWidth);
    panel.replaceChildren(drawPanel(section, metric, shown, panel.clientWidth));
  };

  for (const key of keys) {
    key.addEventListener("click", () => {
      key.setAttribute("aria-pressed", String(key.getAttribute("aria-pressed") !== "true"));
      panels.forEach(draw);
    });
  }

  // Drawn at once, so that no frame shows an empty page, and again whenever a width changes.
  panels.forEach(draw);
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) if (widths.get(target) !== target.clientWidth) draw(target);
  });
  panels.forEach((panel) => observer.observe(panel));
}

/** Sort the rows of a table's body by one of its columns, the other way round if it is sorted by that already. */
function sortBy(heading) {
  const table = heading.closest("table");
  const body = table.tBodies[0];
  const ascending = heading.getAttribute("aria-sort") !== "ascending";
  const numeric = heading.classList.contains("number");

  const valueOf = (row) => {
    const cell = row.cells[heading.cellIndex];
    if (!numeric) return cell.textContent.trim();
    return cell.dataset.value === "" ? NaN : Number(cell.dataset.value);
  };
  // d3's orders put a missing number last either way, and sorting is stable: equal rows keep their order.
  const order = ascending ? d3.ascending : d3.descending;
  body.replaceChildren(...[...body.rows].sort((a, b) => order(valueOf(a), valueOf(b))));

  for (const other of heading.parentElement.querySelectorAll("[aria-sort]")) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
}

for (const button of document.querySelectorAll("th[aria-sort] button")) {
  button.addEventListener("click", () => sortBy(button.parentElement));
}
JSON.parse(document.getElementById("chart-data").textContent).forEach(drawSection);
