"""The phase diagram as a picture: n_e / n_r against n_s, a line for each sampling bias and a panel for each n_r."""

import math
from collections.abc import Sequence
from html import escape

from bench.threshold.crossing import Threshold
from bench.threshold.sweep import PhaseDiagram, Point

WIDTH, HEIGHT = 340, 250  # of a panel's axes
LEFT, RIGHT, TOP, BOTTOM, GAP = 62, 24, 118, 58, 46
TICK_DISTANCE = 38
LANE = 6  # high, for the interval of a crossing
RATIOS = (0.1, 0.2, 0.5, 1, 1.5, 2, 3, 5, 10)  # the grid lines
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b8588f", "#c88a00", "#3d9ad1", "#6f7780")  # as on the results page
TEXT, MUTED, LINE, ADMISSIBLE = "#1b1f24", "#59626d", "#e1e4e8", "#eef7f3"


def draw_phase_diagram(diagram: PhaseDiagram) -> str:
    """Return the picture as SVG: both axes logarithmic, with the 95% intervals over seeds as bands."""
    sweep, score = diagram.sweep, diagram.score
    biases = sorted(sweep.sampling_biases, reverse=True)
    width = LEFT + len(sweep.n_real) * (WIDTH + GAP) - GAP + RIGHT
    height = TOP + HEIGHT + BOTTOM
    about = (
        f"{sweep.task}, {sweep.generator}, fresh-data loop; FID in {score.features} features, n = {score.n}, "
        f"{len(sweep.seeds)} seed{'s' * (len(sweep.seeds) != 1)}"
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(14, 22, "What synthetic data are worth: nₑ / nᵣ", TEXT, size=15, weight="bold"),
        _text(14, 40, about, MUTED),
    ]
    for i, bias in enumerate(biases):
        x = 14 + 76 * i
        parts.append(f'<path d="M{x} 60h18" stroke="{_colour(i)}" stroke-width="2.5"/>')
        parts.append(_text(x + 23, 64, f"λ = {bias:g}", TEXT))
    if len(sweep.seeds) > 1:
        parts.append(_text(14, 84, "Bands and bars: 95% over seeds. Hollow: a bound, or not settled.", MUTED))
    for i, n_real in enumerate(sweep.n_real):
        points = [point for point in diagram.points if point.n_real == n_real]
        panel = _Panel(LEFT + i * (WIDTH + GAP), diagram)
        parts += panel.axes(n_real, named=i == 0)
        for j, bias in enumerate(biases):
            parts += panel.line([point for point in points if point.sampling_bias == bias], _colour(j))
            for threshold in diagram.thresholds:
                if (threshold.n_real, threshold.sampling_bias) == (n_real, bias):
                    parts += panel.crossing(threshold, _colour(j), lane=j)
    return "\n".join([*parts, "</svg>", ""])


class _Panel:
    """The axes of one n_real; all panels have the same scales."""

    def __init__(self, left: int, diagram: PhaseDiagram) -> None:
        self._left = left
        self._n_synthetic = sorted(diagram.sweep.n_synthetic)
        values = [value for p in diagram.points for value in (p.ratio, p.low, p.high) if value is not None]
        self._low, self._high = min(0.8, *values) / 1.08, max(1.25, *values) * 1.08

    def x(self, n_synthetic: float) -> float:
        """Return where a number of synthetic images is."""
        first, last = self._n_synthetic[0], self._n_synthetic[-1]
        share = 0.5 if first == last else math.log(n_synthetic / first) / math.log(last / first)
        return round(self._left + 14 + share * (WIDTH - 28), 1)

    def y(self, ratio: float) -> float:
        """Return where a ratio is."""
        share = math.log(ratio / self._low) / math.log(self._high / self._low)
        return round(TOP + HEIGHT * (1 - share), 1)

    def axes(self, n_real: int, *, named: bool) -> list[str]:
        """Draw the frame; the name of the vertical axis only where it is `named`."""
        left, bottom = self._left, TOP + HEIGHT
        parts = [
            f'<rect x="{left}" y="{TOP}" width="{WIDTH}" height="{self.y(1) - TOP:.1f}" fill="{ADMISSIBLE}"/>',
            _text(left, TOP - 8, f"nᵣ = {n_real:,} real in each generation", TEXT, weight="bold"),
            _text(left + 6, self.y(1) - 6, "admissible", MUTED),
            _text(left + WIDTH / 2, bottom + 40, "nₛ, synthetic in each generation", MUTED, anchor="middle"),
        ]
        for ratio in (r for r in RATIOS if self._low <= r <= self._high):
            y = self.y(ratio)
            parts.append(f'<path d="M{left} {y}h{WIDTH}" stroke="{MUTED if ratio == 1 else LINE}"/>')
            parts.append(_text(left - 8, y + 4, f"{ratio:g}", MUTED, anchor="end"))
        shown = -math.inf
        for n in self._n_synthetic:
            x = self.x(n)
            if x - shown >= TICK_DISTANCE:
                parts.append(_text(x, bottom + 18, f"{n:,}", MUTED, anchor="middle"))
                shown = x
        if named:
            middle = TOP + HEIGHT / 2
            parts.append(
                f'<g transform="rotate(-90 18 {middle})">{_text(18, middle, "nₑ / nᵣ", MUTED, anchor="middle")}</g>'
            )
        return parts

    def line(self, points: Sequence[Point], colour: str) -> list[str]:
        """Draw the band and the line of one sampling bias; a point that is a bound or has not settled is hollow."""
        parts = []
        edges = [(self.x(p.n_synthetic), p.low, p.high) for p in points if p.low is not None and p.high is not None]
        if edges:
            upper = [f"{x},{self.y(high)}" for x, _, high in edges]
            lower = [f"{x},{self.y(low)}" for x, low, _ in reversed(edges)]
            parts.append(f'<polygon points="{" ".join(upper + lower)}" fill="{colour}" fill-opacity="0.16"/>')
        places = [(self.x(p.n_synthetic), self.y(p.ratio)) for p in points]
        joined = " ".join(f"{x},{y}" for x, y in places)
        parts.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for (x, y), point in zip(places, points, strict=True):
            fill = colour if point.bound is None and point.settled else "#ffffff"
            parts.append(f'<circle cx="{x}" cy="{y}" r="3.2" fill="{fill}" stroke="{colour}" stroke-width="1.5"/>')
        return parts

    def crossing(self, threshold: Threshold, colour: str, *, lane: int) -> list[str]:
        """Mark where a line leaves what is admissible, and the interval of that in a lane below the limit."""
        parts = []
        if threshold.crossing is not None:
            x, bottom = self.x(threshold.crossing), TOP + HEIGHT
            parts.append(f'<path d="M{x} {self.y(1)}V{bottom}" stroke="{colour}" stroke-dasharray="3 3"/>')
            parts.append(_text(x - 6, bottom - 8, f"{threshold.crossing:,.0f}", colour, anchor="end"))
        if threshold.interval is not None and threshold.interval not in ((0, 0), (None, None)):
            low, high = threshold.interval
            start = self.x(low) if low else self._left
            end = self.x(high) if high is not None else self._left + WIDTH
            y = self.y(1) + LANE * (lane + 0.5)
            parts.append(
                f'<path class="interval" d="M{start} {y}H{end}" stroke="{colour}" stroke-width="{LANE - 2}"/>'
            )
        return parts


def _colour(i: int) -> str:
    return COLOURS[i % len(COLOURS)]


def _text(
    x: float, y: float, text: str, colour: str, *, anchor: str = "start", size: int = 12, weight: str = "normal"
) -> str:
    return (
        f'<text x="{x}" y="{y}" fill="{colour}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}">'
        f"{escape(text)}</text>"
    )
