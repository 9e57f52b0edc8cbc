"""Which part of the lineage a page shows as a picture."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from kfp_provenance.lineage.queries import downstream_graph, trace
from kfp_provenance.lineage.shaping import Direction, graph_of
from kfp_provenance.lineage.views import Graph
from kfp_provenance.metadata import LineageIndex
from kfp_provenance.web.picture import Picture, picture_of
from kfp_provenance.web.references import content_of, unknown
from kfp_provenance.web.settings import Limits

_Value = TypeVar("_Value")


class Show(StrEnum):
    """The side of an artifact that is shown."""

    UP = "up"
    """What it came from."""
    DOWN = "down"
    """What was made of it."""


@dataclass(frozen=True)
class Subject:
    """What a picture is of: an artifact with its side, or a run."""

    key: str
    show: Show | None

    def draw(self, index: LineageIndex, limits: Limits) -> Picture:
        """Read it from the store.

        Raises:
            StoreError: REFERENCE_UNKNOWN, or if the store cannot be read.
        """
        if self.show is None:
            return run_picture(index, self.key, limits)
        content = content_of(index, self.key)
        if self.show is Show.UP:
            return picture_of(trace(index, content.followed, limit=limits.steps), limits)
        found = downstream_graph(index, content.one, limit=limits.steps)
        return picture_of(found, limits, newest=False)


def run_picture(index: LineageIndex, run: str, limits: Limits) -> Picture:
    """The steps of a run, the first ones if there are too many.

    Raises:
        StoreError: REFERENCE_UNKNOWN, or if the store cannot be read.
    """
    steps = index.steps_of_run(run)
    if not steps:
        raise unknown("run", run)
    shown = steps[: limits.steps]
    # with all that was read, and all that was written: either direction leaves out one of them
    down = graph_of(index, (), shown, direction=Direction.DOWN)
    up = graph_of(index, (), shown, direction=Direction.UP)
    graph = Graph(
        starts=(),
        artifacts=tuple({node.key: node for node in (*up.artifacts, *down.artifacts)}.values()),
        steps=down.steps,
        links=tuple(dict.fromkeys((*up.links, *down.links))),
        more_steps=len(steps) - len(shown),
    )
    return picture_of(graph, limits, newest=False)


class Recent(Generic[_Value]):
    """Values that a page and its script both ask for within seconds.

    Args:
        seconds: How long a value may be shown again; a store may grow meanwhile.
        size: How many are kept.
        clock: Monotonic.
    """

    def __init__(
        self, seconds: float, size: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds, self._size, self._clock = seconds, size, clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[object, tuple[float, _Value]] = OrderedDict()

    def get(self, key: object, make: Callable[[], _Value]) -> _Value:
        """The kept value, or a new one. Two threads may both make one: no harm."""
        now = self._clock()
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and now - kept[0] < self._seconds:
            return kept[1]
        value = make()
        with self._lock:
            self._kept[key] = (now, value)
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return value
