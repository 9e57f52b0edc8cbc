"""Mutations of JSON as a tree: fields, types, numbers, depth, text, writing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from fuzz.mutate.json_tree import Node, Pairs, Place, Raw, Style, copied, places, write

TreeChange = Callable[[Random, Place, Sequence[Place]], None]

_NUMBERS = (
    "0", "-0", "-1", "1", "2", "01", "1.0", "0.5", "1e3", "1E400", "-1e999", "1e-999", "NaN",
    "Infinity", "-Infinity", "9007199254740991", "9007199254740993", "18446744073709551616",
    "9" * 30, "9" * 5000, "0x10", "1_000", "+1", ".5", "4294967296", "-9223372036854775809",
)  # fmt: skip
_TEXTS = (
    "", " ", "0", "-1", "01", "1", "true", "null", "NaN", "9" * 30, "9" * 5000, "\0", "\n", "\r\n",
    "a\x1b[2J", "\u202e", "\ud800", "\udc00", "é", "e\u0301", "\ufeff", "١٢", "*", "../..",
    "file:///etc/passwd", "sha256:" + "0" * 64, "0" * 64, "A" * 64, "x" * 70_000,
    "https://kfp-provenance.dev/builders/in-run/v1", "https://slsa.dev/provenance/v1",
    "https://slsa.dev/verification_summary/v1", "https://in-toto.io/Statement/v1",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-03-01T10:00:00.000001Z",
    "2026-02-30T00:00:00Z", "2026-03-01T10:00:00+01:00", "step", "source", "imported", "file",
    "directory", "values", "PASSED", "FAILED", "run-1/train", "signer", "text",
)  # fmt: skip
_KEYS = (
    "", "a", "__proto__", "__class__", "mediaType", "payload", "sig", "keyid", "rawBytes", "text",
    "keyedDigest", "digest", "sha256", "sha512", "name", "uri", "annotations", "predicateType",
    "subject", "index", "hint", "certificate", "publicKey", "x509CertificateChain",
    "messageSignature", "signatures", "\ud800", "é", "role",
)  # fmt: skip


def any_value(random: Random) -> Node:
    """A value that nobody expects."""
    return random.choice((_constant, _number, _text, _text, _empty, _nested, _nested, _list))(
        random
    )


def _constant(random: Random) -> Node:
    return random.choice((None, True, False))


def _number(random: Random) -> Node:
    return Raw(random.choice(_NUMBERS))


def _text(random: Random) -> Node:
    return random.choice(_TEXTS)


def _empty(random: Random) -> Node:
    choices: list[Node] = [Pairs([]), [], [[]], [None], Pairs([("", None)])]
    return random.choice(choices)


def _nested(random: Random) -> Node:
    depth = random.choice((2, 10, 16, 58, 60, 62, 63, 64, 65, 2000))
    start, end = random.choice((("[", "]"), ("[", "]"), ('{"a":', "}"), ('{"a":', "]")))
    return Raw(start * depth + random.choice(("1", "null", '""')) + end * depth)


def _list(random: Random) -> Node:
    return [any_value(random), any_value(random)]


def remove(random: Random, place: Place, every: Sequence[Place]) -> None:
    if isinstance(place.holder, Pairs):
        del place.holder.items[place.at]
    else:
        del place.holder[place.at]


def add(random: Random, place: Place, every: Sequence[Place]) -> None:
    new = any_value(random) if random.random() < 0.5 else copied(random.choice(every).value)
    if isinstance(place.holder, Pairs):
        key = random.choice(_KEYS) if random.random() < 0.7 else random.choice(every).key
        place.holder.items.insert(random.randint(0, len(place.holder.items)), (key, new))
    else:
        place.holder.insert(random.randint(0, len(place.holder)), new)


def repeat(random: Random, place: Place, every: Sequence[Place]) -> None:
    again = copied(place.value) if random.random() < 0.5 else any_value(random)
    if isinstance(place.holder, Pairs):
        place.holder.items.insert(random.randint(0, len(place.holder.items)), (place.key, again))
    else:
        many = 1100 if len(write(again)) < 2000 and random.random() < 0.2 else 1
        place.holder.extend([again] * many)


def rename(random: Random, place: Place, every: Sequence[Place]) -> None:
    if not isinstance(place.holder, Pairs):
        replace(random, place, every)
        return
    key = place.key
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in key)
    new = random.choice(
        (snake, snake, key.upper(), key.title(), key + " ", " " + key, key + "\0", key[:-1],
         key.replace("e", "е"), random.choice(_KEYS), random.choice(every).key)  # noqa: RUF001
    )  # fmt: skip
    place.holder.items[place.at] = (new, place.value)


def replace(random: Random, place: Place, every: Sequence[Place]) -> None:
    place.value = any_value(random)


def retype(random: Random, place: Place, every: Sequence[Place]) -> None:
    value = place.value
    if isinstance(value, str):
        choices: list[Node] = [
            [value],
            Pairs([("", value)]),
            Raw(value or "0"),
            value.encode().hex(),
        ]
    elif isinstance(value, bool) or value is None:
        choices = [int(bool(value)), str(value), not value, str(value).lower()]
    elif isinstance(value, int | float):
        choices = [
            str(value),
            float(value),
            -value,
            value + 1,
            value - 1,
            Raw(f"{value}.0"),
            Raw(f"{value}e0"),
        ]
    elif isinstance(value, list):
        choices = [Pairs([(str(i), v) for i, v in enumerate(value)]), value[0] if value else None]
    elif isinstance(value, Pairs):
        choices = [[v for _, v in value.items], [value], None]
    else:
        choices = [None]
    place.value = random.choice(choices)


def edit_text(random: Random, place: Place, every: Sequence[Place]) -> None:
    value = place.value
    if not isinstance(value, str) or not value:
        replace(random, place, every)
        return
    at = random.randrange(len(value))
    new = random.choice(
        (random.choice("0123456789abcdefXYZ+/=-_.:*\n\0 "), random.choice(_TEXTS)[:50])
    )
    place.value = random.choice(
        (value[:at] + new + value[at + 1 :], value[:at] + new + value[at:], value[:at], value[at:],
         value + new, new + value, value.upper(), value + value)
    )  # fmt: skip


def exchange(random: Random, place: Place, every: Sequence[Place]) -> None:
    alike = [p for p in every if type(p.value) is type(place.value)]
    other = random.choice(alike if random.random() < 0.8 else list(every))
    one, two = copied(place.value), copied(other.value)
    if random.random() < 0.5:
        other.value = one
    place.value = two


def reorder(random: Random, place: Place, every: Sequence[Place]) -> None:
    items: list[object] = list(
        place.holder.items if isinstance(place.holder, Pairs) else place.holder
    )
    random.shuffle(items)
    (place.holder.items if isinstance(place.holder, Pairs) else place.holder)[:] = items  # type: ignore[assignment]


def wrap(random: Random, place: Place, every: Sequence[Place]) -> None:
    value = place.value
    key = place.key or random.choice(_KEYS)
    choices: list[Node] = [[value], Pairs([(key, value)]), [value, value], [[value]]]
    place.value = random.choice(choices)


CHANGES: Sequence[TreeChange] = (
    remove, remove, add, add, repeat, rename, rename, replace, replace, retype, edit_text,
    edit_text, edit_text, exchange, exchange, reorder, wrap,
)  # fmt: skip


def any_style(random: Random) -> Style:
    """Another way to write the same JSON, which may be none."""
    return Style(
        comma=random.choice((",", ", ", ",\t", " ,", ",\r", ",\n", ",,")),
        colon=random.choice((":", ": ", " :", ":\t", ":\n")),
        before=random.choice(("", "", "", " ", "\t", "\ufeff", "\r", "\n", "\0")),
        after=random.choice(("", "", "", " ", "\r", "\n", "\0", "{}", "#")),
        escape=random.choice((0.0, 0.0, 0.05, 0.5)),
        random=random,
    )


def change_tree(random: Random, root: Node, below: Node = None, times: int = 0) -> None:
    """Change a tree in its place, anywhere or only below one of its nodes."""
    for _ in range(times or random.choice((1, 1, 1, 2, 3))):
        every = places(root if below is None else below)
        if every:
            random.choice(CHANGES)(random, random.choice(every), every)


def mutate(random: Random, root: Node) -> bytes:
    """A changed tree, in JSON; now and then only its writing."""
    kind = random.random()
    if kind > 0.1:
        change_tree(random, root)
    return write(root, any_style(random)) if kind < 0.2 else write(root)
