"""Where two aligned chains part first, and the ways from there to what was asked about."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kfp_provenance.analysis.diffing.align import Alignment, Key, Split, StepPair
from kfp_provenance.lineage.graph import producers_first

MAX_ROUTES = 20
"""Ways that are listed of one divergence."""
_MAX_TASKS = 50_000
"""Names of tasks in all listed ways together."""
_MAX_COUNT = 1_000_000
"""Ways are counted up to here: diamonds in a row double them."""

_Trail = tuple[Key, "_Trail | None"]


@dataclass(frozen=True)
class Routes:
    """Ways from a divergence to the subjects.

    Attributes:
        tasks: Of each way the names of the tasks, and the subject's at its end.
        more: How many more ways there are.
    """

    tasks: tuple[tuple[str, ...], ...]
    more: int = 0


@dataclass(frozen=True)
class FirstDivergence:
    """The furthest upstream that the chains part on some way.

    Attributes:
        pair: The aligned steps that wrote other bytes of equal inputs; else None.
        splits: Else how the chains part; several if the same contents were read repeatedly.
        in_cycle: Whether the steps lie on a cycle, so that none of them is really first.
        routes: Ways to the subjects.
    """

    pair: StepPair | None
    splits: tuple[Split, ...]
    in_cycle: bool
    routes: Routes


def first_divergences(found: Alignment) -> tuple[FirstDivergence, ...]:
    """All first divergences, in the order in which the steps ran."""
    groups: defaultdict[object, list[Split]] = defaultdict(list)
    for split in found.splits:
        if split.first:
            groups[_content(split)].append(split)
    parting = {split.consumer for split in found.splits}
    own = [key for key, behind in found.producers.items() if not behind and key not in parting]
    consumers = _consumers(found)
    cycles = _uncovered(found, consumers, {*own, *(key for key in parting if key)})
    ways = _Ways(found, consumers, len(own) + len(cycles) + len(groups))
    firsts = [
        FirstDivergence(None, tuple(group), in_cycle=False, routes=ways.of_splits(group))
        for group in groups.values()
    ]
    firsts += [
        FirstDivergence(found.pairs[key], (), in_cycle=key in cycles, routes=ways.of([key]))
        for key in (*own, *cycles)
    ]
    return tuple(sorted(firsts, key=lambda first: _moment(found, first)))


def _content(split: Split) -> object:
    sides = tuple(side.artifact.digest if side else None for side in (split.before, split.after))
    return split.kind, sides, tuple(step.id for step in split.steps)


def _consumers(found: Alignment) -> dict[Key, list[Key]]:
    consumers: dict[Key, list[Key]] = {key: [] for key in found.pairs}
    for key, behind in found.producers.items():
        for producer in sorted(behind):
            consumers[producer].append(key)
    return consumers


def _uncovered(found: Alignment, consumers: Mapping[Key, list[Key]], starts: set[Key]) -> list[Key]:
    """The earliest pair of every cycle that no divergence leads into."""
    order = sorted(found.pairs, key=lambda key: (found.pairs[key].before.started, key))
    covered = _downstream(consumers, starts)
    earliest = []
    for key in order:
        if key not in covered:
            earliest.append(key)
            covered |= _downstream(consumers, {key})
    return earliest


def _downstream(consumers: Mapping[Key, list[Key]], starts: Iterable[Key]) -> set[Key]:
    seen: set[Key] = set()
    todo = list(starts)
    while todo:
        key = todo.pop()
        if key not in seen:
            seen.add(key)
            todo.extend(consumers[key])
    return seen


def _moment(found: Alignment, first: FirstDivergence) -> tuple[str, str]:
    if first.pair is not None:
        return first.pair.after.started.isoformat(), first.pair.task
    split = first.splits[0]
    pair = found.pairs[split.consumer] if split.consumer else None
    return (pair.after.started.isoformat() if pair else "", split.name)


class _Ways:
    """Lists ways downstream; every pair was found from a subject, so each way ends at one."""

    def __init__(
        self, found: Alignment, consumers: Mapping[Key, list[Key]], divergences: int
    ) -> None:
        self._found = found
        self._consumers = consumers
        most = _MAX_TASKS // max(1, divergences * len(found.pairs))
        self._limit = max(1, min(MAX_ROUTES, most))
        numbers = {key: str(number) for number, key in enumerate(found.pairs)}
        upstream = {
            name: [numbers[producer] for producer in found.producers[key]]
            for key, name in numbers.items()
        }
        rank = {name: found.pairs[key].before.started for key, name in numbers.items()}
        keys = list(found.pairs)
        ordered, _ = producers_first(upstream, rank)
        self._acyclic = len(ordered) == len(numbers)
        self._counts = self._count(keys[int(name)] for name in reversed(ordered))

    def _count(self, consumers_first: Iterable[Key]) -> dict[Key, int]:
        counts: dict[Key, int] = {}
        for key in consumers_first:
            below = sum(counts[consumer] for consumer in self._consumers[key])
            ends = len(self._found.subjects.get(key, ()))
            counts[key] = min(_MAX_COUNT, ends + below)
        return counts

    def of_splits(self, splits: Iterable[Split]) -> Routes:
        """Ways from where the chains part; a subject that parts itself has none but its name."""
        group = list(splits)
        direct = tuple((split.name,) for split in group if split.consumer is None)
        routes = self.of({split.consumer: None for split in group if split.consumer})
        return Routes((*direct, *routes.tasks), routes.more)

    def of(self, starts: Iterable[Key]) -> Routes:
        """Ways from pairs of steps."""
        starts = list(starts)
        if not self._acyclic:
            return Routes(tuple(self._shortest(start) for start in starts[: self._limit]))
        listed: list[tuple[str, ...]] = []
        todo: list[_Trail] = [(start, None) for start in reversed(starts)]
        while todo and len(listed) < self._limit:
            trail = todo.pop()
            subjects = sorted(self._found.subjects.get(trail[0], ()))
            listed += [(*self._tasks(trail), subject) for subject in subjects]
            todo.extend((consumer, trail) for consumer in reversed(self._consumers[trail[0]]))
        listed = listed[: self._limit]
        total = min(_MAX_COUNT, sum(self._counts[start] for start in starts))
        return Routes(tuple(listed), total - len(listed))

    def _tasks(self, trail: _Trail | None) -> list[str]:
        tasks: list[str] = []
        while trail is not None:
            key, trail = trail
            tasks.append(self._found.pairs[key].task)
        return tasks[::-1]

    def _shortest(self, start: Key) -> tuple[str, ...]:
        """One way, where a cycle would give endless ones."""
        trails: dict[Key, _Trail] = {start: (start, None)}
        todo = deque([start])
        while todo:
            key = todo.popleft()
            for subject in sorted(self._found.subjects.get(key, ())):
                return (*self._tasks(trails[key]), subject)
            for consumer in self._consumers[key]:
                if consumer not in trails:
                    trails[consumer] = (consumer, trails[key])
                    todo.append(consumer)
        return tuple(self._tasks(trails[start]))
