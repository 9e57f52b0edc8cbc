"""JSON from outside: one meaning or none.

Python's parser takes the last of two equal keys, NaN, UTF-16 and integers of any
length; another consumer may read the same bytes otherwise. All of that is refused.
"""

from __future__ import annotations

import json
import math
from typing import NoReturn

MAX_DEPTH = 64
MAX_INTEGER = 2**53 - 1
"""Above it, IEEE doubles (and so other readers of the JSON) lose digits."""

_NUMBER_LENGTH = 32

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]


class StrictJsonError(ValueError):
    """The bytes are not JSON with exactly one meaning."""


def loads(data: bytes | str) -> JsonValue:
    """Parse strictly.

    Args:
        data: UTF-8, without a byte order mark; the caller limits its length.

    Raises:
        StrictJsonError: Not JSON; a key twice in an object; deeper than 64; an integer
            beyond 2**53-1; a number that is not finite; text that is not Unicode.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        value: JsonValue = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_constant,
        )
    except RecursionError:
        raise StrictJsonError(f"nested deeper than {MAX_DEPTH}") from None
    except StrictJsonError:
        raise
    except ValueError as error:
        raise StrictJsonError(f"not JSON in UTF-8: {error}") from error
    _check(value)
    return value


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise StrictJsonError("a key occurs twice in one object")
    return result


def _integer(text: str) -> int:
    if len(text) > _NUMBER_LENGTH or abs(int(text)) > MAX_INTEGER:
        raise StrictJsonError(f"an integer is beyond {MAX_INTEGER}")
    return int(text)


def _float(text: str) -> float:
    value = float(text) if len(text) <= _NUMBER_LENGTH else math.inf
    if not math.isfinite(value):
        raise StrictJsonError("a number is too long or not finite")
    return value


def _constant(text: str) -> NoReturn:
    raise StrictJsonError(f"{text} is not JSON")


def _check(value: JsonValue) -> None:
    """Depth, and text that can be encoded (no lone surrogates); iterative."""
    todo: list[tuple[JsonValue, int]] = [(value, 1)]
    while todo:
        item, depth = todo.pop()
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict | list):
            if depth > MAX_DEPTH:
                raise StrictJsonError(f"nested deeper than {MAX_DEPTH}")
            if isinstance(item, dict):
                for key in item:
                    _check_text(key)
                item = list(item.values())
            todo.extend((child, depth + 1) for child in item)


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise StrictJsonError("a text is not Unicode") from error
