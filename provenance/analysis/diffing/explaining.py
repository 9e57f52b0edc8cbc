"""From an alignment to causes, consequences and notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from types import MappingProxyType

from kfp_provenance.analysis.diffing.align import MAX_PAIRS, Alignment, Key, SplitKind, StepPair
from kfp_provenance.analysis.diffing.compared_data import DataWalk
from kfp_provenance.analysis.diffing.describing import changed_outputs, split_cause
from kfp_provenance.analysis.diffing.history import Given
from kfp_provenance.analysis.diffing.model import Cause, CauseKind, Consequence
from kfp_provenance.analysis.diffing.parameters import compare_results
from kfp_provenance.analysis.diffing.routes import FirstDivergence, first_divergences
from kfp_provenance.analysis.diffing.step_causes import (
    PairDifferences,
    change,
    not_reproducible,
    step_causes,
    task_list,
)
from kfp_provenance.analysis.diffing.steps import Environments, compare_steps

_TELLING = frozenset({CauseKind.PARAMETER, CauseKind.SOURCE, CauseKind.COMPONENT})
"""Differences that make it worth saying that the outputs are equal all the same."""
_SAME_CONTENT_NOTES = 5


class Explanation:
    """What follows from an alignment.

    Args:
        found: The alignment.
        environments: Looks up Python environments.
        data: Compares tables.
        returned: What returned other values, by value before and after.

    Attributes:
        firsts: Where the chains part first.
        causes: The likeliest first.
        consequences: In the order in which the steps ran.
        notes: What could not be told.
    """

    def __init__(
        self,
        found: Alignment,
        environments: Environments,
        data: DataWalk,
        returned: Mapping[tuple[str, str], str] = MappingProxyType({}),
    ) -> None:
        self._found = found
        self._returned = returned
        self._environments = environments
        self._data = data
        self.firsts = first_divergences(found)
        self._own = {first.pair.key for first in self.firsts if first.pair is not None}
        self._parting = {split.consumer for split in found.splits if split.first}
        self.consequences: list[Consequence] = []
        self.notes: list[str] = []
        causes = [*self._split_causes(), *self._step_causes()]
        self.notes += data.found.notes
        self.notes += [*_lost(found), *islice(self._same_content(), _SAME_CONTENT_NOTES)]
        if found.cut:
            self.notes.append(f"only {MAX_PAIRS:,} pairs of steps were compared")
        causes += data.found.causes
        self.causes = sorted(causes, key=lambda cause: -cause.score)

    def _split_causes(self) -> Iterator[Cause]:
        """Tables from outside are compared before all others, as far as the limits go."""
        for first in self.firsts:
            splits = first.splits
            if not splits:
                continue
            readers = self._readers(first)
            if splits[0].kind is SplitKind.ROOT:
                self._data.source(splits[0], readers)
            else:
                yield split_cause(splits[0], task_list(pair.task for pair in readers))
        for split in self._found.splits:
            if not split.first:
                pair = self._found.pairs.get(split.consumer) if split.consumer else None
                yield split_cause(split, pair.task if pair else "")

    def _readers(self, first: FirstDivergence) -> list[StepPair]:
        keys = [split.consumer for split in first.splits if split.consumer is not None]
        return [self._found.pairs[key] for key in keys]

    def _step_causes(self) -> list[Cause]:
        compared: list[PairDifferences] = []
        unexplained: list[Cause] = []
        order = sorted(
            self._found.pairs.items(), key=lambda item: (item[1].after.started, item[1].task)
        )
        for key, pair in order:
            result = compare_steps(pair, self._environments)
            self.notes += result.notes
            at_first = key in self._own or key in self._parting
            at_subject = bool(self._found.subjects.get(key))
            compared.append(PairDifferences(pair, result.differences, at_first, at_subject))
            outputs = ", ".join(changed_outputs(pair.before, pair.after))
            if key in self._own and not result.differences and outputs:
                unexplained.append(not_reproducible(pair, outputs))
            self._follow(key, pair, outputs, differs=bool(result.differences))
        return [*map(self._traced, step_causes(compared)), *unexplained]

    def _traced(self, cause: Cause) -> Cause:
        """A parameter whose values another task returned is not the user's."""
        origin = self._returned.get((cause.before, cause.after))
        if origin is None or cause.kind not in (CauseKind.PARAMETER, CauseKind.SEED):
            return cause
        return replace(cause, why=f"{cause.why}; {origin} returned these values")

    def _follow(self, key: Key, pair: StepPair, outputs: str, *, differs: bool) -> None:
        """What a pair of steps wrote: where data come into the chain, or what follows."""
        first = key in self._own
        line = self._data.step(pair, as_causes=first and not (pair.inputs and differs))
        parts = [f"{outputs} differ{'' if ',' in outputs else 's'}"] if outputs else []
        parts += [line] if line else []
        if parts and (line or not first):
            self.consequences.append(Consequence(pair.task, "; ".join(parts)))
        for result in compare_results(pair.before, pair.after):
            title = f"returned another {result.name}{change(result.before, result.after)}"
            self.consequences.append(Consequence(pair.task, title))

    def _same_content(self) -> Iterator[str]:
        for before, after in self._found.same_content.values():
            if before.place is None or after.place is None:
                yield _one_origin(before, after)
                continue
            pair = StepPair(before.place.step, after.place.step, ())
            found = compare_steps(pair, self._environments).differences
            telling = [d for d in found if d.kind in _TELLING]
            if telling:
                what = f"{telling[0].kind} {telling[0].name}".strip()
                yield f"{pair.task} wrote equal bytes although its {what} differs"


def _one_origin(before: Given, after: Given) -> str:
    """Equal bytes that only one side saw being written."""
    place, side = (before.place, "before") if before.place else (after.place, "after")
    task = place.step.task if place else ""
    return f"{after.name!r} has equal bytes, which {task} wrote {side}; else they are from outside"


def _lost(found: Alignment) -> Iterator[str]:
    """Inputs whose producers are not in the store: the chain goes on behind them unseen."""
    for split in found.splits:
        for given in (split.before, split.after):
            if given is not None and given.lost:
                where = given.artifact.uri
                yield f"the step that wrote {given.name!r} is not in this store: {where}"
