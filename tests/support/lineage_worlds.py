"""Random worlds: few contents and runs, so that everything that can meet does meet.

A world is drawn in small numbers and says nothing about a store; ``lineage_writing`` writes
it. Copies, cycles by content, several producers, equal times and executions of other tools
on the same rows are all likely.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

CONTENTS, RUNS, PLACES, MOMENTS = 4, 3, 2, 4
LAST, NEW = -1, 1000
"""The newest row or output so far; and a row that an event of another tool is made with."""


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
_says = st.sampled_from(["custom", "custom", "declared", "both", "wrong", "upper", "none"])
_touches = st.builds(
    Touch,
    st.sampled_from([1, 2, 3, 3, 3, 4, 4, 4, 5, 6, 7]),
    st.one_of(_of, _of, st.just(NEW)),
    _says,
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


@st.composite
def _joined(draw: st.DrawFn) -> World:
    """Steps of some runs write equal bytes, and a step reads them at a place that nobody wrote."""
    content, place = draw(_contents), draw(st.integers(0, PLACES - 1))
    runs, moments = st.integers(0, 1), st.integers(0, 2)
    writers = draw(st.lists(st.tuples(runs, moments), min_size=1, max_size=3))
    wrote = draw(st.sampled_from([content, (content + 1) % CONTENTS]))
    reader = Own(draw(runs), draw(moments), False, (Use("imported", 0, content, place),), (wrote,))
    made = [Own(run, moment, False, (), (content,)) for run, moment in writers]
    made.insert(draw(st.integers(0, len(made))), reader)
    return tuple(made)


@st.composite
def _cached(draw: st.DrawFn) -> World:
    """KFP takes a step from its cache: it wrote the row of the one that ran, and read another."""
    ran = Own(draw(st.integers(0, 1)), 0, False, (), (draw(_contents),))
    wrote = Touch(4, LAST, "none", 0, 0, draw(_moments), ("model", 0))
    read = Touch(3, draw(st.one_of(_of, st.just(NEW))), "custom", draw(_contents), 0, 1, ("data",))
    cached = Other(
        0, draw(st.sampled_from([5, 5, 5, 3])), draw(st.integers(0, 1)), 1, (wrote, read)
    )
    bound = Own(1, 3, False, (Use("bound", LAST, 0, 0),), (draw(_contents),))
    return draw(st.permutations([cached, bound]).map(lambda last: (ran, *last)))


@st.composite
def _of_others(draw: st.DrawFn) -> World:
    """Other tools write and read rows of their own, which say equal bytes in some form or none."""
    content, form = draw(_contents), draw(_says)
    wrote = Touch(4, NEW, form, content, 0, 0, ("data", 0))
    read = Touch(3, NEW, draw(st.sampled_from([form, form, "custom"])), content, 0, 1, ("data", 0))
    made = Touch(4, NEW, "custom", draw(_contents), 1, 2, ("model", 0))
    return (Other(0, 3, 0, 1, (wrote,)), Other(0, 3, 1, 1, (read, made)))


def _one(entry: Own | Other) -> World:
    return (entry,)


def _flat(scenes: list[World]) -> World:
    return tuple(entry for scene in scenes for entry in scene)


own_worlds: st.SearchStrategy[World] = st.lists(
    st.one_of(_own.map(_one), _joined()), min_size=1, max_size=6
).map(_flat)
"""Only what our recorder writes."""
worlds: st.SearchStrategy[World] = st.lists(
    st.one_of(_own.map(_one), _joined(), _joined(), _cached(), _of_others(), _other.map(_one)),
    min_size=1,
    max_size=5,
).map(_flat)
"""With executions of other tools."""
