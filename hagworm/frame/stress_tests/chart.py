"""Charts as inline SVG: curves, bands and columns over two axes, coloured by the style sheet of the page."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from math import floor, log10

__all__ = ("Axis", "Chart", "Point", "linear_axis", "logarithmic_axis", "nice_step", "percentile_axis")

Point = tuple[float, float]

WIDTH, HEIGHT = 560, 250
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 10, 40
EDGE_LABEL = 4
TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Axis:
    """Where values stand between two ends, 0 to 1, and which of them are named."""

    place: Callable[[float], float]
    ticks: tuple[tuple[float, str], ...]
    minor: tuple[float, ...] = ()


def nice_step(span: float, most: int) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that a positive span holds no more often than `most`."""
    power = 10.0 ** floor(log10(span / most))
    return next(power * factor for factor in (1, 2, 5, 10, 20) if span / (power * factor) <= most)


def linear_axis(high: float, show: Callable[[float], str], *, most: int = 6, whole: bool = False) -> Axis:
    """Return an axis from 0 with evenly spaced ticks; `whole` numbers only, if so."""
    # Where there is nothing, any height will do.
    high = high if high > TINY else 1.0
    step = max(nice_step(high, most), 1.0 if whole else 0.0)
    numbers = range(floor(high / step + 1e-9) + 1)
    return Axis(lambda value: value / high, tuple((number * step, show(number * step)) for number in numbers))


def logarithmic_axis(low: float, high: float, show: Callable[[float], str]) -> Axis:
    """Return an axis of positive values whose decades are equally long; it is widened to the next 1, 2 or 5."""
    steps = [factor * 10.0**power for power in range(-10, 7) for factor in (1, 2, 5)]
    start = max((step for step in steps if step <= low * 1.0001), default=steps[0])
    end = min((step for step in steps if step >= high * 0.9999 and step > start), default=steps[-1])
    decades = log10(end / start)
    inside = [step for step in steps if start * 0.999 <= step <= end * 1.001]
    named = inside if decades <= 2.4 else [step for step in inside if abs(log10(step) - round(log10(step))) < 1e-6]
    return Axis(
        lambda value: log10(min(max(value, start), end) / start) / decades,
        tuple((step, show(step)) for step in named),
        tuple(step for step in inside if step not in named),
    )


def percentile_axis(most: float) -> Axis:
    """Return an axis on which each nine is equally long: 0, 90, 99, 99.9 … up to the percentile `most`."""
    ends = 100 - min(most, 99.9999)
    nines = log10(100 / ends)
    named = [(0.0, "p0"), (50.0, "p50"), (90.0, "p90"), (99.0, "p99"), (99.9, "p99.9"), (99.99, "p99.99")]
    named.append((99.999, "p99.999"))
    return Axis(
        lambda percent: min(1.0, log10(100 / max(100 - percent, ends)) / nines),
        tuple((percent, text) for percent, text in named if percent <= most),
    )


@dataclass(slots=True)
class Chart:
    """One chart: draw into it, then ask for its `svg`. `colour` is the number of a series in the style sheet."""

    title: str
    across: Axis
    up: Axis
    below: str = ""
    parts: list[str] = field(default_factory=list)

    def x(self, value: float) -> float:
        return LEFT + self.across.place(value) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - min(max(self.up.place(value), 0.0), 1.0) * (HEIGHT - TOP - BOTTOM)

    def curve(self, points: Sequence[Point], colour: str, *, title: str = "", dashed: bool = False) -> None:
        """Draw a line through points."""
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        style = f"curve {colour}{' dashed' if dashed else ''}"

        if len(points) == 1:
            x, y = points[0]
            self.parts.append(f'<circle class="dot {colour}" cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="3"/>')
        elif points:
            self.parts.append(f'<polyline class="{style}" points="{path}">{tooltip(title)}</polyline>')

    def band(self, upper: Sequence[Point], lower: Sequence[Point], colour: str, *, title: str = "") -> None:
        """Fill what is between two lines."""
        outline = [*upper, *reversed(lower)]
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in outline)

        if path:
            self.parts.append(f'<polygon class="band {colour}" points="{path}">{tooltip(title)}</polygon>')

    def columns(self, columns: Iterable[tuple[float, float, float, str]], colour: str) -> None:
        """Draw columns: from, to, height, and what is said of it."""
        for begin, end, value, title in columns:
            if value:
                left, right, top = self.x(begin), self.x(end), self.y(value)
                # One that is hardly there is still to be seen.
                top = min(top, HEIGHT - BOTTOM - 2)
                gap = 0.6 if right - left > 4 else 0.0
                width, height = max(right - left - gap, 0.8), HEIGHT - BOTTOM - top
                self.parts.append(
                    f'<rect class="column {colour}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}"'
                    f' height="{height:.1f}">{tooltip(title)}</rect>'
                )

    def svg(self) -> str:
        """Return the chart as an SVG element."""
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        minor = [f"{self.y(value):.1f}" for value in self.up.minor]
        grid = [f'<line class="minor" x1="{LEFT}" x2="{right}" y1="{y}" y2="{y}"/>' for y in minor]

        for value, text in self.up.ticks:
            height = self.y(value)
            grid.append(f'<line x1="{LEFT}" x2="{right}" y1="{height:.1f}" y2="{height:.1f}"/>')
            grid.append(f'<text class="left" x="{LEFT - 8}" y="{height + 4:.1f}">{escape(text)}</text>')

        for value, text in self.across.ticks:
            x = self.x(value)
            side = "end" if x > right - EDGE_LABEL else "middle"
            grid.append(f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom + 4}"/>')
            grid.append(f'<text class="{side}" x="{x:.1f}" y="{bottom + 18}">{escape(text)}</text>')

        if self.below:
            grid.append(f'<text class="below" x="{(LEFT + right) / 2}" y="{HEIGHT - 4}">{escape(self.below)}</text>')

        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.title)}">'
            f'<g class="grid">{"".join(grid)}</g>{"".join(self.parts)}'
            f'<line class="base" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/></svg>'
        )


def tooltip(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""
