"""Answers of lineage -> frames."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from kfp_provenance.analysis import frames
from kfp_provenance.analysis.deployments import Deployment, deployed
from kfp_provenance.facts import Outcome, Parameter, Step
from kfp_provenance.lineage.views import ArtifactNode, Graph, Impact, Link
from kfp_provenance.metadata import LineageIndex
from kfp_provenance.metadata.graph import StepRow

if TYPE_CHECKING:
    from kfp_provenance.analysis.diffing.model import LineageDiff


def runs(index: LineageIndex, ids: Sequence[str]) -> pd.DataFrame:
    """One row for each run that has steps."""
    members = {run: index.steps_of_run(run) for run in ids}
    steps = {s.id: s for s in index.steps([i for found in members.values() for i in found])}
    return frames.frame(
        (
            _run(run, [steps[i] for i in found if i in steps])
            for run, found in members.items()
            if any(i in steps for i in found)
        ),
        frames.RUN_COLUMNS,
    )


def _run(run: str, steps: Sequence[StepRow]) -> dict[str, Any]:
    return {
        "run": run,
        "pipeline": next((s.pipeline for s in steps if s.pipeline), ""),
        "namespace": next((s.namespace for s in steps if s.namespace), ""),
        "steps": len(steps),
        "failed": sum(s.outcome == Outcome.FAILED for s in steps),
        "started": min((s.started for s in steps if s.started), default=None),
        "finished": max((s.finished for s in steps if s.finished), default=None),
    }


def steps(index: LineageIndex, ids: Sequence[int], *, parameters: bool) -> pd.DataFrame:
    """One row for each step; with a column for each parameter if they are wanted."""
    rows = index.steps(ids)
    table = frames.frame(({**_step(row), "seconds": _seconds(row)} for row in rows),
                         frames.STEP_COLUMNS)  # fmt: skip
    if not parameters:
        return table
    known = {record.id: record for record in index.records(ids)}
    values = [_parameters(known[row.step]) if row.step in known else {} for row in rows]
    for name in sorted({name for each in values for name in each}):
        column = [each.get(name) for each in values]
        table[f"parameter.{name}"] = pd.Series(column, dtype="string")
    return table


def _step(row: StepRow) -> dict[str, Any]:
    return {
        name: getattr(row, name)
        for name in ("step", "run", "task", "pipeline", "namespace", "component", "outcome",
                     "started", "finished")
    }  # fmt: skip


def _seconds(row: StepRow) -> float | None:
    if row.started is None or row.finished is None:
        return None
    return (row.finished - row.started).total_seconds()


def _parameters(step: Step) -> dict[str, str]:
    return {p.name: p.value or p.keyed_digest for p in step.parameters}


def artifacts(index: LineageIndex, ids: Sequence[int]) -> pd.DataFrame:
    """One row for each row of the store, with the step that wrote it, or else read it first."""
    makers = _makers(index, ids)
    return frames.frame(
        (
            {
                "digest": str(row.digest) if row.digest else None, "type": row.type,
                "size": row.size, "uri": row.uri, "created": row.created, **makers[row.id],
            }
            for row in index.artifacts(ids)
        ),
        frames.ARTIFACT_COLUMNS,
    )  # fmt: skip


def _makers(index: LineageIndex, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    written, _ = index.edges_of_artifacts(ids, output=True)
    known = {edge.artifact for edge in written}
    read, _ = index.edges_of_artifacts([i for i in ids if i not in known], output=False)
    nodes = {step.id: step for step in index.steps(sorted({e.step for e in (*written, *read)}))}
    nobody = {"name": None, "run": None, "task": None, "pipeline": None, "namespace": None}
    found: dict[int, dict[str, Any]] = defaultdict(lambda: nobody)
    for edge in (*written, *read):  # newest first: the oldest stays
        step = nodes[edge.step]
        found[edge.artifact] = {
            "name": edge.name, "run": step.run, "task": step.task if edge.output else None,
            "pipeline": step.pipeline, "namespace": step.namespace,
        }  # fmt: skip
    return found


def values(index: LineageIndex, ids: Sequence[int]) -> pd.DataFrame:
    """Metrics (metadata of artifacts without bytes) and output parameters."""
    return frames.frame(
        (
            {
                "run": step.run, "pipeline": step.pipeline, "task": step.task, "name": name,
                "value": _number(value), "text": _text(value), "finished": step.finished,
            }
            for step in index.records(ids)
            for name, value in _values(step)
        ),
        frames.VALUE_COLUMNS,
    )  # fmt: skip


def _values(step: Step) -> Iterator[tuple[str, object]]:
    for output in step.outputs:
        if output.artifact.type.endswith("Metrics"):
            content = _json(output.artifact.metadata)
            if isinstance(content, dict):
                yield from ((str(name), value) for name, value in content.items())
    for result in step.results:
        yield _result(result)


def _result(result: Parameter) -> tuple[str, object]:
    return result.name, _json(result.value) if result.value else result.keyed_digest


def _json(text: str) -> object:
    try:
        value: object = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return text
    return value


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def trace(graph: Graph, ends: Sequence[str] = ()) -> pd.DataFrame:
    """One row for each content and step that wrote it, nearest to the end first.

    Args:
        graph: The way.
        ends: Keys of the contents at distance 0; those that were asked about if empty.
    """
    distances = _distances(graph, ends or graph.starts)
    steps_by_key = {step.key: step for step in graph.steps}
    writers: dict[str, list[Link]] = {}
    for link in graph.links:
        if link.output:
            writers.setdefault(link.artifact, []).append(link)
    nobody: tuple[Link | None, ...] = (None,)
    rows = [
        (distances.get(node.key), _on_the_way(node, link, steps_by_key))
        for node in graph.artifacts
        for link in writers.get(node.key, nobody)
    ]
    rows.sort(key=lambda row: (row[0] is None, row[0] or 0))
    return frames.frame(
        ({**row, "distance": distance} for distance, row in rows), frames.TRACE_COLUMNS
    )


def _on_the_way(
    node: ArtifactNode, link: Link | None, steps_by_key: Mapping[str, StepRow]
) -> dict[str, Any]:
    if link is None:
        return {**dict.fromkeys(frames.TRACE_COLUMNS), **_node(node), "name": node.name}
    return {**_step(steps_by_key[link.step]), **_node(node), "name": link.name, "uri": link.uri}


def _node(node: ArtifactNode) -> dict[str, Any]:
    return {
        "digest": str(node.digest) if node.digest else None,
        "type": node.type,
        "size": node.size,
        "uri": node.uris[-1] if node.uris else None,
    }


def _distances(graph: Graph, ends: Sequence[str]) -> dict[str, int]:
    """Steps from each content to the nearest end, upstream."""
    made_by: dict[str, list[str]] = defaultdict(list)
    read_by: dict[str, list[str]] = defaultdict(list)
    for link in graph.links:
        (made_by[link.artifact] if link.output else read_by[link.step]).append(
            link.step if link.output else link.artifact
        )
    distances = dict.fromkeys(ends, 0)
    todo = deque(ends)
    while todo:
        key = todo.popleft()
        for step in made_by[key]:
            for source in read_by[step]:
                if source not in distances:
                    distances[source] = distances[key] + 1
                    todo.append(source)
    return distances


def impact(index: LineageIndex, found: Impact, deployments: Sequence[Deployment]) -> pd.DataFrame:
    """One row for each model."""
    makers = _makers(index, [node.rows[0] for node in found.models])
    names: Mapping[str, list[Any]] = defaultdict(list)
    for name in found.published:
        names[str(name.model)].append(name)
    places = deployed(found, deployments)
    return frames.frame(
        (
            {
                **makers[node.rows[0]],
                **_node(node),
                "created": node.created,
                "published": ", ".join(name.pointer for name in names[node.key]) or None,
                "serving": any(name.current for name in names[node.key]),
                "deployments": ", ".join(d.label for d in places.get(node.key, ())) or None,
            }
            for node in found.models
        ),
        frames.IMPACT_COLUMNS,
    )


def causes(found: LineageDiff) -> pd.DataFrame:
    """One row for each cause, the likeliest first."""
    return frames.frame(
        (
            {
                "kind": str(cause.kind), "title": cause.title, "tasks": ", ".join(cause.tasks),
                "name": cause.name or None, "column": cause.column or None,
                "before": cause.before or None, "after": cause.after or None,
                "score": cause.score, "why": cause.why,
            }
            for cause in found.causes
        ),
        frames.CAUSE_COLUMNS,
    )  # fmt: skip
