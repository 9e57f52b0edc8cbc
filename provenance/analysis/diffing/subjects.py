"""Which artifact of the one side stands opposite to which of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kfp_provenance.analysis.diffing.align import SubjectPair
from kfp_provenance.analysis.diffing.history import Given, task_in_any_iteration
from kfp_provenance.analysis.diffing.sides import Side
from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import Outcome, Step

_NAMES = 5
"""Artifacts of one side that a note names."""


@dataclass(frozen=True)
class Paired:
    """Subjects that stand opposite to each other, and what does not.

    Attributes:
        subjects: Pairs of artifacts.
        steps: Pairs of steps of which one failed.
        notes: What is there on one side only.
    """

    subjects: tuple[SubjectPair, ...]
    steps: tuple[tuple[Step, Step], ...] = ()
    notes: tuple[str, ...] = ()


def pair_sides(before: Side, after: Side) -> Paired:
    """Subjects of equal task and name; else of equal name; else those that are alone.

    Raises:
        StoreError: USAGE if nothing stands opposite to anything.
    """
    left, right = list(before.subjects), list(after.subjects)
    pairs: list[SubjectPair] = []
    for key in (_exactly, _in_any_iteration, _by_name):
        for one in tuple(left):
            alike = [other for other in right if key(other) == key(one)]
            if len(alike) == 1 or (alike and key is _exactly):
                left.remove(one)
                right.remove(alike[0])
                pairs.append(SubjectPair(_pair_name(one, alike[0]), one, alike[0]))
    if not pairs and len(left) == len(right) == 1:
        pairs.append(SubjectPair(_pair_name(left[0], right[0]), left.pop(), right.pop()))
    steps = _failed(before, after)
    if not pairs and not steps:
        raise StoreError(
            Code.USAGE,
            "nothing of the one stands opposite to anything of the other",
            found=f"{len(left)} artifacts before, {len(right)} after",
            remedy="name an artifact of each, as RUN/TASK/OUTPUT",
        )
    notes = []
    if before.whole_run and after.whole_run:
        notes = [*_one_sided("before", left), *_one_sided("after", right)]
    return Paired(tuple(pairs), steps, tuple(notes))


def _one_sided(side: str, rest: Sequence[Given]) -> list[str]:
    if not rest:
        return []
    more = f" and {len(rest) - _NAMES} more" if len(rest) > _NAMES else ""
    return [f"only {side}: {', '.join(map(_name, rest[:_NAMES]))}{more}"]


def _failed(before: Side, after: Side) -> tuple[tuple[Step, Step], ...]:
    """Tasks of two runs that failed in one of them, and what they did in the other."""
    if not (before.whole_run and after.whole_run):
        return ()
    opposite = {step.task: step for step in after.steps}
    return tuple(
        (step, opposite[step.task])
        for step in before.steps
        if step.task in opposite
        and Outcome.FAILED in (step.outcome, opposite[step.task].outcome)
        and step.outcome is not opposite[step.task].outcome
    )


def _exactly(given: Given) -> object:
    task = given.place.step.task if given.place else ""
    return task, given.name, given.index


def _in_any_iteration(given: Given) -> object:
    task = given.place.step.task if given.place else ""
    return task_in_any_iteration(task), given.name, given.index


def _by_name(given: Given) -> object:
    return given.name, given.index


def _name(given: Given) -> str:
    position = f"#{given.index}" if given.index else ""
    task = f"{given.place.step.task}/" if given.place else ""
    return f"{task}{given.name}{position}"


def _pair_name(before: Given, after: Given) -> str:
    one, other = _name(before), _name(after)
    return other if one == other else f"{other} (was {one})"
