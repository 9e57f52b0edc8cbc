"""What steps beside the chain say: what they returned, and on which data they judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kfp_provenance.analysis.diffing.metrics import reports
from kfp_provenance.analysis.diffing.parameters import compare_results
from kfp_provenance.facts import Digest, Step


def returned_values(before: Iterable[Step], after: Iterable[Step]) -> dict[tuple[str, str], str]:
    """Output parameters that differ, by their values before and after: ``TASK/NAME``."""
    return {
        (change.before, change.after): f"{other.task}/{change.name}"
        for one, other in _same_tasks(before, after)
        for change in compare_results(one, other)
    }


def unlike_judges(
    before: Iterable[Step], after: Iterable[Step], subjects: frozenset[Digest]
) -> Iterator[str]:
    """Why figures of a task are not of the same kind, if they are not.

    Args:
        before: Steps that reported figures, or not.
        after: Likewise.
        subjects: What is compared: that it differs is no reason.
    """
    for one, other in _same_tasks(before, after):
        if not (reports(one) and reports(other)):
            continue
        first = {(given.name, given.index): given.artifact.digest for given in one.inputs}
        names = [
            given.name
            for given in other.inputs
            if first.get((given.name, given.index)) != given.artifact.digest
            and given.artifact.digest not in subjects
        ]
        if names:
            what = f"judged on other {', '.join(names)}"
            yield f"{other.task} {what}: its metrics are not like with like"
        if one.component.source_digest != other.component.source_digest:
            yield f"{other.task} has other source code: its metrics are not like with like"


def _same_tasks(before: Iterable[Step], after: Iterable[Step]) -> Iterator[tuple[Step, Step]]:
    opposite = {step.task: step for step in before}
    for step in after:
        if step.task in opposite and opposite[step.task].id != step.id:
            yield opposite[step.task], step
