"""The executor input of KFP: what the launcher tells a task, checked before use.

Source: ``ExecutorInput`` in ``api/v2alpha1/pipeline_spec.proto`` of kubeflow/pipelines,
in its JSON form. It is read by hand and not with pydantic: this runs at the start of
every task, and the import alone would cost as much as the rest of the tracking.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from kfp_provenance.codes import Code
from kfp_provenance.errors import TaskError

LOGS_OUTPUT = "executor-logs"
"""Output that KFP's launcher adds to every task; still written while the task runs."""

_TITLE = re.compile(r"title:\s*([\w.]{1,128})")
_LIMIT = 16 * 1024 * 1024

JsonObject = Mapping[str, object]


@dataclass(frozen=True)
class RuntimeArtifact:
    """One artifact as KFP names it: a URI and free metadata."""

    name: str
    uri: str
    schema_title: str
    metadata: JsonObject
    raw: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True)
class ExecutorInput:
    """Inputs and outputs of one task.

    Attributes:
        parameters: Input parameters by name.
        inputs: Artifacts by input name; more than one for a list of artifacts.
        outputs: Artifacts by output name, without :data:`LOGS_OUTPUT`.
        logs_uri: URI of :data:`LOGS_OUTPUT`; empty in a local run.
        output_parameter_files: Path of each output parameter's file by name.
        output_file: Path of the executor output that the task must write.
    """

    parameters: JsonObject
    inputs: Mapping[str, tuple[RuntimeArtifact, ...]]
    outputs: Mapping[str, tuple[RuntimeArtifact, ...]]
    logs_uri: str
    output_parameter_files: Mapping[str, str]
    output_file: str


def parse_executor_input(text: str) -> ExecutorInput:
    """Read the value of ``--executor_input``.

    Raises:
        TaskError: EXECUTOR_INPUT_INVALID if a part has another form than KFP's.
    """
    if len(text) > _LIMIT:
        raise _invalid("the whole", f"at most {_LIMIT} characters", f"{len(text)}")
    try:
        raw = _object(json.loads(text), "the whole")
    except json.JSONDecodeError as error:
        raise _invalid("the whole", "JSON", str(error)) from error
    inputs = _object(raw.get("inputs", {}), "inputs")
    outputs = _object(raw.get("outputs", {}), "outputs")
    produced = _artifacts(outputs, "outputs")
    logs = produced.pop(LOGS_OUTPUT, ())
    files = _object(outputs.get("parameters", {}), "outputs.parameters")
    return ExecutorInput(
        parameters=_object(inputs.get("parameterValues", {}), "inputs.parameterValues"),
        inputs=_artifacts(inputs, "inputs"),
        outputs=produced,
        logs_uri=logs[0].uri if logs else "",
        output_parameter_files={
            name: _text(_object(value, name).get("outputFile", ""), f"outputs.parameters.{name}")
            for name, value in files.items()
        },
        output_file=_text(outputs.get("outputFile"), "outputs.outputFile"),
    )


def _artifacts(part: JsonObject, where: str) -> dict[str, tuple[RuntimeArtifact, ...]]:
    result: dict[str, tuple[RuntimeArtifact, ...]] = {}
    for name, value in _object(part.get("artifacts", {}), f"{where}.artifacts").items():
        place = f"{where}.artifacts.{name}"
        entries = _object(value, place).get("artifacts", [])
        if not isinstance(entries, list):
            raise _invalid(place, "a list of artifacts", type(entries).__name__)
        found = tuple(parse_artifact(entry, place) for entry in entries)
        if found:
            result[name] = found
    return result


def parse_artifact(value: object, place: str) -> RuntimeArtifact:
    """Read one ``RuntimeArtifact``.

    Raises:
        TaskError: EXECUTOR_INPUT_INVALID.
    """
    raw = _object(value, place)
    kind = _object(raw.get("type", {}), f"{place}.type")
    # what a producer declared as a title arrives at its consumer in an instance schema
    title = _TITLE.match(_text(kind.get("instanceSchema", ""), f"{place}.type"))
    default = title[1] if title else "system.Artifact"
    return RuntimeArtifact(
        name=_text(raw.get("name", ""), f"{place}.name"),
        uri=_text(raw.get("uri", ""), f"{place}.uri"),
        schema_title=_text(kind.get("schemaTitle", default), f"{place}.type"),
        metadata=_object(raw.get("metadata", {}), f"{place}.metadata"),
        raw=raw,
    )


def _object(value: object, place: str) -> JsonObject:
    if not isinstance(value, dict):
        raise _invalid(place, "an object", type(value).__name__)
    return value


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise _invalid(place, "a string", type(value).__name__)
    return value


def _invalid(place: str, expected: str, found: str) -> TaskError:
    return TaskError(
        Code.EXECUTOR_INPUT_INVALID,
        "the executor input is not what KFP's launcher writes",
        where=f"--executor_input: {place}",
        expected=expected,
        found=found,
        remedy="run the task through KFP (a pipeline, or kfp.local) and not by hand",
    )
