"""What the run of an artifact made of it: its metrics, its bundle, where it was published."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kfp_provenance.metadata import LineageIndex
from kfp_provenance.metadata.graph import ArtifactRow, EdgeRow, StepRow
from kfp_provenance.web.references import Content
from kfp_provenance.web.settings import Limits

_NEAREST = 200
"""Steps at the end of a trace among which are those that wrote the artifact itself."""
_METRICS = ("system.Metrics", "Metrics")
_RUNS = 3


@dataclass(frozen=True)
class Made:
    """An output of a step that read the artifact.

    Attributes:
        step: The step.
        name: Of the output.
        row: Of the output.
        read_as: Names of the inputs that the artifact was.
    """

    step: StepRow
    name: str
    row: ArtifactRow
    read_as: frozenset[str]


@dataclass(frozen=True)
class Metric:
    """One number, and the step that measured it."""

    name: str
    value: object
    step: StepRow


@dataclass(frozen=True)
class Family:
    """What stands around an artifact in the runs that made it.

    Attributes:
        producers: Output name and step, the newest first.
        made_of_it: Outputs of steps of these runs that read the artifact.
    """

    producers: tuple[tuple[str, StepRow], ...]
    made_of_it: tuple[Made, ...]

    @property
    def name(self) -> str:
        """Name of the output that it was first; empty if nobody is known to have made it."""
        return self.producers[-1][0] if self.producers else ""

    def metrics(self) -> tuple[Metric, ...]:
        """Numbers that were measured on the artifact, each task's newest, sorted."""
        measured = [made for made in self.made_of_it if made.row.type in _METRICS]
        newest = {made.step.task: made.step.id for made in reversed(measured)}
        found = [
            Metric(name, value, made.step)
            for made in measured
            if newest[made.step.task] == made.step.id
            for name, value in metadata_of(made.row).items()
        ]
        return tuple(sorted(found, key=lambda metric: (metric.step.task, metric.name)))


def family_of(index: LineageIndex, content: Content, limits: Limits) -> Family:
    """Read it from the store.

    Raises:
        StoreError: If the store cannot be read.
    """
    producers = producers_of(index, content)
    rows = set(content.rows)
    made: list[Made] = []
    for run in list(dict.fromkeys(step.run for _, step in producers if step.run))[:_RUNS]:
        edges = index.edges(index.steps_of_run(run)[-limits.run_steps :])
        names: dict[int, set[str]] = defaultdict(set)
        for edge in edges:
            if not edge.output and edge.artifact in rows:
                names[edge.step].add(edge.name)
        made += _outputs(index, [e for e in edges if e.output and e.step in names], names)
    return Family(producers, tuple(made))


def producers_of(index: LineageIndex, content: Content) -> tuple[tuple[str, StepRow], ...]:
    """Output name and step of everyone who wrote these bytes, the newest first."""
    rows = set(content.rows)
    nearest = index.upstream(content.followed)[-_NEAREST:]
    names = {
        edge.step: edge.name
        for edge in index.edges(nearest)
        if edge.output and edge.artifact in rows
    }
    steps = index.steps(sorted(names, reverse=True))
    return tuple((names[step.id], step) for step in steps)


def _outputs(
    index: LineageIndex, edges: Sequence[EdgeRow], names: Mapping[int, Collection[str]]
) -> list[Made]:
    rows = {row.id: row for row in index.artifacts(sorted({edge.artifact for edge in edges}))}
    steps = {step.id: step for step in index.steps(sorted({edge.step for edge in edges}))}
    return [
        Made(steps[edge.step], edge.name, rows[edge.artifact], frozenset(names[edge.step]))
        for edge in edges
        if edge.step in steps and edge.artifact in rows
    ]


def metadata_of(row: ArtifactRow) -> dict[str, object]:
    """What a task wrote into the artifact's metadata; empty if that is not readable."""
    try:
        value = json.loads(row.metadata) if row.metadata else {}
    except (ValueError, RecursionError):
        return {}
    return {str(name): v for name, v in value.items()} if isinstance(value, dict) else {}
