"""Facts -> properties and paths of MLMD. Pure; refuses what MLMD would not give back.

MLMD cuts strings at NUL, and reads the value ``__MLMD_NULL__`` and everything that
begins with ``mlmd-struct::`` as something else than it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Never

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import Artifact, Environment, Input, Output, Parameter, Step
from kfp_provenance.metadata import schema


def check_text(text: str, where: str, limit: int = schema.VALUE_LIMIT) -> str:
    """Return ``text`` if MLMD gives it back unchanged on every backend.

    Raises:
        StoreError: STORE_VALUE_REFUSED; the value itself is not shown.
    """
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        refuse("a value has characters that are not Unicode text", where)
    if size > limit:
        refuse(f"a value has {size} bytes, more than {limit}", where)
    if "\0" in text:
        refuse("a value has a NUL character, where MLMD would cut it", where)
    if text == "__MLMD_NULL__" or text.startswith("mlmd-struct::"):
        refuse("a value would be read as one of MLMD's own marks", where)
    return text


def refuse(message: str, where: str) -> Never:
    """Raise STORE_VALUE_REFUSED."""
    raise StoreError(
        Code.STORE_VALUE_REFUSED,
        message,
        where=where,
        remedy="change the value, or put a large one into an artifact",
    )


def step_properties(step: Step) -> dict[str, str]:
    """Properties of the execution of ``step``; inputs and outputs are edges."""
    for name in ("id", "run", "task", "pipeline"):
        if not getattr(step, name):
            refuse("a step needs an id, a run, a task and a pipeline", f"step {step.id!r}: {name}")
    properties = {
        "schema": schema.SCHEMA,
        "id": step.id,
        "run": step.run,
        "task": step.task,
        "pipeline": step.pipeline,
        "pipeline_digest": step.pipeline_digest,
        "namespace": step.namespace,
        "attempt": str(step.attempt),
        "component": step.component.name,
        "component_version": step.component.version,
        "source_digest": str(step.component.source_digest),
        "image": step.component.image,
        "environment": str(step.environment),
        "parameters": _parameters(step.parameters),
        "results": _parameters(step.results),
        "started": _time(step.started, step.id),
        "finished": _time(step.finished, step.id),
        "outcome": str(step.outcome),
        "runtime_version": step.runtime_version,
    }
    if step.code is not None:
        properties["commit"] = step.code.commit
        properties["dirty"] = "true" if step.code.dirty else "false"
        properties["repository"] = step.code.repository
    if step.failure is not None:
        properties["failure_type"] = step.failure.type
        properties["failure_message"] = step.failure.message
    return _checked(properties, f"step {step.task}")


def artifact_properties(artifact: Artifact) -> dict[str, str]:
    """Properties of an artifact's row; the URI has a column of its own."""
    check_text(artifact.uri, "URI of an artifact", schema.TEXT_LIMIT)
    properties = {
        "digest": str(artifact.digest),
        "kind": str(artifact.kind),
        "size": str(artifact.size),
        "type": artifact.type,
        "version": artifact.version,
        "metadata": artifact.metadata,
    }
    return _checked(properties, "artifact")


def environment_properties(environment: Environment) -> dict[str, str]:
    """Properties of the context that holds an environment."""
    properties = {
        "id": str(environment.digest),
        "python": environment.python,
        "packages": _json(environment.packages),
    }
    return _checked(properties, "environment")


def output_id(step_id: str, name: str, index: int) -> str:
    """External id of the row of one output of one step."""
    return schema.external_id("output", step_id, name, str(index))


def source_id(artifact: Artifact) -> str:
    """External id of the row of an artifact that no recorded step produced.

    All facts are part of it, so that a root used by many runs is one row and two
    artifacts that differ in anything are two.
    """
    return schema.external_id("source", artifact.uri, *artifact_properties(artifact).values())


def input_path(item: Input) -> str:
    """What an input event says beyond its artifact: one step of its path."""
    return _path(
        {
            "name": item.name,
            "index": item.index,
            "origin": str(item.origin),
            "producer": item.producer,
            "output": item.output,
            "output_index": item.output_index,
        }
    )


def output_path(item: Output) -> str:
    """What an output event says beyond its artifact: one step of its path."""
    return _path({"name": item.name, "index": item.index})


def canonical(step: Step) -> Step:
    """``step`` with inputs and outputs in the order in which a reader gives them.

    Raises:
        StoreError: STORE_VALUE_REFUSED if two have the same name and position.
    """
    for kind, items in (("input", step.inputs), ("output", step.outputs)):
        places = [(item.name, item.index) for item in items]
        if len(set(places)) != len(places):
            refuse(f"two {kind}s have the same name and position", f"step {step.task}")
    return replace(
        step,
        inputs=tuple(sorted(step.inputs, key=lambda item: (item.name, item.index))),
        outputs=tuple(sorted(step.outputs, key=lambda item: (item.name, item.index))),
    )


def _parameters(parameters: Iterable[Parameter]) -> str:
    return _json(
        [{"name": p.name, "value": p.value, "keyed_digest": p.keyed_digest} for p in parameters]
    )


def _path(binding: dict[str, str | int]) -> str:
    return check_text(_json(binding), f"input or output {binding['name']!r}", schema.TEXT_LIMIT)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _time(moment: datetime, step_id: str) -> str:
    if moment.tzinfo is None:
        refuse("a time has no time zone", f"step {step_id}")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _checked(properties: dict[str, str], where: str) -> dict[str, str]:
    for name, value in properties.items():
        check_text(value, f"{where}: {name}")
    return properties
