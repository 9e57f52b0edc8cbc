"""Properties and paths of MLMD -> facts. Pure; refuses what cannot be what was written.

Rows are the only truth: nothing is repaired or guessed, so that a changed row or edge
reaches the caller either as another step than the signed one or as STORE_CORRUPT.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Never, TypeVar

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError, StoreError
from kfp_provenance.facts import (
    Artifact,
    ArtifactKind,
    CodeState,
    ComponentReference,
    Digest,
    Environment,
    Input,
    InputOrigin,
    Outcome,
    Output,
    Parameter,
    Step,
    StepFailure,
)
from kfp_provenance.metadata import schema

_Choice = TypeVar("_Choice", ArtifactKind, Outcome, InputOrigin)
_Bound = TypeVar("_Bound", Input, Output)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,30}")


@dataclass(frozen=True)
class Edge:
    """An event: its artifact, the direction and the steps of its path, in any order."""

    artifact: Artifact
    is_output: bool
    path: tuple[str, ...]


def corrupt(message: str, where: str, *, expected: str = "", found: str = "") -> Never:
    """Raise STORE_CORRUPT."""
    raise StoreError(
        Code.STORE_CORRUPT,
        message,
        where=where,
        expected=expected,
        found=found[:200],
        remedy="the store was changed by something else than this package: restore it "
        "from a copy, or verify against the signed bundle alone",
    )


@dataclass(frozen=True)
class Fields:
    """String properties of one row, read strictly."""

    values: Mapping[str, str]
    where: str

    def text(self, name: str) -> str:
        """The property, which must be there."""
        if name not in self.values:
            corrupt(f"the property {name} is missing", self.where)
        return self.values[name]

    def number(self, name: str) -> int:
        """A whole number as :func:`str` writes it."""
        text = self.text(name)
        if not _NUMBER.fullmatch(text):
            corrupt(f"the property {name} is not a number", self.where, found=text)
        return int(text)

    def digest(self, name: str) -> Digest:
        """A digest."""
        text = self.text(name)
        try:
            return Digest.parse(text)
        except ArtifactError:
            corrupt(f"the property {name} is not a digest", self.where, found=text)

    def time(self, name: str) -> datetime:
        """A time in UTC, to the microsecond."""
        text = self.text(name)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            corrupt(f"the property {name} is not a time", self.where, found=text)
        return moment.astimezone(UTC)

    def choice(self, name: str, kind: type[_Choice]) -> _Choice:
        """One of the values of an enumeration."""
        text = self.text(name)
        try:
            return kind(text)
        except ValueError:
            corrupt(f"the property {name} has no such value", self.where, found=text)


def artifact_from(uri: str, properties: Mapping[str, str], where: str) -> Artifact:
    """Rebuild an artifact from its row.

    Raises:
        StoreError: STORE_CORRUPT.
    """
    fields = Fields(properties, where)
    return Artifact(
        digest=fields.digest("digest"),
        uri=uri,
        kind=fields.choice("kind", ArtifactKind),
        size=fields.number("size"),
        type=fields.text("type"),
        version=fields.text("version"),
        metadata=fields.text("metadata"),
    )


def environment_from(properties: Mapping[str, str], where: str) -> Environment:
    """Rebuild an environment from its context.

    Raises:
        StoreError: STORE_CORRUPT.
    """
    fields = Fields(properties, where)
    packages = _json(fields.text("packages"), f"{where}: packages")
    if not isinstance(packages, list) or not all(isinstance(item, str) for item in packages):
        corrupt("the property packages is not a list of strings", where)
    return Environment(fields.digest("id"), fields.text("python"), tuple(packages))


def step_fields(properties: Mapping[str, str], where: str) -> Fields:
    """Properties of a step whose schema this version knows.

    Raises:
        StoreError: STORE_CORRUPT, or STORE_UNSUPPORTED for a later schema.
    """
    fields = Fields(properties, where)
    if fields.text("schema") != schema.SCHEMA:
        raise StoreError(
            Code.STORE_UNSUPPORTED,
            "a step was recorded with another schema than this version knows",
            where=where,
            expected=schema.SCHEMA,
            found=fields.text("schema")[:20],
            remedy="use a later version of kfp-provenance",
        )
    return fields


def step_from(properties: Mapping[str, str], edges: list[Edge], where: str) -> Step:
    """Rebuild a step from its execution and its events.

    Raises:
        StoreError: STORE_CORRUPT, or STORE_UNSUPPORTED for a later schema.
    """
    fields = step_fields(properties, where)
    return Step(
        id=fields.text("id"),
        run=fields.text("run"),
        task=fields.text("task"),
        pipeline=fields.text("pipeline"),
        pipeline_digest=fields.text("pipeline_digest"),
        namespace=fields.text("namespace"),
        attempt=fields.number("attempt"),
        component=ComponentReference(
            name=fields.text("component"),
            version=fields.text("component_version"),
            source_digest=fields.digest("source_digest"),
            image=fields.text("image"),
        ),
        code=_code(fields),
        environment=fields.digest("environment"),
        parameters=_parameters(fields, "parameters"),
        results=_parameters(fields, "results"),
        inputs=_inputs(edges, where),
        outputs=_outputs(edges, where),
        started=fields.time("started"),
        finished=fields.time("finished"),
        outcome=fields.choice("outcome", Outcome),
        failure=_failure(fields),
        runtime_version=fields.text("runtime_version"),
    )


def _code(fields: Fields) -> CodeState | None:
    if not {"commit", "dirty", "repository"} & fields.values.keys():
        return None
    dirty = fields.text("dirty")
    if dirty not in ("true", "false"):
        corrupt("the property dirty is neither true nor false", fields.where, found=dirty)
    return CodeState(fields.text("commit"), dirty == "true", fields.text("repository"))


def _failure(fields: Fields) -> StepFailure | None:
    if not {"failure_type", "failure_message"} & fields.values.keys():
        return None
    return StepFailure(fields.text("failure_type"), fields.text("failure_message"))


def _parameters(fields: Fields, name: str) -> tuple[Parameter, ...]:
    where = f"{fields.where}: {name}"
    items = _json(fields.text(name), where)
    if not isinstance(items, list):
        corrupt("parameters are not a list", where)
    shape = {"name": str, "value": str, "keyed_digest": str}
    return tuple(Parameter(**_shaped(item, shape, where)) for item in items)


def _inputs(edges: list[Edge], where: str) -> tuple[Input, ...]:
    shape = {"name": str, "index": int, "origin": str, "producer": str, "output": str,
             "output_index": int}  # fmt: skip
    found: dict[tuple[str, int], Input] = {}
    for edge, text in ((e, text) for e in edges if not e.is_output for text in e.path):
        item = _shaped(_json(text, where), shape, where)
        origin = Fields({"origin": item.pop("origin")}, where).choice("origin", InputOrigin)
        _add(found, Input(artifact=edge.artifact, origin=origin, **item), where)
    return tuple(found[place] for place in sorted(found))


def _outputs(edges: list[Edge], where: str) -> tuple[Output, ...]:
    found: dict[tuple[str, int], Output] = {}
    for edge, text in ((e, text) for e in edges if e.is_output for text in e.path):
        item = _shaped(_json(text, where), {"name": str, "index": int}, where)
        _add(found, Output(artifact=edge.artifact, **item), where)
    return tuple(found[place] for place in sorted(found))


def _add(found: dict[tuple[str, int], _Bound], item: _Bound, where: str) -> None:
    place = (item.name, item.index)
    if place in found:
        corrupt(f"two events are bound to {item.name!r}, position {item.index}", where)
    found[place] = item


def _json(text: str, where: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        corrupt("a value is not JSON", where, found=text)
    return value


def _shaped(item: object, shape: Mapping[str, type], where: str) -> dict[str, Any]:
    """``item`` if it is an object of exactly these names and types (Any: checked here)."""
    if (
        not isinstance(item, dict)
        or item.keys() != shape.keys()
        or any(type(item[name]) is not kind for name, kind in shape.items())
    ):
        corrupt("a value has not the form in which it was written", where, found=repr(item))
    return item
