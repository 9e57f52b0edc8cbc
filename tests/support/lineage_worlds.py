"""Random worlds: few contents and runs, so that everything that can meet does meet.

A world is drawn in small numbers and says nothing about a store; ``lineage_writing`` writes
it. Copies, cycles by content, several producers, equal times and executions of other tools
on the same rows are all likely.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

CONTENTS, RUNS, PLACES, MOMENTS = 4, 3, 2, 4
NEW = -1
"""A row that an event of another tool is made with."""


@dataclass(frozen=True)
class Use:
    """An input of one of our steps.

    ``how``: ``bound`` to the output ``of`` an earlier step; ``changed`` is bound too, but has
    other bytes than were announced; ``imported`` or ``source``: ``content`` at ``place``.
    """

    how: str
    of: int
    content: int
    place: int


@dataclass(frozen=True)
class Own:
    """A step of ours. Its outputs are contents at places of its own."""

    run: int
    moment: int
    failed: bool
    uses: tuple[Use, ...]
    writes: tuple[int, ...]


@dataclass(frozen=True)
class Touch:
    """An event of another tool, on the row ``of`` a list of all, or on a new one.

    ``says``: how a new row says its content: in a ``custom`` or a ``declared`` property, in
    ``both`` (the declared one counts), in a form that is no digest, or not at all.
    """

    kind: int
    of: int
    says: str
    content: int
    type: int
    moment: int
    path: tuple[str | int, ...]


@dataclass(frozen=True)
class Other:
    """An execution of another tool."""

    type: int
    state: int
    run: int | None
    names: int
    touches: tuple[Touch, ...]


World = tuple[Own | Other, ...]

_contents = st.integers(0, CONTENTS - 1)
_moments = st.integers(0, MOMENTS - 1)
_of = st.integers(0, 30)
_uses = st.builds(
    Use,
    st.sampled_from(["bound", "bound", "imported", "imported", "source", "changed"]),
    _of,
    _contents,
    st.integers(0, PLACES - 1),
)
_own = st.builds(
    Own,
    st.integers(0, RUNS - 1),
    _moments,
    st.sampled_from([False, False, False, True]),
    st.lists(_uses, max_size=3).map(tuple),
    st.lists(_contents, max_size=2).map(tuple),
)
_touches = st.builds(
    Touch,
    st.sampled_from([1, 2, 3, 3, 3, 4, 4, 4, 5, 6, 7]),
    st.one_of(_of, _of, st.just(NEW)),
    st.sampled_from(["custom", "custom", "declared", "both", "wrong", "upper", "none"]),
    _contents,
    st.integers(0, 2),
    _moments,
    st.sampled_from([(), ("data",), ("data", 1), (3,), ("a", "b"), ("data", 0)]),
)
_other = st.builds(
    Other,
    st.integers(0, 3),
    st.sampled_from([0, 1, 2, 3, 3, 4, 5, 5, 5, 6]),
    st.none() | st.integers(0, RUNS - 1),
    st.integers(0, 3),
    st.lists(_touches, min_size=1, max_size=4).map(tuple),
)

own_worlds: st.SearchStrategy[World] = st.lists(_own, min_size=1, max_size=9).map(tuple)
"""Only what our recorder writes."""
worlds: st.SearchStrategy[World] = st.lists(
    st.one_of(_own, _own, _other), min_size=1, max_size=9
).map(tuple)
"""With executions of other tools."""
