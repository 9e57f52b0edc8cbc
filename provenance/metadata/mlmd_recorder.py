"""Records steps in MLMD: one atomic write per step, safe to repeat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from ml_metadata import errors
from ml_metadata.proto import metadata_store_pb2 as pb

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import Artifact, Environment, Input, InputOrigin, Step
from kfp_provenance.metadata import encode, schema
from kfp_provenance.metadata.interface import Attest
from kfp_provenance.metadata.mlmd_connection import Connection
from kfp_provenance.metadata.mlmd_reader import MlmdReader, artifact_of

_ROUNDS = 8
"""Tries to find a row that other steps make at the same moment."""


@dataclass
class _Row:
    """A row to refer to or to write, and the paths of the event to it."""

    artifact: Artifact
    external_id: str
    is_output: bool
    id: int = 0
    paths: list[str] = field(default_factory=list)


class MlmdRecorder:
    """A :class:`~kfp_provenance.metadata.interface.Recorder` over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._reader = MlmdReader(connection)

    def record(self, step: Step, environment: Environment, attest: Attest | None = None) -> None:
        """Store one step; see the protocol.

        Raises:
            StoreError: STORE_VALUE_REFUSED before anything is written, STORE_CONFLICT
                if another step has this id, STORE_CORRUPT if a row it refers to was
                changed, STORE_UNREACHABLE if the store stays busy or away.
        """
        step = encode.canonical(step)
        if environment.digest != step.environment:
            encode.refuse("the environment is not that of the step", f"step {step.task}")
        attest = lru_cache(attest) if attest is not None else None  # signed once, however often put
        with self._connection.translated():
            for _ in range(_ROUNDS):
                try:
                    self._put(step, environment, attest)
                except errors.AlreadyExistsError:
                    if self._recorded(step):
                        return
                else:
                    return
        raise StoreError(
            Code.STORE_CONFLICT,
            "a row of this step is already in the store, under another step or type",
            where=f"step {step.id}",
            remedy="record with a new step id; use a store that only this package writes to",
        )

    def close(self) -> None:
        """Release the connection."""
        self._connection.close()

    def _put(self, step: Step, environment: Environment, attest: Attest | None) -> None:
        rows = self._rows(step)
        if step.attempt == 0:
            step = replace(step, attempt=1 + self._reader.attempts(step.run, step.task, step.id))
        new = [row for row in rows if not row.id]
        edges: list[tuple[int, int | None, Any]] = []
        for row in rows:
            event = pb.Event(
                type=pb.Event.OUTPUT if row.is_output else pb.Event.INPUT,
                milliseconds_since_epoch=int(step.finished.timestamp() * 1000),
            )
            for path in row.paths:
                event.path.steps.add().key = path
            if row.id:
                # never put a stored artifact again: what is not given would be wiped
                event.artifact_id = row.id
            edges.append((0, None if row.id else new.index(row), event))
        self._connection.call(
            "put_lineage_subgraph",
            [self._execution(step, attest)],
            [self._artifact(row) for row in new],
            [
                self._context(schema.RUN_TYPE, {"id": step.run}),
                self._context(schema.PIPELINE_TYPE, {"id": step.pipeline}),
                self._context(schema.ENVIRONMENT_TYPE, encode.environment_properties(environment)),
            ],
            edges,
            reuse_context_if_already_exist=True,
        )

    def _rows(self, step: Step) -> list[_Row]:
        """One row for each artifact of the step, with the id of those already stored."""
        stored = self._stored(step.inputs)
        rows: dict[object, _Row] = {}
        for item in step.inputs:
            row = _find(item, stored)
            row = rows.setdefault(row.id or row.external_id, row)
            # an artifact can be bound to several inputs, but has one event
            row.paths.append(encode.input_path(item))
        for output in step.outputs:
            external_id = encode.output_id(step.id, output.name, output.index)
            rows[external_id] = _Row(
                output.artifact, external_id, is_output=True, paths=[encode.output_path(output)]
            )
        return list(rows.values())

    def _stored(self, inputs: Iterable[Input]) -> dict[str, Any]:
        """Rows that the inputs could be, by external id, in one call."""
        wanted = {i for item in inputs for i in _candidates(item)}
        if not wanted:
            return {}
        try:
            nodes = self._connection.call("get_artifacts_by_external_ids", sorted(wanted))
        except errors.NotFoundError:
            return {}
        types = self._connection.types
        return {n.external_id: n for n in nodes if n.type_id == types[schema.ARTIFACT_TYPE]}

    def _recorded(self, step: Step) -> bool:
        """Whether this very step is in the store already."""
        found = self._reader.step(step.id)
        if found is None:
            return False
        if found != replace(step, attempt=step.attempt or found.attempt):
            raise StoreError(
                Code.STORE_CONFLICT,
                "another step is recorded under this id",
                where=f"step {step.id}",
                remedy="give every execution, also a retry, a step id of its own",
            )
        return True

    def _execution(self, step: Step, attest: Attest | None) -> Any:
        node = pb.Execution(
            type_id=self._connection.types[schema.STEP_TYPE],
            name=schema.index_name(step.id),
            last_known_state=pb.Execution.COMPLETE if step.failure is None else pb.Execution.FAILED,
        )
        line = attest(step) if attest is not None else None
        if line is not None:
            text, where = line.decode("utf-8"), f"attestation of step {step.task}"
            encode.check_text(text, where, schema.ATTESTATION_LIMIT)
            node.custom_properties[schema.ATTESTATION].string_value = text
        return _filled(node, encode.step_properties(step))

    def _artifact(self, row: _Row) -> Any:
        node = pb.Artifact(
            type_id=self._connection.types[schema.ARTIFACT_TYPE],
            uri=row.artifact.uri,
            external_id=row.external_id,
        )
        return _filled(node, encode.artifact_properties(row.artifact))

    def _context(self, type_name: str, properties: dict[str, str]) -> Any:
        node = pb.Context(
            type_id=self._connection.types[type_name], name=schema.index_name(properties["id"])
        )
        return _filled(node, properties)


def _candidates(item: Input) -> list[str]:
    ids = [encode.source_id(item.artifact)]
    if item.origin is InputOrigin.STEP:
        ids.insert(0, encode.output_id(item.producer, item.output, item.output_index))
    return ids


def _find(item: Input, stored: dict[str, Any]) -> _Row:
    """The producer's row if it says the same of the artifact, else one of its facts."""
    *producer, source = _candidates(item)
    for external_id in producer:
        node = stored.get(external_id)
        if node is not None and artifact_of(node) == item.artifact:
            return _Row(item.artifact, external_id, is_output=False, id=node.id)
    row = _Row(item.artifact, source, is_output=False)
    if source in stored:
        if artifact_of(stored[source]) != item.artifact:
            raise StoreError(
                Code.STORE_CORRUPT,
                "the row of an artifact that several steps read was changed",
                where=f"artifact {stored[source].id}",
                expected=str(item.artifact.digest),
                remedy="restore the store from a copy, or begin a new one",
            )
        row.id = stored[source].id
    return row


def _filled(node: Any, properties: dict[str, str]) -> Any:
    for name, value in properties.items():
        node.properties[name].string_value = value
    return node
