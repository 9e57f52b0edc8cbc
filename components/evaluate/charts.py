"""Small charts as SVG text: no script, no font, no picture; colours by CSS variables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

WIDTH, HEIGHT = 440, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 14, 48
_TICKS = 5
_NAME = 16


@dataclass(frozen=True)
class Series:
    """A line: its name and points."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class Axis:
    """One axis: its title, ends, and where it has marks."""

    title: str
    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def over(cls, title: str, values: Iterable[float]) -> Axis:
        """An axis that holds all values, with marks at round numbers."""
        known = list(values)
        low, high = min(known), max(known)
        if high <= low:
            low, high = low - 0.5, high + 0.5
        step = _round_step((high - low) / _TICKS)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        ticks = tuple(index * step for index in range(first, last + 1))
        return cls(title, ticks[0], ticks[-1], ticks)

    def share(self, value: float) -> float:
        """Position of a value between the ends, 0 to 1."""
        return (value - self.low) / (self.high - self.low)


SHARE_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def share_axis(title: str) -> Axis:
    """An axis from 0 to 1."""
    return Axis(title, 0.0, 1.0, SHARE_TICKS)


def _round_step(rough: float) -> float:
    base: float = 10.0 ** math.floor(math.log10(rough))
    return next(base * factor for factor in (1, 2, 5, 10) if base * factor >= rough * 0.999)


class _Canvas:
    """Collects the elements of one chart, as text whose values are escaped."""

    def __init__(self, title: str, x: Axis, y: Axis) -> None:
        self.x, self.y = x, y
        self.parts: list[str] = []
        self.add('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">', WIDTH, HEIGHT, title)
        self._axes()

    def place(self, x: float, y: float) -> tuple[str, str]:
        """Pixels of a point, as text with one decimal."""
        across = _LEFT + self.x.share(x) * (WIDTH - _LEFT - _RIGHT)
        down = HEIGHT - _BOTTOM - self.y.share(y) * (HEIGHT - _TOP - _BOTTOM)
        return f"{across:.1f}", f"{down:.1f}"

    def add(self, template: str, *values: object) -> None:
        """Add an element; values are escaped."""
        self.parts.append(template.format(*(escape(str(value)) for value in values)))

    def _axes(self) -> None:
        line = '<line class="grid" x1="{}" y1="{}" x2="{}" y2="{}"/>'
        text = '<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>'
        for tick in self.x.ticks:
            px, py = self.place(tick, self.y.low)
            self.add(line, px, _TOP, px, py)
            self.add(text, px, HEIGHT - _BOTTOM + 18, "middle", _number(tick))
        for tick in self.y.ticks:
            px, py = self.place(self.x.low, tick)
            self.add(line, px, py, WIDTH - _RIGHT, py)
            self.add(text, _LEFT - 8, f"{float(py) + 4:.1f}", "end", _number(tick))
        across, down = (WIDTH + _LEFT - _RIGHT) // 2, (HEIGHT + _TOP - _BOTTOM) // 2
        title = '<text class="title" text-anchor="middle" transform="{}">{}</text>'
        self.add(title, f"translate({across} {HEIGHT - 8})", self.x.title)
        self.add(title, f"translate(14 {down}) rotate(-90)", self.y.title)

    def line(self, css: str, points: Iterable[tuple[float, float]]) -> None:
        """A line through the points."""
        path = " ".join(",".join(self.place(x, y)) for x, y in points)
        self.add('<polyline class="{}" points="{}"/>', css, path)

    def done(self) -> Markup:
        """The SVG element."""
        return Markup("\n".join([*self.parts, "</svg>"]))  # noqa: S704 - escaped in `add`


def _number(value: float) -> str:
    return f"{round(value, 10):g}".replace("-", "\N{MINUS SIGN}")


def line_chart(title: str, series: Sequence[Series], x: Axis, y: Axis, *, dots: bool) -> Markup:
    """Lines over the dashed diagonal, which is chance or perfection.

    Args:
        title: For readers who do not see the picture.
        series: At most eight lines.
        x: Axis across.
        y: Axis up.
        dots: Mark the points of the lines.
    """
    canvas = _Canvas(title, x, y)
    canvas.line("diagonal", [(x.low, y.low), (x.high, y.high)])
    for number, line in enumerate(series, start=1):
        points = list(zip(line.x, line.y, strict=True))
        canvas.line(f"line s{number}", points)
        for px, py in (canvas.place(*point) for point in points if dots):
            canvas.add('<circle class="dot s{}" cx="{}" cy="{}" r="3.5"/>', number, px, py)
    if len(series) > 1:
        _legend(canvas, series)
    return canvas.done()


def _legend(canvas: _Canvas, series: Sequence[Series]) -> None:
    for number, line in enumerate(series, start=1):
        down = HEIGHT - _BOTTOM - 16 * (len(series) - number) - 12
        canvas.add(
            '<line class="line s{}" x1="{}" y1="{}" x2="{}" y2="{}"/>',
            *(number, WIDTH - 166, down - 4, WIDTH - 146, down - 4),
        )
        name = line.name if len(line.name) <= _NAME else line.name[: _NAME - 1] + "…"
        canvas.add('<text class="tick" x="{}" y="{}">{}</text>', WIDTH - 140, down, name)


def scatter_chart(title: str, points: Sequence[tuple[float, float]], x: Axis, y: Axis) -> Markup:
    """Points over the dashed diagonal."""
    canvas = _Canvas(title, x, y)
    canvas.line("diagonal", [(x.low, y.low), (x.high, y.high)])
    for point in points:
        canvas.add('<circle class="point" cx="{}" cy="{}" r="2.6"/>', *canvas.place(*point))
    return canvas.done()


def histogram(
    title: str, edges: Sequence[float], counts: Sequence[int], x_title: str, y_title: str
) -> Markup:
    """Bars between edges, with a line at zero if it is among them."""
    x, y = Axis.over(x_title, edges), Axis.over(y_title, [0.0, *map(float, counts)])
    canvas = _Canvas(title, x, y)
    for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True):
        px, py = canvas.place(left, count)
        end, floor = canvas.place(right, 0.0)
        canvas.add(
            '<rect class="bar" x="{}" y="{}" width="{}" height="{}"/>',
            *(px, py, f"{max(float(end) - float(px) - 1, 0.5):.1f}"),
            f"{float(floor) - float(py):.1f}",
        )
    if x.low < 0 < x.high:
        canvas.line("diagonal", [(0.0, y.low), (0.0, y.high)])
    return canvas.done()
