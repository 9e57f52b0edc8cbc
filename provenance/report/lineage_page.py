"""The lineage of a model as one page that opens offline and in the KFP UI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import jinja2

from kfp_provenance.facts import Artifact, Step
from kfp_provenance.report.layout import Point, place

_COLUMN, _ROW, _WIDTH, _HEIGHT, _MARGIN = 250, 84, 200, 56, 24
_NAME_LENGTH = 26


@dataclass(frozen=True)
class _Box:
    """One node of the picture, in pixels."""

    kind: str
    title: str
    detail: str
    hint: str
    x: float
    y: float


def lineage_page(
    title: str,
    steps: Sequence[Step],
    subjects: Sequence[Artifact],
    *,
    signed_by: str = "",
    subjects_title: str = "Signed subjects",
) -> str:
    """HTML page with the picture of a chain and the table of its artifacts.

    Args:
        title: Heading, for example the name of the pipeline.
        steps: The steps of the chain, in an order where producers come first.
        subjects: What the chain leads to, the model first.
        signed_by: Hint of the key that signs the chain.
        subjects_title: Heading of the table of subjects.

    Returns:
        A page without scripts and without anything that it would have to load.
    """
    boxes, paths = _picture(steps, subjects)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(
        files("kfp_provenance.report").joinpath("lineage.html.j2").read_text(encoding="utf-8")
    )
    width = max((box.x + _WIDTH for box in boxes), default=0) + _MARGIN
    height = max((box.y + _HEIGHT for box in boxes), default=0) + _MARGIN
    return template.render(
        title=title,
        steps=steps,
        subjects=subjects,
        boxes=boxes,
        paths=paths,
        width=width,
        height=height,
        box_width=_WIDTH,
        box_height=_HEIGHT,
        signed_by=signed_by,
        subjects_title=subjects_title,
    )


def _picture(steps: Sequence[Step], subjects: Sequence[Artifact]) -> tuple[list[_Box], list[str]]:
    contents: dict[str, tuple[str, str, str, str]] = {}
    edges: list[tuple[str, str]] = []
    kinds = {subject.digest: "evidence" for subject in subjects[1:]}
    kinds |= {subject.digest: "subject" for subject in subjects[:1]}
    for step in steps:
        key = f"step {step.id}"
        detail = f"{step.component.name.rsplit('.', 1)[-1]} {step.component.version}".strip()
        contents[key] = ("step", step.task, detail, f"step {step.id}, run {step.run}")
        for made in step.outputs:
            kind = kinds.get(made.artifact.digest, "artifact")
            target = _artifact(contents, made.artifact, made.name, kind)
            edges.append((key, target))
    for step in steps:
        for given in step.inputs:
            source = _artifact(contents, given.artifact, given.name, "root")
            edges.append((source, f"step {step.id}"))
    layout = place(list(contents), dict.fromkeys(edges))
    boxes = [
        _Box(kind, _shortened(title), detail, hint, *_corner(layout.nodes[node]))
        for node, (kind, title, detail, hint) in contents.items()
    ]
    return boxes, [_curve(points) for points in layout.edges.values()]


def _artifact(
    contents: dict[str, tuple[str, str, str, str]], artifact: Artifact, name: str, kind: str
) -> str:
    """Content is identity: equal bytes are one box, named by whoever made them first."""
    key = f"artifact {artifact.digest}"
    contents.setdefault(
        key, (kind, name, artifact.digest.short, f"{artifact.digest} {artifact.uri}")
    )
    return key


def _corner(point: Point) -> tuple[float, float]:
    return _MARGIN + point.column * _COLUMN, _MARGIN + point.row * _ROW


def _curve(points: Sequence[Point]) -> str:
    """Path of an edge: bends between the columns, straight lines through them."""
    x, y = _corner(points[0])
    path = f"M{x + _WIDTH:g},{y + _HEIGHT / 2:g}"
    for point in points[1:]:
        before, top = x + _WIDTH, y + _HEIGHT / 2
        x, y = _corner(point)
        middle, height = (before + x) / 2, y + _HEIGHT / 2
        path += f" C{middle:g},{top:g} {middle:g},{height:g} {x:g},{height:g}"
        if point is not points[-1]:
            path += f" H{x + _WIDTH:g}"
    return path


def _shortened(text: str) -> str:
    return text if len(text) <= _NAME_LENGTH else f"…{text[-_NAME_LENGTH + 1 :]}"
