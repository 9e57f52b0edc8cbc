"""The picture as SVG: what a browser shows without scripts, and as JSON for those with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kfp_provenance.lineage.graph import producers_first
from kfp_provenance.report.layout import Point, place
from kfp_provenance.web.figures import visible
from kfp_provenance.web.picture import Box, Picture

_COLUMN, _ROW, WIDTH, HEIGHT, _MARGIN = 252, 76, 196, 52, 20
_TITLE, _DETAIL = 21, 24
_MOST = 100_000
"""Of :func:`_effort`; a tenth of a second or so."""


@dataclass(frozen=True)
class Shape:
    """A box with its place, in pixels, and texts that fit into it."""

    box: Box
    x: float
    y: float
    title: str
    detail: str


@dataclass(frozen=True)
class Drawing:
    """Everything that the SVG holds."""

    shapes: tuple[Shape, ...]
    paths: tuple[str, ...]
    width: float
    height: float


def draw(picture: Picture) -> Drawing | None:
    """Layers from left to right, in the direction of the data.

    Returns:
        The drawing; None if it would take seconds to lay out. Those with scripts do not see
        it, and the list beside it says the same.
    """
    keys = [box.key for box in picture.boxes]
    arrows = list(dict.fromkeys((a.source, a.target) for a in picture.arrows))
    if _effort(keys, arrows) > _MOST:
        return None
    layout = place(keys, arrows)
    first = min((point.column for point in layout.nodes.values()), default=0)
    shapes = []
    for box in picture.boxes:
        x, y = _corner(layout.nodes[box.key], first)
        shapes.append(
            Shape(box, x, y, _shortened(box.title, _TITLE), _shortened(box.detail, _DETAIL))
        )
    return Drawing(
        tuple(shapes),
        tuple(_curve(points, first) for points in layout.edges.values()),
        max((shape.x + WIDTH for shape in shapes), default=0) + _MARGIN,
        max((shape.y + HEIGHT for shape in shapes), default=0) + _MARGIN,
    )


def _effort(keys: Sequence[str], arrows: Sequence[tuple[str, str]]) -> int:
    """Layers, times the boxes and the places that arrows pass on their way over layers."""
    upstream: dict[str, set[str]] = {key: set() for key in keys}
    for source, target in arrows:
        upstream[target].add(source)
    ordered, _ = producers_first(upstream, dict.fromkeys(keys, 0))
    layer = dict.fromkeys(keys, 0)
    for key in ordered:
        layer[key] = max((layer[before] + 1 for before in upstream[key]), default=0)
    passed = sum(max(0, layer[target] - layer[source] - 1) for source, target in arrows)
    return (max(layer.values(), default=0) + 1) * (len(keys) + passed)


def outline(kind: str, width: float = WIDTH, height: float = HEIGHT) -> str:
    """Path around a box: each kind has a shape of its own, as in ``look.js``."""
    if kind in ("step", "more", "file", "dataset"):
        radius = {"step": 3, "dataset": height / 2}.get(kind, height / 5)
        turn = f"a{radius:g},{radius:g} 0 0 1 "
        across, down = width - 2 * radius, height - 2 * radius
        return (
            f"M{radius:g},0h{across:g}{turn}{radius:g},{radius:g}v{down:g}{turn}-{radius:g},{radius:g}"
            f"h-{across:g}{turn}-{radius:g},-{radius:g}v-{down:g}{turn}{radius:g},-{radius:g}z"
        )
    if kind == "model":  # all corners cut
        c = height / 5
        w, h, right, low = width, height, width - c, height - c
        return f"M{c:g},0H{right:g}L{w:g},{c:g}V{low:g}L{right:g},{h:g}H{c:g}L0,{low:g}V{c:g}z"
    point = height / 4
    if kind == "metrics":  # a point on either side
        w, h, right, middle = width, height, width - point, height / 2
        return f"M{point:g},0H{right:g}L{w:g},{middle:g}L{right:g},{h:g}H{point:g}L0,{middle:g}z"
    return f"M0,0H{width - point:g}L{width:g},{point:g}V{height:g}H0z"  # a page


def to_json(picture: Picture, *, links: bool = True) -> dict[str, object]:
    """The picture for the script that draws it.

    Args:
        picture: What to draw.
        links: Whether there are pages to link to; not in a file that opens offline.
    """
    return {
        "starts": list(picture.starts),
        "moreSteps": picture.more_steps,
        "nodes": [
            {
                "id": box.key,
                "kind": box.kind,
                "title": visible(box.title),
                "detail": visible(box.detail),
                "link": box.link if links else "",
                "facts": [
                    [name, visible(value), link if links else ""] for name, value, link in box.facts
                ],
                "start": box.start,
                "source": box.source,
                "failed": box.failed,
            }
            for box in picture.boxes
        ],
        "edges": [
            {"source": arrow.source, "target": arrow.target, "label": visible(arrow.label)}
            for arrow in picture.arrows
        ],
    }


def _corner(point: Point, first: int) -> tuple[float, float]:
    return _MARGIN + (point.column - first) * _COLUMN, _MARGIN + point.row * _ROW


def _curve(points: Sequence[Point], first: int) -> str:
    """Path of an arrow: bends between the columns, straight lines through them."""
    x, y = _corner(points[0], first)
    path = f"M{x + WIDTH:g},{y + HEIGHT / 2:g}"
    for point in points[1:]:
        before, top = x + WIDTH, y + HEIGHT / 2
        x, y = _corner(point, first)
        middle, height = (before + x) / 2, y + HEIGHT / 2
        path += f" C{middle:g},{top:g} {middle:g},{height:g} {x:g},{height:g}"
        if point is not points[-1]:
            path += f" H{x + WIDTH:g}"
    return path


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"…{text[-length + 1 :]}"
