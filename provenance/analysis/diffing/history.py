"""The steps behind one of the two artifacts, and which of them wrote what was read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from kfp_provenance.facts import Artifact, Digest, Input, InputOrigin, Step

_ITERATION = re.compile(r"(?<=-iteration-)\d+(?=/|$)")


@dataclass(frozen=True)
class Place:
    """An output of a step: where a content came from."""

    step: Step
    output: str
    index: int


@dataclass(frozen=True)
class Given:
    """A content on one side, and where it came from.

    Attributes:
        artifact: What was read, or is asked about.
        place: The output that it was; None if nobody in the chain wrote it (a root).
        name: Name of the input that it was read as, or of the subject.
        index: Position in that input.
        origin: How it came to its reader; None for a subject.
    """

    artifact: Artifact
    place: Place | None
    name: str
    index: int = 0
    origin: InputOrigin | None = None

    @property
    def lost(self) -> bool:
        """Whether a step announced it that is not in the chain."""
        return self.origin is InputOrigin.STEP and self.place is None


class History:
    """The steps of one side, by id and by what they wrote.

    Steps follow one another as :mod:`kfp_provenance.metadata.graph` says. Where several
    steps wrote the same bytes, which of them is taken makes no difference to the content:
    it is one of the reader's own run if there is one, and the latest of these.

    Args:
        steps: All steps behind an artifact, in any order.
    """

    def __init__(self, steps: Iterable[Step]) -> None:
        self.steps = {step.id: step for step in steps}
        self._writers: defaultdict[Digest, list[Place]] = defaultdict(list)
        for step in self.steps.values():
            for made in step.outputs:
                place = Place(step, made.name, made.index)
                self._writers[made.artifact.digest].append(place)

    def inputs(self, reader: Step) -> tuple[Given, ...]:
        """What a step read, with its origin."""
        return tuple(
            Given(read.artifact, self._place(reader, read), read.name, read.index, read.origin)
            for read in reader.inputs
        )

    def _place(self, reader: Step, read: Input) -> Place | None:
        if read.origin is InputOrigin.STEP:
            producer = self.steps.get(read.producer)
            return Place(producer, read.output, read.output_index) if producer else None
        before = [
            place
            for place in self._writers[read.artifact.digest]
            if place.step.id != reader.id and place.step.finished <= reader.finished
        ]
        own = [place for place in before if place.step.run == reader.run]
        return max(
            own or before, key=lambda place: (place.step.finished, place.step.id), default=None
        )


def task_in_any_iteration(task: str) -> str:
    """The path of a task without the number of the iteration of a loop."""
    return _ITERATION.sub("*", task)


def likeness(before: Step, after: Step) -> int:
    """How surely two steps are the same step of their pipelines.

    Returns:
        3 for the same task and component, 2 for the same component, 1 for the same task,
        0 for neither.
    """
    same_task = task_in_any_iteration(before.task) == task_in_any_iteration(after.task)
    same_component = before.component.name == after.component.name
    return 2 * same_component + same_task
