"""Figures that steps reported, before and after."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator

from kfp_provenance.analysis.diffing.history import task_in_any_iteration
from kfp_provenance.analysis.diffing.model import MetricChange
from kfp_provenance.facts import ArtifactKind, Step

Figures = dict[tuple[str, str], float]
"""By task and name."""


def compare_metrics(before: Iterable[Step], after: Iterable[Step]) -> tuple[MetricChange, ...]:
    """Figures of the steps on both sides, those that changed most first.

    Args:
        before: Steps before: those of the chain, and those that judged what was made.
        after: Steps after, likewise.

    Returns:
        Numbers among the entries of artifacts without bytes (``system.Metrics``) and among
        output parameters, of tasks of equal name.
    """
    first, second = _figures(before), _figures(after)
    opposite = _opposite(first, second)
    changes = []
    for (task, name), value in first.items():
        after_task = opposite.get(task, task)
        changes.append(MetricChange(after_task, name, value, second.get((after_task, name))))
    met = {(change.task, change.name) for change in changes}
    changes += [
        MetricChange(task, name, None, value)
        for (task, name), value in second.items()
        if (task, name) not in met
    ]
    return tuple(sorted(changes, key=_order))


def _opposite(first: Figures, second: Figures) -> dict[str, str]:
    """Tasks after by tasks before, where they are alone in being iterations of one loop."""
    before = {task for task, _ in first} - {task for task, _ in second}
    after = {task for task, _ in second} - {task for task, _ in first}

    def alone(tasks: set[str]) -> dict[str, str]:
        plain = Counter(map(task_in_any_iteration, tasks))
        return {
            task_in_any_iteration(task): task
            for task in tasks
            if plain[task_in_any_iteration(task)] == 1
        }

    known = alone(after)
    return {task: known[plain] for plain, task in alone(before).items() if plain in known}


def reports(step: Step) -> bool:
    """Whether a step reported any figure."""
    return any(True for _ in _reported(step))


def _order(change: MetricChange) -> tuple[float, str, str]:
    return -_relative(change), change.task, change.name


def _relative(change: MetricChange) -> float:
    """Difference as a share of the greater figure; 0 for what one side alone has."""
    if change.before is None or change.after is None or change.before == change.after:
        return 0.0
    return abs(change.after - change.before) / max(abs(change.before), abs(change.after))


def _figures(steps: Iterable[Step]) -> Figures:
    """Figures by task and name; of several attempts of a task, the latest counts."""
    found: Figures = {}
    for step in sorted(steps, key=lambda step: (step.started, step.id)):
        for name, value in _reported(step):
            found[step.task, name] = value
    return found


def _reported(step: Step) -> Iterator[tuple[str, float]]:
    for made in step.outputs:
        if made.artifact.kind is ArtifactKind.VALUES:
            position = f"#{made.index}" if made.index else ""
            for name, value in _numbers(made.artifact.metadata):
                yield f"{made.name}{position}.{name}", value
    for result in step.results:
        yield from ((result.name, value) for _, value in _numbers(f'{{"": {result.value}}}'))


def _numbers(text: str) -> Iterator[tuple[str, float]]:
    """Numbers among the entries of an object, also those that are written as text."""
    try:
        entries = json.loads(text or "{}")
    except ValueError:
        return
    for name, value in entries.items() if isinstance(entries, dict) else ():
        number = _number(value)
        if number is not None:
            yield name, number


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
