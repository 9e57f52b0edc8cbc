"""The lineage of a model as one page that opens offline and in the KFP UI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import jinja2

from kfp_provenance.facts import Artifact, Step
from kfp_provenance.report.layout import place

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
    title: str, steps: Sequence[Step], subjects: Sequence[Artifact], *, signed_by: str = ""
) -> str:
    """HTML page with the picture of a chain and the table of its artifacts.

    Args:
        title: Heading, for example the name of the pipeline.
        steps: The steps of the chain, in an order where producers come first.
        subjects: What the chain leads to, the model first.
        signed_by: Hint of the key that signs the chain.

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
    )


def _picture(
    steps: Sequence[Step], subjects: Sequence[Artifact]
) -> tuple[list[_Box], list[tuple[str, str]]]:
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
    unique = list(dict.fromkeys(edges))
    boxes, places = [], {}
    for placed in place(list(contents), unique):
        kind, title, detail, hint = contents[placed.node]
        box = _Box(
            kind,
            _shortened(title),
            detail,
            hint,
            x=_MARGIN + placed.column * _COLUMN,
            y=_MARGIN + placed.row * _ROW,
        )
        boxes.append(box)
        places[placed.node] = box
    return boxes, [(_curve(places[start], places[end]), places[end].kind) for start, end in unique]


def _artifact(
    contents: dict[str, tuple[str, str, str, str]], artifact: Artifact, name: str, kind: str
) -> str:
    """Content is identity: equal bytes are one box, named by whoever made them first."""
    key = f"artifact {artifact.digest}"
    contents.setdefault(
        key, (kind, name, artifact.digest.short, f"{artifact.digest} {artifact.uri}")
    )
    return key


def _curve(start: _Box, end: _Box) -> str:
    x1, y1 = start.x + _WIDTH, start.y + _HEIGHT / 2
    x2, y2 = end.x, end.y + _HEIGHT / 2
    middle = (x1 + x2) / 2
    return f"M{x1:g},{y1:g} C{middle:g},{y1:g} {middle:g},{y2:g} {x2:g},{y2:g}"


def _shortened(text: str) -> str:
    return text if len(text) <= _NAME_LENGTH else f"…{text[-_NAME_LENGTH + 1 :]}"
