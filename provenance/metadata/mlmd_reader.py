"""Reads steps from MLMD, rebuilt from rows and events, with few calls.

No text of a user is ever part of a filter query, whose names and values MLMD does not
escape: the only filters hold names of our own and row ids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2 as pb

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import Artifact, Digest, Environment, Outcome, Run, Step
from kfp_provenance.metadata import schema
from kfp_provenance.metadata.decode import (
    Edge,
    artifact_from,
    corrupt,
    environment_from,
    step_fields,
    step_from,
)
from kfp_provenance.metadata.interface import RunSummary
from kfp_provenance.metadata.mlmd_connection import Connection

_BATCH = 100
_INPUT, _OUTPUT = pb.Event.INPUT, pb.Event.OUTPUT


class MlmdReader:
    """A :class:`~kfp_provenance.metadata.interface.Reader` over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def runs(self, limit: int = 100) -> tuple[RunSummary, ...]:
        """Newest runs first; see the protocol."""
        if limit < 1:
            raise StoreError(
                Code.USAGE, "the number of runs must be positive", found=str(limit),
                remedy="ask for at least one run",
            )  # fmt: skip
        with self._connection.translated():
            contexts = self._connection.call(
                "get_contexts",
                list_options=metadata_store.ListOptions(
                    limit=limit,
                    order_by=metadata_store.OrderByField.ID,
                    is_asc=False,
                    filter_query=f"type = '{schema.RUN_TYPE}'",
                ),
            )
            groups: dict[str, list[Any]] = {_text(c, "id"): [] for c in contexts}
            for node in self._executions_of(contexts):
                run = _text(node, "run")
                if run not in groups:
                    corrupt("a step belongs to another run than it says", _where(node), found=run)
                groups[run].append(node)
        return tuple(_summary(run, nodes) for run, nodes in groups.items() if nodes)

    def run(self, run_id: str) -> Run:
        """All steps of a run; see the protocol."""
        with self._connection.translated():
            steps = self.rebuild(self._run_executions(run_id))
        if not steps:
            raise StoreError(
                Code.RUN_NOT_FOUND, "no step of this run is recorded",
                where=self._connection.where, found=run_id[:200],
                remedy="`kprov runs` shows the runs in the store",
            )  # fmt: skip
        for step in steps:
            if (step.run, step.pipeline, step.namespace) != (
                run_id, steps[0].pipeline, steps[0].namespace,
            ):  # fmt: skip
                corrupt("a step says another run, pipeline or namespace than the others",
                        f"step {step.id}")  # fmt: skip
        steps.sort(key=lambda step: (step.started, step.id))
        return Run(run_id, steps[0].pipeline, steps[0].namespace, tuple(steps))

    def step(self, step_id: str) -> Step | None:
        """One step, or None."""
        with self._connection.translated():
            node = self._named("execution", schema.STEP_TYPE, step_id)
            return self.rebuild([node])[0] if node is not None else None

    def attestation(self, step_id: str) -> bytes | None:
        """What the step's own task signed, or None."""
        with self._connection.translated():
            node = self._named("execution", schema.STEP_TYPE, step_id)
        if node is None or schema.ATTESTATION not in node.custom_properties:
            return None
        line: str = node.custom_properties[schema.ATTESTATION].string_value
        return line.encode("utf-8")

    def environment(self, digest: Digest) -> Environment | None:
        """One environment, or None."""
        with self._connection.translated():
            node = self._named("context", schema.ENVIRONMENT_TYPE, str(digest))
        if node is None:
            return None
        return environment_from(_properties(node), f"environment {digest}")

    def attempts(self, run_id: str, task: str, step_id: str) -> int:
        """Number of recorded steps of a task in a run, other than ``step_id``."""
        nodes = self._run_executions(run_id)
        return sum(_text(n, "task") == task and _text(n, "id") != step_id for n in nodes)

    def close(self) -> None:
        """Release the connection."""
        self._connection.close()

    def _named(self, kind: str, type_name: str, text: str) -> Any:
        """The node that stands for ``text``, or None."""
        if type_name not in self._connection.types:
            return None
        name = schema.index_name(text)
        node = self._connection.call(f"get_{kind}_by_type_and_name", type_name, name)
        if node is None or node.name != name:
            return None
        if _text(node, "id") != text:
            corrupt("a row does not say what its name says", _where(node), found=_text(node, "id"))
        return node

    def _run_executions(self, run_id: str) -> list[Any]:
        context = self._named("context", schema.RUN_TYPE, run_id)
        if context is None:
            return []
        nodes = self._connection.call("get_executions_by_context", context.id)
        return [n for n in nodes if self._is(n, schema.STEP_TYPE)]

    def _executions_of(self, contexts: Sequence[Any]) -> list[Any]:
        found: dict[int, Any] = {}
        for start in range(0, len(contexts), _BATCH):
            ids = ",".join(str(int(c.id)) for c in contexts[start : start + _BATCH])
            options = metadata_store.ListOptions(filter_query=f"contexts_r.id IN ({ids})")
            nodes = self._connection.call("get_executions", list_options=options)
            found.update((n.id, n) for n in nodes if self._is(n, schema.STEP_TYPE))
        return list(found.values())

    def rebuild(self, nodes: Sequence[Any]) -> list[Step]:
        """Rebuild steps with two calls, however many they are."""
        if not nodes:
            return []
        events = self._connection.call("get_events_by_execution_ids", [n.id for n in nodes])
        artifacts = self._artifacts({event.artifact_id for event in events})
        edges: dict[int, list[Edge]] = defaultdict(list)
        for event in events:
            edges[event.execution_id].append(_edge(event, artifacts))
        return [step_from(_properties(n), edges[n.id], _where(n)) for n in nodes]

    def _artifacts(self, ids: Iterable[int]) -> dict[int, Artifact]:
        wanted = sorted(ids)
        nodes = self._connection.call("get_artifacts_by_id", wanted) if wanted else []
        for node in nodes:
            if not self._is(node, schema.ARTIFACT_TYPE):
                corrupt("a step is bound to an artifact of another type", f"artifact {node.id}")
        return {node.id: artifact_of(node) for node in nodes}

    def _is(self, node: Any, type_name: str) -> bool:
        return bool(node.type_id == self._connection.types.get(type_name))


def artifact_of(node: Any) -> Artifact:
    """The artifact of a row.

    Raises:
        StoreError: STORE_CORRUPT.
    """
    return artifact_from(node.uri, _properties(node), f"artifact {node.id}")


def _edge(event: Any, artifacts: dict[int, Artifact]) -> Edge:
    where = f"event of execution {event.execution_id} and artifact {event.artifact_id}"
    if event.artifact_id not in artifacts:
        corrupt("a step is bound to an artifact that is not there", where)
    if event.type not in (_INPUT, _OUTPUT):
        corrupt("an event is neither an input nor an output", where)
    path = tuple(step.key for step in event.path.steps)
    if not path or not all(path):
        corrupt("an event does not say which input or output it is", where)
    return Edge(artifacts[event.artifact_id], event.type == _OUTPUT, path)


def _summary(run: str, nodes: list[Any]) -> RunSummary:
    fields = [step_fields(_properties(n), _where(n)) for n in nodes]
    pipelines = {(f.text("pipeline"), f.text("namespace")) for f in fields}
    if len(pipelines) != 1:
        corrupt("the steps of a run say several pipelines or namespaces", f"run {run}")
    ((pipeline, namespace),) = pipelines
    return RunSummary(
        id=run,
        pipeline=pipeline,
        namespace=namespace,
        steps=len(fields),
        failed=sum(f.choice("outcome", Outcome) is Outcome.FAILED for f in fields),
        started=min(f.time("started") for f in fields),
        finished=max(f.time("finished") for f in fields),
    )


def _properties(node: Any) -> dict[str, str]:
    """Its string properties; one of another kind counts as missing."""
    return {
        name: value.string_value
        for name, value in node.properties.items()
        if value.HasField("string_value")
    }


def _text(node: Any, name: str) -> str:
    properties = _properties(node)
    if name not in properties:
        corrupt(f"the property {name} is missing", _where(node))
    return properties[name]


def _where(node: Any) -> str:
    return f"row {node.id} ({node.name[:80]})"
