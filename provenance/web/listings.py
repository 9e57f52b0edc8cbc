"""Lists of runs and models, a page at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kfp_provenance.facts import Outcome
from kfp_provenance.metadata import LineageIndex
from kfp_provenance.metadata.graph import ArtifactRow, Selection, StepRow
from kfp_provenance.web.links import is_model

_BATCH, _BATCHES = 200, 10
"""Steps that are looked at together for models, and how often for one page."""
_LOOKED_AT = 40
"""Steps of each run of a list that are looked at; a run may have a hundred thousand."""


@dataclass(frozen=True)
class RunLine:
    """A run in a list.

    Attributes:
        id: Of the run.
        pipeline: Name of its pipeline.
        namespace: Of its steps.
        steps: How many.
        failed: How many of them failed, of those that were looked at.
        is_whole: Whether all were looked at.
        started: Of its first step.
        finished: Of its last step.
    """

    id: str
    pipeline: str
    namespace: str
    steps: int
    failed: int
    is_whole: bool
    started: datetime | None
    finished: datetime | None


@dataclass(frozen=True)
class RunList:
    """A page of runs; ``older`` is where the next page begins, None at the end."""

    lines: tuple[RunLine, ...]
    older: int | None


@dataclass(frozen=True)
class ModelLine:
    """A model in a list: its row, and the step and output that it came from."""

    row: ArtifactRow
    step: StepRow
    output: str


@dataclass(frozen=True)
class ModelList:
    """A page of models, each content once; ``older`` as of runs."""

    lines: tuple[ModelLine, ...]
    older: int | None


def list_runs(index: LineageIndex, selection: Selection, before: int | None, limit: int) -> RunList:
    """Newest runs first.

    Raises:
        StoreError: If the store cannot be read.
    """
    if selection.since or selection.until:
        return _runs_of_a_time(index, selection, before, limit)
    found = index.list_runs(selection, before=before, limit=limit + 1)
    lines = _lines(index, [run for _, run in found[:limit]])
    return RunList(tuple(lines.values()), found[limit - 1][0] if len(found) > limit else None)


def _runs_of_a_time(
    index: LineageIndex, selection: Selection, before: int | None, limit: int
) -> RunList:
    """By way of the steps, which a store finds by their time; it has none of runs.

    A run stands where its newest step of that time is: not again where older ones are.
    """
    found: dict[str, RunLine] = {}
    page = before
    for _ in range(_BATCHES):
        ids = index.list_steps(selection, before=before, limit=_BATCH)
        steps = {step.id: step for step in index.steps(ids)}
        runs = dict.fromkeys(step.run for step in steps.values() if step.run)
        new = [r for r in runs if r not in found and not _is_above(index, r, page, selection)]
        lines = _lines(index, new)
        for row in ids:
            if (step := steps.get(row)) and step.run in lines:
                found.setdefault(step.run, lines[step.run])
            before = row
            if len(found) >= limit:
                return RunList(tuple(found.values()), before)
        if len(ids) < _BATCH:
            return RunList(tuple(found.values()), None)
    return RunList(tuple(found.values()), before)


def _is_above(index: LineageIndex, run: str, page: int | None, selection: Selection) -> bool:
    """Whether a run has a selected step before the page that begins below a row."""
    if page is None:
        return False
    newer = [row for row in index.steps_of_run(run)[-_LOOKED_AT:] if row >= page]
    return any(selection.matches_step(step) for step in index.steps(newer))


def _lines(index: LineageIndex, runs: Sequence[str]) -> dict[str, RunLine]:
    steps = {run: index.steps_of_run(run) for run in runs}
    looked = {run: _some(ids) for run, ids in steps.items()}
    every = sorted({row for ids in looked.values() for row in ids})
    rows = {row.id: row for row in index.steps(every)}
    return {
        run: run_line(run, len(steps[run]), [rows[i] for i in looked[run] if i in rows])
        for run in runs
    }


def list_models(
    index: LineageIndex, selection: Selection, before: int | None, limit: int
) -> ModelList:
    """Models in the order of the steps that wrote them, the newest first.

    By way of the steps, so that the list says where a model came from, and so that a page
    costs the same in a store of any size. Where models are rare, a page may have few.

    Raises:
        StoreError: If the store cannot be read.
    """
    found: dict[str, ModelLine] = {}
    for _ in range(_BATCHES):
        ids = index.list_steps(selection, before=before, limit=_BATCH)
        lines = _models_of(index, ids)
        for row in ids:
            for line in lines.get(row, ()):
                found.setdefault(line.row.key, line)
            before = row
            if len(found) >= limit:
                return ModelList(tuple(found.values()), before)
        if len(ids) < _BATCH:
            return ModelList(tuple(found.values()), None)
    return ModelList(tuple(found.values()), before)


def _models_of(index: LineageIndex, steps: Sequence[int]) -> dict[int, list[ModelLine]]:
    """Models that the steps wrote, by step."""
    edges = [edge for edge in index.edges(steps) if edge.output]
    rows = {row.id: row for row in index.artifacts(sorted({edge.artifact for edge in edges}))}
    made = [e for e in edges if e.artifact in rows and is_model(rows[e.artifact].type)]
    writers = {step.id: step for step in index.steps(sorted({edge.step for edge in made}))}
    lines: dict[int, list[ModelLine]] = defaultdict(list)
    for edge in made:
        lines[edge.step].append(ModelLine(rows[edge.artifact], writers[edge.step], edge.name))
    return lines


def run_line(run: str, count: int, steps: Sequence[StepRow]) -> RunLine:
    """The line of a run.

    Args:
        run: Its id.
        count: How many steps it has.
        steps: Those of them that were looked at.
    """
    started = [step.started for step in steps if step.started is not None]
    finished = [step.finished for step in steps if step.finished is not None]
    return RunLine(
        id=run,
        pipeline=next((step.pipeline for step in steps if step.pipeline), ""),
        namespace=next((step.namespace for step in steps if step.namespace), ""),
        steps=count,
        failed=sum(step.outcome == Outcome.FAILED for step in steps),
        is_whole=len(steps) == count,
        started=min(started, default=None),
        finished=max(finished, default=None),
    )


def _some(ids: tuple[int, ...]) -> tuple[int, ...]:
    return ids if len(ids) <= _LOOKED_AT else (ids[0], *ids[1 - _LOOKED_AT :])
