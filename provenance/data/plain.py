"""Results as plain JSON."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]
JsonObject = dict[str, JsonValue]


def plain_object(value: object) -> JsonObject:
    """A dataclass as an object of its fields, at any depth.

    Raises:
        TypeError: If a field is nothing that JSON knows.
    """
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} is not a dataclass")
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: object) -> JsonValue:
    if isinstance(value, Enum):
        return str(value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return plain_object(value)
