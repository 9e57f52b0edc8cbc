"""JSON that can be written wrongly: keys twice, raw tokens, any formatting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random


@dataclass
class Raw:
    """A token that is written as it is."""

    text: str


@dataclass
class Pairs:
    """An object; a key may occur twice."""

    items: list[tuple[str, Node]]


Node = None | bool | int | float | str | Raw | Pairs | list["Node"]


@dataclass
class Place:
    """Where a value stands."""

    holder: Pairs | list[Node]
    at: int

    @property
    def value(self) -> Node:
        """What stands there."""
        found = self.holder[self.at] if isinstance(self.holder, list) else None
        return self.holder.items[self.at][1] if isinstance(self.holder, Pairs) else found

    @value.setter
    def value(self, new: Node) -> None:
        if isinstance(self.holder, list):
            self.holder[self.at] = new
        else:
            self.holder.items[self.at] = (self.holder.items[self.at][0], new)

    @property
    def key(self) -> str:
        """Name of the field; empty in an array."""
        return self.holder.items[self.at][0] if isinstance(self.holder, Pairs) else ""


@dataclass(frozen=True)
class Style:
    """How a tree is written."""

    comma: str = ","
    colon: str = ":"
    before: str = ""
    after: str = ""
    escape: float = 0.0
    """Share of the characters of texts that are escaped."""
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311


COMPACT = Style()


def parse(text: bytes | str) -> Node:
    """A tree of JSON."""
    return _node(json.loads(text, object_pairs_hook=Pairs))


def _node(value: Node) -> Node:
    if isinstance(value, Pairs):
        return Pairs([(key, _node(inner)) for key, inner in value.items])
    return [_node(inner) for inner in value] if isinstance(value, list) else value


def copied(node: Node) -> Node:
    """Another tree with the same values."""
    return _node(node)


def write(node: Node, style: Style = COMPACT) -> bytes:
    """JSON, or what was made of it; lone surrogates are escaped."""
    text = style.before + _text(node, style) + style.after
    return text.encode("utf-8", "surrogatepass")


def _text(node: Node, style: Style) -> str:
    if isinstance(node, Raw):
        return node.text
    if isinstance(node, str):
        return _quoted(node, style)
    if isinstance(node, Pairs):
        inner = (_quoted(k, style) + style.colon + _text(v, style) for k, v in node.items)
        return "{" + style.comma.join(inner) + "}"
    if isinstance(node, list):
        return "[" + style.comma.join(_text(v, style) for v in node) + "]"
    return json.dumps(node)


def _quoted(text: str, style: Style) -> str:
    if not style.escape:
        return json.dumps(text)
    random = style.random
    return '"' + "".join(_escaped(c, random.random() < style.escape) for c in text) + '"'


def _escaped(character: str, always: bool) -> str:
    if always and ord(character) < 0x10000:
        return f"\\u{ord(character):04x}"
    return json.dumps(character)[1:-1]


def places(node: Node) -> list[Place]:
    """Every place below ``node``."""
    return list(_places(node))


def _places(node: Node) -> Iterator[Place]:
    todo = [node]
    while todo:
        holder = todo.pop()
        if not isinstance(holder, Pairs | list):
            continue
        length = len(holder.items) if isinstance(holder, Pairs) else len(holder)
        for at in range(length):
            place = Place(holder, at)
            yield place
            todo.append(place.value)


def get(node: Node, *path: str | int) -> Node:
    """The value at a path; None if there is none."""
    for part in path:
        if isinstance(node, Pairs):
            node = next((value for key, value in node.items if key == part), None)
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            node = node[part]
        else:
            return None
    return node


def put(node: Node, path: tuple[str | int, ...], value: Node) -> bool:
    """Replace the value at a path; False if there is none."""
    holder = get(node, *path[:-1])
    if isinstance(holder, Pairs):
        for at, (key, _) in enumerate(holder.items):
            if key == path[-1]:
                Place(holder, at).value = value
                return True
    elif isinstance(holder, list) and isinstance(path[-1], int) and path[-1] < len(holder):
        holder[path[-1]] = value
        return True
    return False
