"""The page of a run: its steps, its models."""

from __future__ import annotations

from dataclasses import dataclass

from kfp_provenance.metadata import LineageIndex
from kfp_provenance.metadata.graph import ArtifactRow, StepRow
from kfp_provenance.web.links import is_model
from kfp_provenance.web.listings import RunLine, run_line
from kfp_provenance.web.references import content_of, unknown
from kfp_provenance.web.settings import Limits
from kfp_provenance.web.verdicts import Judge, Judgement

_JUDGED_AT_ONCE = 2
"""Models whose verdict is part of the page; those of others come when it is there."""
_STEPS = 200
"""Steps in one part of the table."""


@dataclass(frozen=True)
class RunPage:
    """A run.

    Attributes:
        line: As in the list of runs, over all its steps as far as they are read.
        steps: This part of its steps.
        start: Position of the first of them.
        count: How many there are.
        models: Models that it made, with the verdict if it is known at once.
        more_models: How many more.
    """

    line: RunLine
    steps: tuple[StepRow, ...]
    start: int
    count: int
    models: tuple[tuple[ArtifactRow, Judgement | None], ...]
    more_models: int

    @property
    def next(self) -> int | None:
        """Where the next part begins."""
        after = self.start + len(self.steps)
        return after if after < self.count else None

    @property
    def previous(self) -> int | None:
        """Where the part before begins."""
        return max(0, self.start - _STEPS) if self.start else None


def run_page(index: LineageIndex, run: str, judge: Judge, limits: Limits, *, start: int) -> RunPage:
    """Read a run.

    Raises:
        StoreError: REFERENCE_UNKNOWN, or if the store cannot be read.
    """
    ids = index.steps_of_run(run)
    if not ids:
        raise unknown("run", run)
    looked = index.steps(ids[: limits.run_steps])
    line = run_line(run, len(ids), looked)
    made = index.artifacts(index.outputs(ids[-limits.run_steps :]))
    unique = {row.key: row for row in made if is_model(row.type)}
    models = sorted(unique.values(), key=lambda row: row.id, reverse=True)
    shown = models[: limits.rows]
    return RunPage(
        line=line,
        steps=index.steps(ids[start : start + _STEPS]),
        start=start,
        count=len(ids),
        models=tuple(
            (row, judge.judge(index, content_of(index, row.key)) if n < _JUDGED_AT_ONCE else None)
            for n, row in enumerate(shown)
        ),
        more_models=len(models) - len(shown),
    )
