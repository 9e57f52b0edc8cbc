"""The executor output of KFP: what a task leaves for the launcher."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from kfp_provenance.codes import Code
from kfp_provenance.errors import TaskError
from kfp_provenance.runtime.executor_input import ExecutorInput, RuntimeArtifact, parse_artifact

_LIMIT = 64 * 1024 * 1024
_PARAMETER_LIMIT = 256 * 1024


class ExecutorOutput:
    """The file at ``outputs.outputFile``, read, extended by announcements, written back.

    Source: ``ExecutorOutput`` in ``api/v2alpha1/pipeline_spec.proto`` of kubeflow/pipelines.
    """

    def __init__(self, given: ExecutorInput, content: dict[str, object], *, exists: bool) -> None:
        self._given = given
        self._content = content
        self._exists = exists

    @classmethod
    def read(cls, given: ExecutorInput) -> ExecutorOutput:
        """Read what KFP's executor wrote; a function may also have written nothing.

        Raises:
            TaskError: OUTPUT_INVALID if it is not an object of JSON.
        """
        path = Path(given.output_file)
        if not path.exists():
            return cls(given, {}, exists=False)
        try:
            with path.open("rb") as stream:
                text = stream.read(_LIMIT + 1)
            if len(text) > _LIMIT:
                raise ValueError(f"larger than {_LIMIT} bytes")
            content = json.loads(text)
            if not isinstance(content, dict):
                raise TypeError("not an object")
        except (OSError, ValueError, TypeError) as error:
            raise _invalid(path, str(error)) from error
        return cls(given, content, exists=True)

    def artifacts(self) -> Iterator[tuple[str, int, RuntimeArtifact]]:
        """Name, position and artifact of every output, as user code left it."""
        for name, planned in sorted(self._given.outputs.items()):
            for index, (entry, plan) in enumerate(
                zip(self._entries(name, planned), planned, strict=False)
            ):
                # the type is only in the executor input
                merged = {**plan.raw, **entry, "type": plan.raw.get("type", {})}
                yield name, index, parse_artifact(merged, f"executor output: {name}")

    def set_metadata(self, name: str, index: int, metadata: Mapping[str, object]) -> None:
        """Replace the metadata of one output artifact."""
        entry = self._entries(name, self._given.outputs[name])[index]
        entry["metadata"] = dict(metadata)

    def parameters(self) -> dict[str, object]:
        """Output parameters: those returned, and those written to an ``OutputPath``."""
        found: dict[str, object] = {}
        for name, file in self._given.output_parameter_files.items():
            if file and Path(file).is_file():
                with Path(file).open("rb") as stream:
                    text = stream.read(_PARAMETER_LIMIT + 1)
                if len(text) > _PARAMETER_LIMIT:
                    raise _invalid(Path(file), f"{name} has more than {_PARAMETER_LIMIT} bytes")
                found[name] = text.decode("utf-8", "replace")
        returned = self._content.get("parameterValues", {})
        if not isinstance(returned, dict):
            raise _invalid(Path(self._given.output_file), "parameterValues is not an object")
        return {**found, **returned}

    def write(self) -> None:
        """Write the file back, whole or not at all.

        Raises:
            TaskError: OUTPUT_INVALID if it cannot be written.
        """
        if not self._content or (not self._exists and "CLUSTER_SPEC" in os.environ):
            return  # nothing to announce, or not the chief of a distributed job
        path = Path(self._given.output_file)
        beside = path.with_name(f"{path.name}.kprov")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(self._content), encoding="utf-8")
            beside.replace(path)
        except OSError as error:
            raise _invalid(path, str(error)) from error

    def _entries(self, name: str, planned: tuple[RuntimeArtifact, ...]) -> list[dict[str, object]]:
        """Entries of one output in the file, made from the plan where user code made none."""
        artifacts = self._content.setdefault("artifacts", {})
        if not isinstance(artifacts, dict):
            raise _invalid(Path(self._given.output_file), "artifacts is not an object")
        plan = [{"name": a.name, "uri": a.uri, "metadata": dict(a.metadata)} for a in planned]
        group = artifacts.setdefault(name, {"artifacts": plan})
        entries = group.get("artifacts") if isinstance(group, dict) else None
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise _invalid(Path(self._given.output_file), f"artifacts.{name} is not a list")
        return entries


def _invalid(path: Path, found: str) -> TaskError:
    return TaskError(
        Code.OUTPUT_INVALID,
        "the outputs of the task cannot be read or written",
        where=str(path),
        found=found,
        remedy="a component must leave the executor output to KFP: write only to its own outputs",
    )
