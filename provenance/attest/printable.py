"""Text from outside, made safe for a terminal, a log and an error message."""

from __future__ import annotations

from collections.abc import Iterable

LIMIT = 300
_NAMES = 10


def printable(text: str, limit: int = LIMIT) -> str:
    """``text`` without control characters (they are escaped) and not longer than ``limit``."""
    if len(text) <= limit and text.isprintable():
        return text
    safe = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in text[: limit + 1]
    )
    return safe if len(safe) <= limit else f"{safe[:limit]}…"


def listed(names: Iterable[str]) -> str:
    """The first names in their order, for an error message."""
    return ", ".join(sorted(names)[:_NAMES])
