"""Lineage of a remote store, through MLMD's API (``grpc://``)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from ml_metadata import metadata_store

from kfp_provenance.facts import Digest, Environment, Step
from kfp_provenance.metadata import schema
from kfp_provenance.metadata.api.listing import ApiListing
from kfp_provenance.metadata.api.nodes import ApiNodes, properties
from kfp_provenance.metadata.api.reach import downstream, made_by, upstream
from kfp_provenance.metadata.graph import (
    INPUT_EVENTS,
    OUTPUT_EVENTS,
    ArtifactRow,
    EdgeRow,
    Selection,
    StepRow,
    Summary,
)
from kfp_provenance.metadata.mlmd_connection import Connection
from kfp_provenance.metadata.mlmd_reader import MlmdReader
from kfp_provenance.metadata.rows import digest_in, edge_rows, is_beginning, is_text, summary_of

_NAME_LIMIT: Final = 255


class ApiIndex:
    """A :class:`~kfp_provenance.metadata.graph.LineageIndex`, for one thread at a time.

    Nodes are read once for each question, so that answers are of one moment, nearly.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._reader = MlmdReader(connection)
        self._listing = ApiListing(connection)
        self.where = connection.where

    def rows_with_digest(self, digest: Digest) -> tuple[int, ...]:
        """See the protocol, like all methods here."""
        with self._connection.translated():
            return self._nodes().rows_of_digests([str(digest)])[str(digest)]

    def digests_beginning(self, text: str, limit: int) -> tuple[Digest, ...]:
        """Digests that begin with ``text``."""
        if not is_beginning(text):
            return ()
        found: set[Digest] = set()
        with self._connection.translated():
            for kind in ("properties", "custom_properties"):
                query = f"{kind}.digest.string_value LIKE '{text}%'"
                digests = (digest_in(properties(n)) for n in self._all("get_artifacts", query))
                found |= {digest for digest in digests if digest and str(digest).startswith(text)}
        return tuple(sorted(found)[:limit])

    def rows_at(self, uri: str) -> tuple[int, ...]:
        """Rows with exactly this URI."""
        if not is_text(uri):
            return ()
        with self._connection.translated():
            nodes = self._connection.call("get_artifacts_by_uri", uri)
        return tuple(sorted(node.id for node in nodes if node.uri == uri))

    def steps_of_run(self, run: str) -> tuple[int, ...]:
        """Steps of a run, by its context."""
        if not is_text(run):
            return ()
        with self._connection.translated():
            found = {
                node.id
                for kind in self._connection.call("get_context_types")
                if kind.name.endswith("Run")
                for node in self._executions_in(kind, run)
            }
        return tuple(sorted(found))

    def upstream(self, artifacts: Collection[int]) -> tuple[int, ...]:
        """Steps behind the rows."""
        with self._connection.translated():
            return upstream(self._nodes(), artifacts)

    def downstream(self, artifacts: Collection[int]) -> tuple[int, ...]:
        """Steps that follow from the contents of the rows."""
        with self._connection.translated():
            return downstream(self._nodes(), artifacts)

    def outputs(self, steps: Sequence[int], type_title: str = "") -> tuple[int, ...]:
        """Rows that the steps wrote."""
        with self._connection.translated():
            nodes = self._nodes()
            rows = sorted(made_by(nodes, steps))
            if type_title:
                rows = [row.id for row in nodes.artifact_rows(rows) if row.type == type_title]
        return tuple(rows)

    def keys(self, artifacts: Sequence[int]) -> tuple[str, ...]:
        """Keys of the rows."""
        found = {row.id: row.key for row in self.artifacts(artifacts)}
        return tuple(found.get(row, f"artifact:{row}") for row in artifacts)

    def summary(self, steps: Sequence[int], type_title: str = "") -> Summary:
        """Runs and contents of the steps."""
        with self._connection.translated():
            nodes = self._nodes()
            runs = {step.run for step in nodes.step_rows(steps)} - {""}
            rows = nodes.artifact_rows(sorted(made_by(nodes, steps)))
        of_type: dict[str, set[int]] = defaultdict(set)
        for row in rows:
            if type_title and row.type == type_title:
                of_type[row.key].add(row.id)
        return summary_of(runs, {row.key for row in rows}, of_type)

    def steps_of_component(
        self, component: str, among: Sequence[int] | None = None
    ) -> tuple[int, ...]:
        """Steps of one component; names that no Python component can have are not asked for."""
        parts = component.split(".")
        if len(component) > _NAME_LIMIT or not all(part.isidentifier() for part in parts):
            return ()
        query = f"properties.component.string_value = '{component}'"
        with self._connection.translated():
            nodes = self._all("get_executions", query)
            found = [n.id for n in nodes if n.properties["component"].string_value == component]
        return tuple(sorted(found if among is None else set(found) & set(among)))

    def edges(self, steps: Sequence[int]) -> tuple[EdgeRow, ...]:
        """All events of the steps."""
        with self._connection.translated():
            events = self._nodes().events_of_executions(list(steps))
        found = [
            edge
            for step, mine in events.items()
            for event in mine
            for edge in edge_rows(step, event.artifact_id, event.type, _path(event))
        ]
        found.sort(key=lambda edge: (edge.step, edge.output, edge.name, edge.index, edge.artifact))
        return tuple(found)

    def edges_of_artifacts(
        self, ids: Sequence[int], *, output: bool, limit: int | None = None
    ) -> tuple[tuple[EdgeRow, ...], int]:
        """Who wrote or read the rows."""
        kinds = OUTPUT_EVENTS if output else INPUT_EVENTS
        with self._connection.translated():
            around = self._nodes().events_of_artifacts(list(dict.fromkeys(ids))).values()
        events = [event for found in around for event in found if event.type in kinds]
        events.sort(key=lambda e: (e.execution_id, e.artifact_id, e.type), reverse=True)
        found = [
            edge
            for event in events[:limit]
            for edge in edge_rows(event.execution_id, event.artifact_id, event.type, _path(event))
        ]
        found.sort(key=lambda edge: (-edge.step, edge.name, edge.index, edge.artifact))
        return tuple(found), len(events)

    def artifacts(self, ids: Sequence[int]) -> tuple[ArtifactRow, ...]:
        """The rows of artifacts."""
        with self._connection.translated():
            return tuple(self._nodes().artifact_rows(ids))

    def steps(self, ids: Sequence[int]) -> tuple[StepRow, ...]:
        """The steps in short."""
        with self._connection.translated():
            return tuple(self._nodes().step_rows(ids))

    def records(self, ids: Sequence[int]) -> tuple[Step, ...]:
        """The whole step records."""
        with self._connection.translated():
            self._know_types()
            nodes = self._nodes()
            found = nodes.executions(ids)
            return tuple(
                self._reader.rebuild([found[i] for i in ids if i in found and nodes.is_step(i)])
            )

    def environment(self, digest: Digest) -> Environment | None:
        """One environment, or None."""
        with self._connection.translated():
            self._know_types()
        return self._reader.environment(digest)

    def list_steps(
        self, selection: Selection, *, before: int | None = None, limit: int = 100
    ) -> tuple[int, ...]:
        """A page of steps."""
        with self._connection.translated():
            return self._listing.steps(selection, before, limit)

    def list_artifacts(
        self, selection: Selection, *, before: int | None = None, limit: int = 100
    ) -> tuple[int, ...]:
        """A page of artifact rows."""
        with self._connection.translated():
            return self._listing.artifacts(selection, before, limit)

    def list_runs(
        self, selection: Selection, *, before: int | None = None, limit: int = 100
    ) -> tuple[tuple[int, str], ...]:
        """A page of runs."""
        with self._connection.translated():
            return self._listing.runs(selection, before, limit)

    def types(self) -> tuple[str, ...]:
        """Schema titles of artifacts."""
        with self._connection.translated():
            return self._listing.types()

    def pipelines(self) -> tuple[str, ...]:
        """Names of pipelines."""
        with self._connection.translated():
            return self._listing.pipelines()

    def close(self) -> None:
        """Release the connection."""
        self._connection.close()

    def _nodes(self) -> ApiNodes:
        return ApiNodes(self._connection)

    def _know_types(self) -> None:
        """Types of ours may be new: the store can have been empty when it was opened."""
        if schema.STEP_TYPE not in self._connection.types:
            self._connection.load_types()

    def _executions_in(self, kind: Any, run: str) -> list[Any]:
        name = schema.index_name(run) if kind.name == schema.RUN_TYPE else run
        context = self._connection.call(
            "get_context_by_type_and_name", kind.name, name, kind.version or None
        )
        if context is None or context.name != name:
            return []
        nodes: list[Any] = self._connection.call("get_executions_by_context", context.id)
        return nodes

    def _all(self, method: str, query: str) -> Iterator[Any]:
        options = metadata_store.ListOptions(filter_query=query)
        yield from self._connection.call(method, list_options=options)


def _path(event: Any) -> list[str | int]:
    return [s.key if s.WhichOneof("value") == "key" else s.index for s in event.path.steps]
