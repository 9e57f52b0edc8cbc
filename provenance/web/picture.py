"""A graph as it is drawn: boxes and arrows, as many as a person can look at."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from kfp_provenance.facts import Outcome
from kfp_provenance.lineage.views import ArtifactNode, Graph, Link
from kfp_provenance.metadata.graph import StepRow
from kfp_provenance.web.figures import show_duration
from kfp_provenance.web.links import artifact_link, run_link, step_link
from kfp_provenance.web.settings import Limits

_KINDS = {
    "Model": "model",
    "Dataset": "dataset",
    "HTML": "report",
    "Markdown": "report",
    "Metrics": "metrics",
    "ClassificationMetrics": "metrics",
    "SlicedClassificationMetrics": "metrics",
}
LEGEND = {
    "step": "step",
    "dataset": "data set",
    "model": "model",
    "metrics": "metrics",
    "report": "report",
    "file": "other artifact",
}
"""Kinds of boxes, in the order of the legend."""


@dataclass(frozen=True)
class Box:
    """A node of the picture.

    Attributes:
        key: Of the step or content.
        kind: One of :data:`LEGEND`, or ``more`` for artifacts that are not drawn singly.
        title: Name, the first line.
        detail: The second line.
        link: Page of it; empty if it has none.
        facts: What is said about it when it is chosen: name, value, link.
        start: Whether it is what was asked about.
        source: Whether no step of the picture made it.
        failed: Whether it is a step that did not succeed.
    """

    key: str
    kind: str
    title: str
    detail: str
    link: str = ""
    facts: tuple[tuple[str, str, str], ...] = ()
    start: bool = False
    source: bool = False
    failed: bool = False


@dataclass(frozen=True)
class Arrow:
    """Between a step and a content, in the direction of the data; all its names in one."""

    source: str
    target: str
    label: str


@dataclass(frozen=True)
class Line:
    """One step in the list that says the same as the picture."""

    box: Box
    reads: tuple[tuple[str, Box], ...]
    writes: tuple[tuple[str, Box], ...]


@dataclass(frozen=True)
class Picture:
    """What is drawn.

    Attributes:
        boxes: Artifacts and steps; producers before their consumers.
        arrows: Between them.
        more_steps: Steps that belong here and are not drawn.
        starts: Keys of what was asked about.
    """

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    more_steps: int = 0
    starts: tuple[str, ...] = ()
    by_key: dict[str, Box] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Number of steps that are drawn."""
        return sum(box.kind == "step" for box in self.boxes)

    def lines(self) -> list[Line]:
        """The same as a list: each step with what it read and wrote."""
        reads: dict[str, list[tuple[str, Box]]] = defaultdict(list)
        writes: dict[str, list[tuple[str, Box]]] = defaultdict(list)
        for arrow in self.arrows:
            if self.by_key[arrow.target].kind == "step":
                reads[arrow.target].append((arrow.label, self.by_key[arrow.source]))
            else:
                writes[arrow.source].append((arrow.label, self.by_key[arrow.target]))
        return [
            Line(box, tuple(reads[box.key]), tuple(writes[box.key]))
            for box in self.boxes
            if box.kind == "step"
        ]


def picture_of(graph: Graph, limits: Limits, *, newest: bool = True) -> Picture:
    """Cut a graph to what can be drawn.

    Args:
        graph: Already within the limit of steps.
        limits: Of nodes, and of artifacts that only one step touches.
        newest: Whether the steps at the end of the chain are the ones to keep.
    """
    steps = _fitting(graph, limits.nodes, newest=newest)
    shown = {step.key for step in steps}
    links = [link for link in graph.links if link.step in shown]
    folded = _folded(links, graph, limits.fan)
    nodes = {node.key: node for node in graph.artifacts}
    made = {link.artifact for link in links if link.output}
    used = dict.fromkeys([*graph.starts, *(link.artifact for link in links)])
    boxes = [
        _artifact_box(nodes[key], start=key in graph.starts, source=key not in made)
        for key in used
        if key in nodes and key not in folded
    ]
    boxes += [_step_box(step) for step in steps]
    arrows = _arrows([link for link in links if link.artifact not in folded])
    for (step, output), count in Counter(folded.values()).items():
        more = _more_box(step, count, output=output)
        boxes.append(more)
        ends = (step, more.key) if output else (more.key, step)
        arrows.append(Arrow(*ends, ""))
    left_out = graph.more_steps + len(graph.steps) - len(steps)
    by_key = {box.key: box for box in boxes}
    return Picture(tuple(boxes), tuple(arrows), left_out, graph.starts, by_key)


def _fitting(graph: Graph, limit: int, *, newest: bool) -> Sequence[StepRow]:
    """As many steps, from the end of interest, as fit with their artifacts; one at least."""
    touched: dict[str, set[str]] = defaultdict(set)
    for link in graph.links:
        touched[link.step].add(link.artifact)
    seen: set[str] = set(graph.starts)
    kept: list[StepRow] = []
    for step in reversed(graph.steps) if newest else graph.steps:
        seen |= touched[step.key]
        if kept and len(seen) + len(kept) + 1 > limit:
            break
        kept.append(step)
    return kept[::-1] if newest else kept


def _folded(links: Collection[Link], graph: Graph, fan: int) -> dict[str, tuple[str, bool]]:
    """Artifacts that become part of one node of their step, and which: step, output."""
    touching: dict[str, set[tuple[str, bool]]] = defaultdict(set)
    for link in links:
        touching[link.artifact].add((link.step, link.output))
    leaves: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for artifact, ends in touching.items():
        if len(ends) == 1 and artifact not in graph.starts:
            leaves[next(iter(ends))].append(artifact)
    kinds = {node.key: kind_of(node.type) for node in graph.artifacts}
    folded = {}
    for end, artifacts in leaves.items():
        if len(artifacts) > fan:
            artifacts.sort(key=lambda key: kinds.get(key) != "model")  # models stay to be seen
            folded.update(dict.fromkeys(artifacts[fan - 1 :], end))
    return folded


def kind_of(type_title: str) -> str:
    """Kind of box for a schema title."""
    return _KINDS.get(type_title.removeprefix("system."), "file")


def _artifact_box(node: ArtifactNode, *, start: bool, source: bool) -> Box:
    link = artifact_link(node.key, node.type)
    facts = [("Type", node.type or "unknown", "")]
    if node.digest:
        facts.append(("Digest", str(node.digest), link))
    if node.size is not None:
        facts.append(("Size", f"{node.size:,} bytes", ""))
    facts.append(("Made", node.created.strftime("%Y-%m-%d %H:%M:%S UTC"), ""))
    facts += [("Where", uri, "") for uri in node.uris[:3]]
    if len(node.uris) > 3:  # noqa: PLR2004 - as above
        facts.append(("Where", f"{len(node.uris) - 3} more places", link))
    return Box(
        key=node.key,
        kind=kind_of(node.type),
        title=node.name or node.type.removeprefix("system.") or "artifact",
        detail=node.digest.short if node.digest else "no digest",
        link=link,
        facts=tuple(facts),
        start=start,
        source=source,
    )


def _step_box(step: StepRow) -> Box:
    facts = [("Component", step.component or "unknown", "")]
    facts.append(("Outcome", step.outcome or "unknown", ""))
    if step.run:
        facts.append(("Run", step.run, run_link(step.run)))
    facts += [(name, text, "") for name, text in
              (("Pipeline", step.pipeline), ("Namespace", step.namespace)) if text]  # fmt: skip
    for name, moment in (("Started", step.started), ("Finished", step.finished)):
        if moment is not None:
            facts.append((name, moment.strftime("%Y-%m-%d %H:%M:%S UTC"), ""))
    return Box(
        key=step.key,
        kind="step",
        title=step.task or step.component or step.key,
        detail=_step_detail(step),
        link=step_link(step.key),
        facts=tuple(facts),
        failed=step.outcome == Outcome.FAILED,
    )


def _step_detail(step: StepRow) -> str:
    """Its component, unless it is called like it; how long it took; whether it failed."""
    name = step.component.rsplit(".", 1)[-1]
    parts = [] if name == step.task else [name]
    if step.outcome != Outcome.SUCCEEDED:
        parts.append(step.outcome.lower() or "unknown outcome")
    elif took := show_duration(step.started, step.finished):
        parts.append(took)
    return ", ".join(parts)


def _more_box(step: str, count: int, *, output: bool) -> Box:
    what = "written" if output else "read"
    return Box(
        key=f"more:{step}:{what}",
        kind="more",
        title=f"{count} more",
        detail=f"{what} by it",
        link=step_link(step),
        facts=(("Artifacts", f"{count} more {what} by this step", step_link(step)),),
    )


def _arrows(links: Collection[Link]) -> list[Arrow]:
    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    positions = Counter((link.step, link.artifact, link.output, link.name) for link in links)
    for link in links:
        ends = (link.step, link.artifact) if link.output else (link.artifact, link.step)
        same = positions[link.step, link.artifact, link.output, link.name]
        name = f"{link.name}[{link.index}]" if link.index or same > 1 else link.name
        names[ends].append(name)
    return [Arrow(*ends, ", ".join(dict.fromkeys(texts))) for ends, texts in names.items()]
