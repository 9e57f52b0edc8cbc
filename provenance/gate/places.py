"""Every place of a KServe object that names a model, or code that serves one.

A *place* is a field of the object. The object is walked along the tables of
:mod:`kfp_provenance.gate.place_shapes`. What they do not know (a kind, a version, a field, a
value of another type) becomes a place of its own, so that nothing passes because nobody has
heard of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from kfp_provenance.gate.place_shapes import ANNOTATIONS, GROUP, KINDS, SHAPES
from kfp_provenance.gate.place_text import (
    MODEL_URI,
    MODELS_FOLDER,
    arguments_in_variable,
    is_script,
    is_script_variable,
    models_in_arguments,
    names_model,
)


class PlaceKind(StrEnum):
    """What a place names."""

    URI = "uri"
    """Where a model comes from."""
    STORAGE_KEY = "storage key"
    """A secret whose content says where a model comes from."""
    STORAGE_CONTAINER = "storage container"
    """Who downloads a model."""
    IMAGE = "image"
    """A container image."""
    RUNTIME_VERSION = "runtime version"
    """A tag that KServe puts into the image of the runtime."""
    VOLUME = "volume"
    """Bytes that are mounted; the value is the type of the volume."""
    CODE = "code"
    """A program that runs in place of the image's own."""
    PATH = "path"
    """A mount that hides the verified models of a container."""
    REFERENCE = "reference"
    """A value that is read from another object when the container starts."""
    SERVICE = "service"
    """An address that answers in place of a model."""
    SWITCH = "switch"
    """A switch that takes the verification at load away."""
    UNKNOWN = "unknown"
    """Something that this gate has not heard of."""


@dataclass(frozen=True)
class ModelPlace:
    """One place of one object.

    Attributes:
        pointer: JSON pointer (RFC 6901) from the root of the object.
        kind: What it names.
        value: What it says, at most 1,024 characters of it.
        field: Whether ``value`` is the whole text of the field, which can then be replaced.
    """

    pointer: str
    kind: PlaceKind
    value: str
    field: bool = True


_LONGEST_VALUE = 1024
_DEEPEST = 40
_ROOT = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
_OWN_DOMAINS = (GROUP, "kserve.io")


def places_of(document: Mapping[str, Any]) -> tuple[ModelPlace, ...]:
    """All places of an object, in the order of its fields."""
    return tuple(_object(document))


def _object(document: Mapping[str, Any]) -> Iterator[ModelPlace]:
    group, _, version = str(document.get("apiVersion", "")).partition("/")
    kind = document.get("kind")
    shape, versions = KINDS.get(kind, ("", frozenset())) if isinstance(kind, str) else ("", ())
    if group != GROUP or not shape:
        yield _unknown("/kind", kind)
        return
    if version not in versions:
        yield _unknown("/apiVersion", document.get("apiVersion"))
        return
    for name in document:
        if name not in _ROOT:
            yield _unknown(_child("", name), document[name])
    metadata = document.get("metadata")
    if isinstance(metadata, Mapping):
        for name in ("annotations", "labels"):
            yield from _annotations(metadata.get(name), f"/metadata/{name}")
    yield from _by_rule(shape, document.get("spec"), "/spec", 0)


def _by_rule(rule: str, value: Any, pointer: str, depth: int) -> Iterator[ModelPlace]:
    """What a value holds, by the rule of its field."""
    if value is None:
        return
    if depth > _DEEPEST:
        yield _unknown(pointer, value)
    elif rule[0] == "=":
        yield from _JUDGED[rule[1:]](value, pointer)
    elif rule[0] == "-":
        yield from _uris_in(value, pointer, depth)
    elif rule[0] == "~":
        return
    elif rule[0] == "[":
        if not isinstance(value, list):
            yield _unknown(pointer, value)
            return
        for position, item in enumerate(value):
            yield from _by_rule(rule[1:-1], item, f"{pointer}/{position}", depth + 1)
    elif not isinstance(value, Mapping):
        yield _unknown(pointer, value)
    elif rule[0] == "{":
        for name, item in value.items():
            yield from _by_rule(rule[1:-1], item, _child(pointer, name), depth + 1)
    else:
        yield from _by_shape(rule, value, pointer, depth)


def _by_shape(
    shape: str, value: Mapping[str, Any], pointer: str, depth: int
) -> Iterator[ModelPlace]:
    if shape == "Variable":
        yield from _variable(str(value.get("name", "")), value.get("value"), f"{pointer}/value")
    table = SHAPES[shape]
    for name, item in value.items():
        rule = table.get(name)
        if rule is None:
            yield _unknown(_child(pointer, name), item)
        elif rule != "=variable":
            yield from _by_rule(rule, item, _child(pointer, name), depth + 1)


def _uris_in(value: Any, pointer: str, depth: int) -> Iterator[ModelPlace]:
    """A model's URI has no business in a field that names nothing."""
    if isinstance(value, str):
        if MODEL_URI.search(value):
            yield _unknown(pointer, value)
    elif isinstance(value, Mapping | list) and depth > _DEEPEST:
        yield _unknown(pointer, value)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if MODEL_URI.search(name):
                yield _unknown(pointer, name)
            yield from _uris_in(item, _child(pointer, name), depth + 1)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _uris_in(item, f"{pointer}/{position}", depth + 1)


def _text(kind: PlaceKind, value: Any, pointer: str) -> Iterator[ModelPlace]:
    if not isinstance(value, str):
        yield _unknown(pointer, value)
    elif value:
        whole = len(value) <= _LONGEST_VALUE
        yield ModelPlace(pointer, kind if whole else PlaceKind.UNKNOWN, value[:_LONGEST_VALUE])


def _arguments(value: Any, pointer: str) -> Iterator[ModelPlace]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        yield _unknown(pointer, value)
        return
    for position, text in enumerate(value):
        if is_script(text):
            yield ModelPlace(f"{pointer}/{position}", PlaceKind.CODE, text[:_LONGEST_VALUE])
    for position, text in models_in_arguments(value):
        found = text[:_LONGEST_VALUE]
        yield ModelPlace(f"{pointer}/{position}", PlaceKind.URI, found, text == value[position])


def _variable(name: str, value: Any, pointer: str) -> Iterator[ModelPlace]:
    if value is None or value == "":
        return
    if not isinstance(value, str):
        yield _unknown(pointer, value)
    elif name.endswith("STORAGE_URI") or names_model(name, value):
        yield from _text(PlaceKind.URI, value, pointer)
    elif name in _CODE_VARIABLES or is_script_variable(name, value):
        yield from _text(PlaceKind.CODE, value, pointer)
    else:
        for _, found in models_in_arguments(arguments_in_variable(value)):
            yield ModelPlace(pointer, PlaceKind.URI, found[:_LONGEST_VALUE], field=False)


_CODE_VARIABLES = frozenset(
    [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "LD_AUDIT",
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "PYTHONUSERBASE",
        "BASH_ENV",
        "ENV",
        "PATH",
        "PERL5LIB",
        "NODE_OPTIONS",
        "JAVA_TOOL_OPTIONS",
        "PIP_INDEX_URL",
        "HF_ENDPOINT",
    ]
)
"""Variables that put other code, or another source of models, in place of the image's own."""


def _variables(value: Any, pointer: str) -> Iterator[ModelPlace]:
    if not isinstance(value, Mapping):
        yield _unknown(pointer, value)
        return
    for name, item in value.items():
        yield from _variable(name, item, _child(pointer, name))


def _annotations(value: Any, pointer: str) -> Iterator[ModelPlace]:
    """Annotations and labels; KServe hands a source to its initializer by some of its own."""
    if value is None:
        return
    if not isinstance(value, Mapping):
        yield _unknown(pointer, value)
        return
    for name, item in value.items():
        domain = str(name).partition("/")[0] if "/" in str(name) else ""
        own = any(domain == one or domain.endswith(f".{one}") for one in _OWN_DOMAINS)
        if own and name not in ANNOTATIONS:
            yield _unknown(_child(pointer, name), item)


def _path(value: Any, pointer: str) -> Iterator[ModelPlace]:
    """A mount over the folder of models, or into it, hides what was verified there."""
    for place in _text(PlaceKind.PATH, value, pointer):
        path = PurePosixPath(place.value)
        models = PurePosixPath(MODELS_FOLDER)
        if ".." in path.parts or path in (models, *models.parents) or models in path.parents:
            yield place


def _named(kind: PlaceKind, value: Any, pointer: str) -> Iterator[ModelPlace]:
    """A place whose field's own name is what matters, for example the type of a volume."""
    if value not in ({}, []) or kind is PlaceKind.VOLUME:
        yield ModelPlace(pointer, kind, pointer.rpartition("/")[2], field=False)


def _switch(harmful: str, value: Any, pointer: str) -> Iterator[ModelPlace]:
    """A boolean that does harm in one of its positions, ``true`` or ``false``."""
    if not isinstance(value, bool):
        yield _unknown(pointer, value)
    elif str(value).lower() == harmful:
        yield ModelPlace(pointer, PlaceKind.SWITCH, harmful)


_JUDGED: Mapping[str, Callable[[Any, str], Iterator[ModelPlace]]] = {
    "uri": lambda value, pointer: _text(PlaceKind.URI, value, pointer),
    "image": lambda value, pointer: _text(PlaceKind.IMAGE, value, pointer),
    "service": lambda value, pointer: _text(PlaceKind.SERVICE, value, pointer),
    "runtime version": lambda value, pointer: _text(PlaceKind.RUNTIME_VERSION, value, pointer),
    "storage container": lambda value, pointer: _text(PlaceKind.STORAGE_CONTAINER, value, pointer),
    "path": _path,
    "arguments": _arguments,
    "variables": _variables,
    "annotations": _annotations,
    "code": lambda value, pointer: _named(PlaceKind.CODE, value, pointer),
    "volume": lambda value, pointer: _named(PlaceKind.VOLUME, value, pointer),
    "storage key": lambda value, pointer: _named(PlaceKind.STORAGE_KEY, value, pointer),
    "reference": lambda value, pointer: _named(PlaceKind.REFERENCE, value, pointer),
    "switch off": lambda value, pointer: _switch("true", value, pointer),
    "switch on": lambda value, pointer: _switch("false", value, pointer),
}


def _unknown(pointer: str, value: Any) -> ModelPlace:
    return ModelPlace(pointer, PlaceKind.UNKNOWN, str(value)[:_LONGEST_VALUE])


def _child(pointer: str, name: object) -> str:
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"
