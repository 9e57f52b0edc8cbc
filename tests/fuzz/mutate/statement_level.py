"""Mutations of what a trusted signer says: one statement of a chain, or two of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from fuzz.mutate import json_level
from fuzz.mutate.json_tree import Node, Pairs, Place, copied, places, write

StatementChange = Callable[[Random, Node, Sequence[Node]], None]
_NAMES = {
    "name", "run", "producer", "output", "input", "step", "invocationId", "task", "digest",
    "sha256", "uri", "kind", "origin", "index", "outputIndex", "id", "startedOn", "finishedOn",
    "declaredBy",
}  # fmt: skip
"""Fields by which statements are joined."""


def tree(random: Random, statement: Node, others: Sequence[Node]) -> None:
    json_level.change_tree(random, statement)


def _alike(one: Place, other: Place) -> bool:
    return type(one.value) is type(other.value) and one.key == other.key


def transplant(random: Random, statement: Node, others: Sequence[Node]) -> None:
    """A field of another statement, or of another part of this one, in place of its own."""
    place = random.choice([p for p in places(statement) if p.key])
    donors = [
        p for other in (*others, statement) for p in places(other) if _alike(place, p)
    ] or [place]  # fmt: skip
    place.value = copied(random.choice(donors).value)


def joint(random: Random, statement: Node, others: Sequence[Node]) -> None:
    """Another digest, name or run, taken from where such a thing stands."""
    found = [p for p in places(statement) if p.key in _NAMES and isinstance(p.value, str)]
    place = random.choice(found)
    donors = [
        p
        for other in (*others, statement)
        for p in places(other)
        if p.key == place.key and isinstance(p.value, str) and p.value != place.value
    ]
    if donors:
        place.value = random.choice(donors).value


def item(random: Random, statement: Node, others: Sequence[Node]) -> None:
    """An item of a list dropped, doubled, moved, or taken over from another statement."""
    lists = [p for p in places(statement) if isinstance(p.value, list)]
    if not lists:
        return
    place = random.choice(lists)
    own = place.value
    if not isinstance(own, list):
        return
    donors = [
        i for other in others for p in places(other)
        if p.key == place.key and isinstance(p.value, list) for i in p.value
    ]  # fmt: skip
    action = random.randrange(4)
    if action == 0 and own:
        del own[random.randrange(len(own))]
    elif action == 1 and own:
        own.append(copied(random.choice(own)))
    elif action == 2:
        random.shuffle(own)
    elif donors:
        own.append(copied(random.choice(donors)))


def optional(random: Random, statement: Node, others: Sequence[Node]) -> None:
    """A field left out."""
    holders = [p.value for p in places(statement) if isinstance(p.value, Pairs) and p.value.items]
    holder = random.choice(holders)
    if isinstance(holder, Pairs):
        del holder.items[random.randrange(len(holder.items))]


CHANGES: Sequence[tuple[str, StatementChange]] = (
    ("JSON of a statement", tree),
    ("field of another place", transplant),
    ("digest, name or run", joint),
    ("digest, name or run", joint),
    ("items of a list", item),
    ("field left out", optional),
)


def mutate(random: Random, statement: Node, others: Sequence[Node]) -> tuple[str, bytes]:
    """Name of the level, and the statement as it was changed."""
    level, change = random.choice(CHANGES)
    for _ in range(random.choice((1, 1, 1, 2))):
        change(random, statement, others)
        if not places(statement):
            break
    style = json_level.any_style(random) if random.random() < 0.05 else None
    return level, write(statement, style) if style else write(statement)
