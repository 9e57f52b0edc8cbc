"""The kinds of documents that are fuzzed: how each is mutated, and what must hold of a mutant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random


class ViolationError(AssertionError):
    """A mutant was believed, or did something else that must not be."""


@dataclass(frozen=True)
class Result:
    """What came of a mutant, all of it allowed.

    Attributes:
        label: The code that refused it, or why it was rightly accepted.
        accepted: Whether it was accepted.
    """

    label: str
    accepted: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of document.

    Attributes:
        name: For tables, and to give a mutant its random numbers.
        share: Of all mutations, in relation to the other kinds.
        original: What is mutated, or an example of it; it is accepted.
        mutate: Name of the level, and a mutant.
        judge: Feeds a mutant to the code under test. Whatever it raises is a violation.
    """

    name: str
    share: float
    original: bytes
    mutate: Callable[[Random], tuple[str, bytes]]
    judge: Callable[[bytes], Result]


def need(condition: object, message: str) -> None:
    """What must hold of every mutant."""
    if not condition:
        raise ViolationError(message)


@cache
def every_kind() -> dict[str, Kind]:
    """All kinds by name."""
    from fuzz import bundles, commands, listings, policies, roots, statements

    modules = (bundles, statements, policies, roots, listings, commands)
    return {kind.name: kind for module in modules for kind in module.kinds()}


def check_original(kind: Kind) -> None:
    """A judge that refuses everything would find nothing."""
    result = kind.judge(kind.original)
    need(result.accepted, f"{kind.name}: the original itself is refused: {result.label}")
