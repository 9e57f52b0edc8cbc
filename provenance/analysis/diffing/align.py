"""Walk two chains upstream side by side, from what was asked about to where they part."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from kfp_provenance.analysis.diffing.history import Given, History
from kfp_provenance.analysis.diffing.pairing import InputPair, meet, pair_inputs
from kfp_provenance.facts import Step

MAX_PAIRS = 20_000
"""Pairs of steps that are compared; real chains have as many as they have steps."""

Key = tuple[str, str]
"""Ids of two aligned steps."""


class SplitKind(StrEnum):
    """How two chains part other than by a step that made other outputs."""

    ROOT = "root"
    """Both sides read it from outside, with other bytes."""
    ORIGIN = "origin"
    """A step wrote it on one side; on the other it came from outside."""
    INPUT_ONE_SIDED = "input on one side"
    """Only one of two aligned steps has the input."""
    STEPS_ONE_SIDED = "steps on one side"
    """Only one chain has the steps; behind them both go on."""
    OTHER_OUTPUT = "other output"
    """The consumers read different outputs of the same step."""


@dataclass(frozen=True)
class StepPair:
    """Two steps that stand opposite to each other and wrote other bytes.

    Attributes:
        before: The step of the chain before.
        after: The step of the chain after.
        inputs: Their inputs, opposite to each other.
    """

    before: Step
    after: Step
    inputs: tuple[InputPair, ...]

    @property
    def key(self) -> Key:
        """Identity of the pair."""
        return self.before.id, self.after.id

    @property
    def task(self) -> str:
        """What people call it."""
        return task_label(self.before, self.after)


@dataclass(frozen=True)
class Split:
    """Where two chains part, at an input of two aligned steps or at the subject itself.

    Attributes:
        kind: How.
        consumer: The steps that read it; None at the subject.
        name: Name of the input, or of the subject.
        before: What was read before; None if only the other side has it.
        after: Likewise.
        steps: Steps that only one side has, the nearest to the subject first.
        in_after: Whether ``steps``, or the input on one side, are on the side after.
        first: Whether nothing behind it differs.
    """

    kind: SplitKind
    consumer: Key | None
    name: str
    before: Given | None
    after: Given | None
    steps: tuple[Step, ...] = ()
    in_after: bool = False
    first: bool = True


@dataclass(frozen=True)
class SubjectPair:
    """What is compared: artifacts of equal name on both sides."""

    name: str
    before: Given
    after: Given


@dataclass
class Alignment:
    """Two chains side by side, as far as they differ.

    Attributes:
        pairs: Aligned steps that wrote other bytes.
        producers: Pairs that stand behind each pair.
        subjects: Names of the subjects that each pair wrote.
        splits: Where the chains part other than by such a pair.
        same_content: Contents that are equal on both sides, and came by other steps.
        cut: Whether there were too many pairs.
    """

    pairs: dict[Key, StepPair] = field(default_factory=dict)
    producers: dict[Key, set[Key]] = field(default_factory=dict)
    subjects: defaultdict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))
    splits: list[Split] = field(default_factory=list)
    same_content: dict[Key, tuple[Given, Given]] = field(default_factory=dict)
    cut: bool = False


def task_label(before: Step, after: Step) -> str:
    """Name of a pair of steps."""
    return after.task if before.task == after.task else f"{after.task} (was {before.task})"


def align(
    histories: tuple[History, History],
    subjects: Sequence[SubjectPair],
    steps: Sequence[tuple[Step, Step]] = (),
) -> Alignment:
    """Compare two chains from their subjects upstream.

    Equal bytes end a path: nothing behind them differs in content. Every pair of steps is
    visited once, so that loops and copies end too.

    Args:
        histories: The chains before and after.
        subjects: What to start at.
        steps: Pairs of steps to start at as well, whatever they wrote.
    """
    walk = _Walk(histories)
    for subject in subjects:
        walk.compare(None, subject.name, subject.before, subject.after)
    for before, after in steps:
        walk.visit(None, task_label(before, after), before, after)
    walk.run()
    return walk.found


class _Walk:
    def __init__(self, histories: tuple[History, History]) -> None:
        self._histories = histories
        self._todo: deque[StepPair] = deque()
        self.found = Alignment()

    def run(self) -> None:
        while self._todo:
            pair = self._todo.popleft()
            for inputs in pair.inputs:
                self._inputs(pair.key, inputs)

    def _inputs(self, consumer: Key, inputs: InputPair) -> None:
        one, other = inputs.before, inputs.after
        if one is not None and other is not None:
            self.compare(consumer, other.name, one, other)
            return
        given = one or other
        if given is not None:
            in_after = other is not None
            kind = SplitKind.INPUT_ONE_SIDED
            self._split(Split(kind, consumer, given.name, one, other, in_after=in_after))

    def compare(self, consumer: Key | None, name: str, before: Given, after: Given) -> None:
        """Two contents at the same place."""
        if before.artifact.digest == after.artifact.digest:
            self._same(before, after)
            return
        met = meet(self._histories, before, after)
        equal = met.before.artifact.digest == met.after.artifact.digest
        for steps, in_after in ((met.only_before, False), (met.only_after, True)):
            if steps:
                kind = SplitKind.STEPS_ONE_SIDED
                self._split(
                    Split(kind, consumer, name, before, after, steps, in_after, first=equal)
                )
        before, after = met.before, met.after
        if equal:
            self._same(before, after)
        elif before.place is not None and after.place is not None:
            if not self._only_other_output(consumer, name, before, after):
                self.visit(consumer, name, before.place.step, after.place.step)
        else:
            alike = before.place is after.place is None
            kind = SplitKind.ROOT if alike else SplitKind.ORIGIN
            self._split(Split(kind, consumer, name, before, after))

    def _only_other_output(
        self, consumer: Key | None, name: str, before: Given, after: Given
    ) -> bool:
        """Whether the steps wrote equal bytes there, and what differs is which output was read."""
        one, other = before.place, after.place
        if one is None or other is None or (one.output, one.index) == (other.output, other.index):
            return False
        opposite = [
            made.artifact.digest
            for made in other.step.outputs
            if (made.name, made.index) == (one.output, one.index)
        ]
        if not opposite:
            return False  # the output was renamed
        first = opposite == [before.artifact.digest]
        self._split(Split(SplitKind.OTHER_OUTPUT, consumer, name, before, after, first=first))
        return first

    def visit(self, consumer: Key | None, name: str, before: Step, after: Step) -> None:
        """Two steps that stand opposite to each other."""
        key = (before.id, after.id)
        if key not in self.found.pairs:
            if len(self.found.pairs) >= MAX_PAIRS:
                self.found.cut = True
                return
            one, other = self._histories
            inputs = pair_inputs(one.inputs(before), other.inputs(after))
            pair = StepPair(before, after, inputs)
            self.found.pairs[key] = pair
            self.found.producers[key] = set()
            self._todo.append(pair)
        if consumer is None:
            self.found.subjects[key].add(name)
        elif consumer != key:
            self.found.producers[consumer].add(key)

    def _split(self, split: Split) -> None:
        self.found.splits.append(split)

    def _same(self, before: Given, after: Given) -> None:
        one, other = (given.place.step.id if given.place else "" for given in (before, after))
        if one != other:
            self.found.same_content[one, other] = (before, after)
