"""How the parameters of two aligned steps differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kfp_provenance.facts import Parameter, Step
from kfp_provenance.storage import without_credentials

MAX_LENGTH = 300
"""Characters of a value that are shown."""
_SEEDS = frozenset({"seed", "random_state", "random_seed"})
_RUN_LENGTH = 8
"""Shorter ids of runs may be part of a value by chance."""
_ABSENT: Final = object()


@dataclass(frozen=True)
class ParameterChange:
    """A parameter, or an entry of one that holds a table of entries.

    Attributes:
        name: With the keys of the entry behind it, joined by dots.
        before: Value before, shortened; empty if there was none.
        after: Value after, likewise.
        seed: Whether it only sets random numbers, as its name says.
    """

    name: str
    before: str
    after: str
    seed: bool


@dataclass(frozen=True)
class ParameterChanges:
    """What differs, and the names of secret parameters of which that cannot be told."""

    changes: tuple[ParameterChange, ...]
    unknown: tuple[str, ...]


def compare_parameters(before: Step, after: Step) -> ParameterChanges:
    """Parameters by name.

    Left out is what differs without a meaning of its own: a value that names the run, and one
    that is the address or digest of an input, which the inputs say themselves.
    """
    first = {item.name: item for item in before.parameters}
    second = {item.name: item for item in after.parameters}
    named = _inputs(before), _inputs(after)
    changes: list[ParameterChange] = []
    unknown: list[str] = []
    for name in sorted(first.keys() | second.keys()):
        one, other = first.get(name), second.get(name)
        if one == other:
            continue
        if _keys_differ(one, other):
            unknown.append(name)
            continue
        values = _value(one, before), _value(other, after)
        if not _names_inputs(values, named):
            changes += _changes(name, *values)
    return ParameterChanges(tuple(changes), tuple(unknown))


def compare_results(before: Step, after: Step) -> tuple[ParameterChange, ...]:
    """Output parameters by name; secret ones are left out."""
    first = {item.name: _value(item, before) for item in before.results if item.value}
    second = {item.name: _value(item, after) for item in after.results if item.value}
    return tuple(
        change
        for name in sorted(first.keys() & second.keys())
        for change in _changes(name, first[name], second[name])
    )


def shown(value: object) -> str:
    """A value for people, shortened."""
    if value is _ABSENT:
        return ""
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return shortened(text)


def shortened(text: str, limit: int = MAX_LENGTH) -> str:
    """A text of which the end is left out if it is long."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text) - limit} more)"


def _keys_differ(one: Parameter | None, other: Parameter | None) -> bool:
    """Whether two secrets, or a secret and a value, cannot be compared."""
    if one is None or other is None:
        return False
    keys = {item.keyed_digest.rpartition(":")[0] for item in (one, other)}
    return len(keys) > 1


def _value(parameter: Parameter | None, step: Step) -> object:
    if parameter is None:
        return _ABSENT
    if parameter.keyed_digest:
        return f"(secret {parameter.keyed_digest.rpartition(':')[2][:12]})"
    text = parameter.value
    if len(step.run) >= _RUN_LENGTH:
        text = text.replace(step.run, "(run)")
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value


def _inputs(step: Step) -> frozenset[str]:
    """Addresses and digests of what a step read."""
    artifacts = [given.artifact for given in step.inputs]
    return frozenset(
        {_address(artifact.uri) for artifact in artifacts}
        | {str(artifact.digest) for artifact in artifacts}
    )


def _address(uri: str) -> str:
    return without_credentials(uri).removeprefix("file://")


def _names_inputs(
    values: tuple[object, object], named: tuple[frozenset[str], frozenset[str]]
) -> bool:
    """Whether both values are an address or a digest of an input; one of them may be empty."""
    texts = [_address(value) if isinstance(value, str) else None for value in values]
    known = [text in inputs for text, inputs in zip(texts, named, strict=True)]
    return any(known) and all(yes or text == "" for yes, text in zip(known, texts, strict=True))


def _changes(name: str, before: object, after: object) -> Iterator[ParameterChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _changes(f"{name}.{key}", before.get(key, _ABSENT), after.get(key, _ABSENT))
    elif not _equal(before, after):
        seed = name.rpartition(".")[2].lower() in _SEEDS
        yield ParameterChange(name, shown(before), shown(after), seed)


def _equal(one: object, other: object) -> bool:
    """Equality of JSON, in which 1 is 1.0 but not true."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return isinstance(one, bool) is isinstance(other, bool) and one == other
