"""An index for the time of one request: what several parts of a page ask is asked once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, cast

from kfp_provenance.metadata import LineageIndex

_REMEMBERED = frozenset({"upstream", "downstream", "steps_of_run", "rows_with_digest"})
"""The questions that walk through the store."""


class _Remembering:
    def __init__(self, index: LineageIndex) -> None:
        self._index = index
        self._answers: dict[tuple[object, ...], object] = {}

    def __getattr__(self, name: str) -> Any:
        ask: Callable[[Any], object] = getattr(self._index, name)
        if name not in _REMEMBERED:
            return ask

        def asked(about: object) -> object:
            key = (name, tuple(about) if isinstance(about, Collection) else about)
            if key not in self._answers:
                self._answers[key] = ask(about)
            return self._answers[key]

        return asked


def remembering(index: LineageIndex) -> LineageIndex:
    """The same index, which asks the store no question of reach twice."""
    return cast("LineageIndex", _Remembering(index))
