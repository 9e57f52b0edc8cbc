"""Which input of one step stands opposite to which of the other, and which step to which.

Steps that only one pipeline has (a step that was put in or taken out) are passed over
until what stands opposite to each other looks alike again.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from kfp_provenance.analysis.diffing.history import Given, History, likeness
from kfp_provenance.facts import Step

_EQUAL_CONTENT, _SAME_STEP, _SAME_ADDRESS, _SAME_NAME, _NOTHING = 4, 3, 2, 1, 0
_SEARCHED_STEPS = 64
"""Steps that are looked at on one side to find what stands opposite to the other."""


@dataclass(frozen=True)
class InputPair:
    """Inputs of two aligned steps that stand opposite to each other.

    Attributes:
        before: None if only the other step has it.
        after: Likewise.
    """

    before: Given | None
    after: Given | None

    @property
    def equal(self) -> bool:
        """Whether both are there with equal bytes."""
        return (
            self.before is not None
            and self.after is not None
            and self.before.artifact.digest == self.after.artifact.digest
        )

    @property
    def moved(self) -> bool:
        """Whether equal bytes are at another position of a list."""
        return (
            self.before is not None
            and self.after is not None
            and self.before.name == self.after.name
            and self.before.index != self.after.index
        )


def pair_inputs(before: Sequence[Given], after: Sequence[Given]) -> tuple[InputPair, ...]:
    """Inputs by name and position; renamed ones by content, or by a type that is alone.

    In a list, equal bytes stand opposite to each other wherever they are, then what equal
    tasks wrote (iterations of a loop), then what has the same position.
    """
    left, right = list(before), list(after)
    rules: tuple[Callable[[Given], Hashable | None], ...] = (
        lambda given: (given.name, given.index, given.artifact.digest),
        lambda given: (given.name, given.artifact.digest),
        lambda given: (given.name, given.place.step.task) if given.place else None,
        lambda given: (given.name, given.index),
        lambda given: given.name,
        lambda given: given.artifact.digest,
    )
    pairs: list[InputPair] = []
    for rule in rules:
        pairs += _take(left, right, rule)
    alone = _lonely_types(left) & _lonely_types(right)
    pairs += _take(left, right, lambda g: g.artifact.type if g.artifact.type in alone else None)
    pairs += [InputPair(one, None) for one in left] + [InputPair(None, other) for other in right]
    return tuple(sorted(pairs, key=_order))


def _take(
    left: list[Given], right: list[Given], key: Callable[[Given], Hashable | None]
) -> list[InputPair]:
    """Pairs of equal keys, taken out of both lists."""
    waiting: defaultdict[Hashable, deque[Given]] = defaultdict(deque)
    for other in right:
        if (wanted := key(other)) is not None:
            waiting[wanted].append(other)
    pairs, rest, taken = [], [], set()
    for one in left:
        wanted = key(one)
        if wanted is not None and waiting.get(wanted):
            other = waiting[wanted].popleft()
            taken.add(id(other))
            pairs.append(InputPair(one, other))
        else:
            rest.append(one)
    left[:] = rest
    right[:] = [other for other in right if id(other) not in taken]
    return pairs


def _lonely_types(inputs: Sequence[Given]) -> set[str]:
    counts = Counter(given.artifact.type for given in inputs)
    return {type_title for type_title, count in counts.items() if count == 1}


def _order(pair: InputPair) -> tuple[str, int]:
    given = pair.after or pair.before
    return (given.name, given.index) if given else ("", 0)


@dataclass(frozen=True)
class Meeting:
    """Contents that stand opposite to each other, after the steps that only one side has.

    Attributes:
        before: Content on one side.
        after: Content on the other.
        only_before: Steps passed over on the side before, the nearest to the subject first.
        only_after: Likewise.
    """

    before: Given
    after: Given
    only_before: tuple[Step, ...] = ()
    only_after: tuple[Step, ...] = ()


def meet(histories: tuple[History, History], before: Given, after: Given) -> Meeting:
    """Find what stands opposite to what, where ``before`` and ``after`` were asked about.

    Args:
        histories: The chains before and after.
        before: Content with other bytes than ``after``.
        after: Content at the same place of the other chain.
    """
    direct = _rank(before, after)
    if direct == _SAME_STEP:
        return Meeting(before, after)
    in_after = _search(histories[1], before, after)
    in_before = _search(histories[0], after, before)
    best = max(
        (found for found in (in_after, in_before) if found),
        key=lambda found: (found.rank, -len(found.route)),
        default=None,
    )
    if best is None or best.rank <= direct:
        return Meeting(before, after)
    if best is in_after:
        return Meeting(before, best.given, only_after=best.route)
    return Meeting(best.given, after, only_before=best.route)


@dataclass(frozen=True)
class _Found:
    rank: int
    given: Given
    route: tuple[Step, ...]


def _search(history: History, fixed: Given, start: Given) -> _Found | None:
    """The content upstream of ``start`` that is most like ``fixed``, nearest first."""
    if start.place is None:
        return None
    best: _Found | None = None
    seen = {start.place.step.id}
    todo: deque[tuple[Step, ...]] = deque([(start.place.step,)])
    while todo and len(seen) <= _SEARCHED_STEPS:
        route = todo.popleft()
        for given in history.inputs(route[-1]):
            rank = _rank(fixed, given)
            if rank > (best.rank if best else _NOTHING):
                best = _Found(rank, given, route)
            if given.place is not None and given.place.step.id not in seen:
                seen.add(given.place.step.id)
                todo.append((*route, given.place.step))
    return best


def _rank(one: Given, other: Given) -> int:
    if one.artifact.digest == other.artifact.digest:
        return _EQUAL_CONTENT
    if one.place is not None and other.place is not None:
        return likeness(one.place.step, other.place.step)
    if one.place is not None or other.place is not None:
        return _NOTHING
    if one.artifact.uri == other.artifact.uri:
        return _SAME_ADDRESS
    return _SAME_NAME if one.name == other.name else _NOTHING
