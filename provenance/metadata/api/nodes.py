"""Nodes of a remote store through MLMD's API, many at a time and each once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from ml_metadata import metadata_store

from kfp_provenance.metadata import schema
from kfp_provenance.metadata.graph import (
    CACHED_STATE,
    INPUT_EVENTS,
    OUTPUT_EVENTS,
    ArtifactRow,
    StepRow,
)
from kfp_provenance.metadata.mlmd_connection import Connection
from kfp_provenance.metadata.rows import artifact_row, digest_in, step_row

_BATCH = 500
_QUERY_BATCH = 50


class ApiNodes:
    """Artifacts, executions and events of one store, kept for one question.

    Args:
        connection: Any: MLMD ships no type information.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._artifacts: dict[int, Any] = {}
        self._executions: dict[int, Any] = {}
        self._of_artifact: dict[int, list[Any]] = {}
        self._of_execution: dict[int, list[Any]] = {}
        self._equal: dict[str, tuple[int, ...]] = {}
        self._names: dict[str, dict[int, str]] = {}
        self._others: bool | None = None

    def type_name(self, kind: str, type_id: int) -> str:
        """Name of a type; ``kind`` is artifact, execution or context."""
        if kind not in self._names:
            nodes = self._connection.call(f"get_{kind}_types")
            self._names[kind] = {node.id: node.name for node in nodes}
        return self._names[kind].get(type_id, "")

    def artifacts(self, ids: Iterable[int]) -> dict[int, Any]:
        """Rows of artifacts; those that are not there are left out."""
        return self._nodes("get_artifacts_by_id", self._artifacts, ids)

    def executions(self, ids: Iterable[int]) -> dict[int, Any]:
        """Rows of executions; likewise."""
        return self._nodes("get_executions_by_id", self._executions, ids)

    def artifact_rows(self, ids: Sequence[int]) -> list[ArtifactRow]:
        """Rows of artifacts in the order of ``ids``, as the graph has them."""
        found = self.artifacts(ids)
        return [
            artifact_row(
                node.id, node.uri, self.type_name("artifact", node.type_id),
                node.create_time_since_epoch, properties(node),
            )
            for node in (found[i] for i in ids if i in found)
        ]  # fmt: skip

    def step_rows(self, ids: Sequence[int]) -> list[StepRow]:
        """Executions in the order of ``ids``, as the graph has them."""
        found = self.executions(ids)
        return [self._step_row(found[i]) for i in ids if i in found]

    def context_name(self, context: Any) -> str:
        """Name of a run or pipeline: ours say in a property what their name stands for."""
        kind = self.type_name("context", context.type_id)
        ours = kind in (schema.RUN_TYPE, schema.PIPELINE_TYPE)
        return (properties(context).get("id") if ours else "") or str(context.name)

    def events_of_executions(self, ids: Collection[int]) -> dict[int, list[Any]]:
        """Events by execution; an execution without events has an empty list."""
        return self._events("get_events_by_execution_ids", self._of_execution, ids,
                            lambda event: int(event.execution_id))  # fmt: skip

    def events_of_artifacts(self, ids: Collection[int]) -> dict[int, list[Any]]:
        """Events by artifact; likewise."""
        return self._events("get_events_by_artifact_ids", self._of_artifact, ids,
                            lambda event: int(event.artifact_id))  # fmt: skip

    def digests(self, ids: Iterable[int]) -> dict[int, str]:
        """Digest of each row that says one."""
        found = {row: digest_in(properties(node)) for row, node in self.artifacts(ids).items()}
        return {row: str(digest) for row, digest in found.items() if digest}

    def rows_of_digests(self, digests: Iterable[str]) -> dict[str, tuple[int, ...]]:
        """Rows by digest. The texts have the form of a digest: MLMD escapes nothing."""
        missing = sorted(set(digests) - self._equal.keys())
        for batch in _batches(missing, _QUERY_BATCH):
            values = ", ".join(f"'{digest}'" for digest in batch)
            rows: dict[str, set[int]] = defaultdict(set)
            for kind in ("properties", "custom_properties"):
                options = metadata_store.ListOptions(
                    filter_query=f"{kind}.digest.string_value IN ({values})"
                )
                for node in self._connection.call("get_artifacts", list_options=options):
                    self._artifacts[node.id] = node
                    rows[properties(node).get("digest", "")].add(node.id)
            self._equal.update({digest: tuple(sorted(rows[digest])) for digest in batch})
        return {digest: self._equal[digest] for digest in digests}

    def producers(self, events: Sequence[Any]) -> list[Any]:
        """Events of those that made an artifact: not taken from a cache if another ran."""
        made = outputs(events)
        if len(made) < 2 or not self.other_tools():  # noqa: PLR2004 - one needs no choice
            return made
        nodes = self.executions(event.execution_id for event in made)
        states = {row: node.last_known_state for row, node in nodes.items()}
        if all(state == CACHED_STATE for state in states.values()):
            return made
        return [event for event in made if states.get(event.execution_id) != CACHED_STATE]

    def other_tools(self) -> bool:
        """Whether executions of other tools are there, which KFP may have taken from its cache."""
        if self._others is None:
            kinds = self._connection.call("get_execution_types")
            others = [str(int(kind.id)) for kind in kinds if kind.name != schema.STEP_TYPE]
            options = metadata_store.ListOptions(
                limit=1, filter_query=f"type_id IN ({', '.join(others) or '0'})"
            )
            self._others = bool(self._connection.call("get_executions", list_options=options))
        return self._others

    def run(self, execution: int) -> str:
        """Run that one of our steps says; empty for other tools."""
        node = self.executions([execution]).get(execution)
        value = node.properties.get("run") if node is not None else None
        return str(value.string_value) if value is not None else ""

    def is_step(self, execution: int) -> bool:
        """Whether an execution is one of ours."""
        node = self.executions([execution]).get(execution)
        return node is not None and (self.type_name("execution", node.type_id) == schema.STEP_TYPE)

    def _step_row(self, node: Any) -> StepRow:
        kind = self.type_name("execution", node.type_id)
        groups: list[tuple[str, str]] = []
        if kind != schema.STEP_TYPE:
            contexts = self._connection.call("get_contexts_by_execution", node.id)
            contexts = sorted(contexts, key=lambda context: int(context.id))
            groups = [(self.type_name("context", c.type_id), c.name) for c in contexts]
        times = (node.create_time_since_epoch, node.last_update_time_since_epoch)
        return step_row(node.id, kind, node.name, state=node.last_known_state, times=times,
                        properties=properties(node), groups=groups)  # fmt: skip

    def _nodes(self, method: str, known: dict[int, Any], ids: Iterable[int]) -> dict[int, Any]:
        wanted = list(dict.fromkeys(ids))
        for batch in _batches([i for i in wanted if i not in known], _BATCH):
            known.update({node.id: node for node in self._connection.call(method, batch)})
        return {i: known[i] for i in wanted if i in known}

    def _events(
        self,
        method: str,
        known: dict[int, list[Any]],
        ids: Collection[int],
        owner: Callable[[Any], int],
    ) -> dict[int, list[Any]]:
        for batch in _batches([i for i in ids if i not in known], _BATCH):
            known.update({i: [] for i in batch})
            for event in self._connection.call(method, batch):
                known[owner(event)].append(event)
        return {i: known[i] for i in ids}


def properties(node: Any) -> dict[str, str]:
    """String properties of a node; one of the type hides a custom one of the same name."""
    return {
        name: value.string_value
        for group in (node.custom_properties, node.properties)
        for name, value in group.items()
        if value.HasField("string_value") and name != schema.ATTESTATION
    }


def inputs(events: Iterable[Any]) -> list[Any]:
    """Events of reading."""
    return [event for event in events if event.type in INPUT_EVENTS]


def outputs(events: Iterable[Any]) -> list[Any]:
    """Events of writing."""
    return [event for event in events if event.type in OUTPUT_EVENTS]


def _batches(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
