"""Rows of MLMD's tables -> rows of the graph and step records, many at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa

from kfp_provenance.facts import Artifact, Step
from kfp_provenance.metadata import schema
from kfp_provenance.metadata.decode import Edge, artifact_from, corrupt, step_from
from kfp_provenance.metadata.graph import (
    INPUT_EVENTS,
    OUTPUT_EVENTS,
    ArtifactRow,
    EdgeRow,
    StepRow,
    Summary,
)
from kfp_provenance.metadata.rows import artifact_row, edge_rows, is_digest, step_row, summary_of
from kfp_provenance.metadata.sql import tables
from kfp_provenance.metadata.sql.conditions import NodeTypes, is_kind, made, names_digest
from kfp_provenance.metadata.sql.connection import IDS, SqlConnection

_STEP_FIELDS: Final = (
    "id", "run", "task", "pipeline", "namespace", "component", "outcome", "started", "finished",
    "task_name", "display_name",
)  # fmt: skip
_NO_TEXT: Final = "mlmd-struct::"
"""How MLMD writes values of another kind into the column of texts."""

_INPUT, _OUTPUT = 3, 4  # what our recorder writes, of MLMD's Event.Type

Properties = dict[int, dict[str, str]]


class SqlRows:
    """Fetches by row id; the order is that of the ids asked for."""

    def __init__(self, connection: SqlConnection) -> None:
        self._connection = connection
        self._types = NodeTypes(connection)

    def artifacts(self, ids: Sequence[int]) -> tuple[ArtifactRow, ...]:
        """See :class:`~kfp_provenance.metadata.graph.LineageIndex`."""
        rows = tables.artifacts
        query = (
            sa.select(rows.c.id, rows.c.uri, rows.c.create_time_since_epoch, tables.types.c.name)
            .outerjoin(tables.types, tables.types.c.id == rows.c.type_id)
            .where(rows.c.id.in_(IDS))
        )
        properties = self._properties(tables.artifact_properties, ids)
        found = {
            row_id: artifact_row(row_id, uri or "", name or "", created, properties[row_id])
            for row_id, uri, created, name in self._connection.rows_of(query, ids)
        }
        return tuple(found[i] for i in ids if i in found)

    def steps(self, ids: Sequence[int]) -> tuple[StepRow, ...]:
        """See the protocol."""
        nodes = self._executions(ids)
        properties = self._properties(tables.execution_properties, ids, _STEP_FIELDS)
        foreign = [i for i, node in nodes.items() if node.type != schema.STEP_TYPE]
        groups = self._contexts(foreign)
        found = {
            i: step_row(
                i,
                node.type,
                node.name or "",
                state=node.state,
                times=node.times,
                properties=properties[i],
                groups=groups[i],
            )
            for i, node in nodes.items()
        }
        return tuple(found[i] for i in ids if i in found)

    def edges(self, steps: Sequence[int]) -> tuple[EdgeRow, ...]:
        """See the protocol."""
        found = self._edges(self._events(steps))
        found.sort(key=lambda edge: (edge.step, edge.output, edge.name, edge.index, edge.artifact))
        return tuple(found)

    def edges_of_artifacts(
        self, ids: Sequence[int], *, output: bool, limit: int | None
    ) -> tuple[tuple[EdgeRow, ...], int]:
        """See the protocol."""
        event, kinds = tables.events.c, OUTPUT_EVENTS if output else INPUT_EVENTS
        query = sa.select(event.execution_id, event.artifact_id, event.type, event.id).where(
            event.artifact_id.in_(IDS), event.type.in_(kinds)
        )
        events = sorted(self._connection.rows_of(query, ids), reverse=True)
        shown = [(row, step, artifact, kind) for step, artifact, kind, row in events[:limit]]
        found = self._edges(shown)
        found.sort(key=lambda edge: (-edge.step, edge.name, edge.index, edge.artifact))
        return tuple(found), len(events)

    def _edges(self, events: Sequence[tuple[int, int, int, int]]) -> list[EdgeRow]:
        paths = self._paths([event for event, *_ in events])
        return [
            edge
            for event, step, artifact, kind in events
            for edge in edge_rows(step, artifact, kind, paths[event])
        ]

    def records(self, ids: Sequence[int]) -> tuple[Step, ...]:
        """See the protocol; strict, as the reader of MLMD's API is."""
        nodes = {
            i: node for i, node in self._executions(ids).items() if node.type == schema.STEP_TYPE
        }
        own = [i for i in ids if i in nodes]
        properties = self._properties(tables.execution_properties, own, declared=True)
        events = self._events(own)
        paths = self._paths([event for event, *_ in events])
        artifacts = self._facts(sorted({artifact for _, _, artifact, _ in events}))
        edges: dict[int, list[Edge]] = defaultdict(list)
        for event, step, artifact, kind in events:
            where = f"event of execution {step} and artifact {artifact}"
            if kind not in (_INPUT, _OUTPUT):
                corrupt("an event is neither an input nor an output", where)
            if artifact not in artifacts:
                corrupt("a step is bound to an artifact that is not there", where)
            if not paths[event]:
                corrupt("an event does not say which input or output it is", where)
            path = tuple(str(part) for part in paths[event])
            edges[step].append(Edge(artifacts[artifact], kind == _OUTPUT, path))
        return tuple(
            step_from(properties[i], edges[i], f"row {i} ({str(nodes[i].name)[:80]})") for i in own
        )

    def outputs(self, steps: Sequence[int], type_title: str = "") -> tuple[int, ...]:
        """See the protocol."""
        query = self._made(sa.select(tables.events.c.artifact_id))
        found = {row[0] for row in self._connection.rows_of(query, steps)}
        if type_title:
            found &= self._of_type(sorted(found), type_title)
        return tuple(sorted(found))

    def summary(self, steps: Sequence[int], type_title: str = "") -> Summary:
        """See the protocol; few columns, for the steps may be all of a large store."""
        value = tables.execution_properties.c
        others = set(self._of_other_tools(steps))
        query = sa.select(value.execution_id, value.string_value).where(
            value.execution_id.in_(IDS), value.name == "run", value.is_custom_property == 0
        )
        found = self._connection.rows_of(query, steps)
        runs = {run for step, run in found if step not in others}
        runs |= {step.run for step in self.steps(sorted(others))}
        keys: set[str] = set()
        of_type: dict[str, set[int]] = defaultdict(set)
        for row, digest, title in self._written(steps):
            key = digest if digest and is_digest(digest) else f"artifact:{row}"
            keys.add(key)
            if type_title and title == type_title:
                of_type[key].add(row)
        return summary_of(runs - {"", None}, keys, of_type)

    def _written(self, steps: Sequence[int]) -> Iterator[tuple[int, str | None, str | None]]:
        """Row, digest and type of all that the steps wrote."""
        event, row = tables.events.c, tables.artifacts.c
        digest = tables.artifact_properties.alias("digest")
        kind = tables.artifact_properties.alias("kind")
        query = self._made(
            sa.select(event.artifact_id, digest.c.string_value, kind.c.string_value, row.type_id)
            .select_from(tables.events)
            .join(tables.artifacts, row.id == event.artifact_id)
            .outerjoin(
                digest, sa.and_(digest.c.artifact_id == event.artifact_id, names_digest(digest))
            )
            .outerjoin(
                kind,
                sa.and_(
                    kind.c.artifact_id == event.artifact_id,
                    kind.c.name == "type",
                    kind.c.is_custom_property == 0,
                ),
            )
        )
        others = self._types.names_of_other_artifacts()
        for artifact, text, title, type_id in self._connection.rows_of(query, steps):
            yield artifact, text, others.get(type_id, title)

    def keys(self, ids: Sequence[int]) -> tuple[str, ...]:
        """See the protocol."""
        digest = tables.artifact_properties.c
        query = sa.select(digest.artifact_id, digest.string_value).where(
            digest.artifact_id.in_(IDS), names_digest(tables.artifact_properties)
        )
        said = dict(self._connection.rows_of(query, ids))
        texts = ((row, said.get(row) or "") for row in ids)
        return tuple(text if is_digest(text) else f"artifact:{row}" for row, text in texts)

    def _of_other_tools(self, steps: Sequence[int]) -> list[int]:
        if not self._types.other_tools():
            return []
        row = tables.executions.c
        query = sa.select(row.id).where(
            row.id.in_(IDS), row.type_id.in_(self._types.of_other_executions())
        )
        return [step for (step,) in self._connection.rows_of(query, steps)]

    def _made(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """Narrows ``query`` to what the steps ``ids`` wrote."""
        event = tables.events
        query = query.where(event.c.execution_id.in_(IDS), is_kind(event, OUTPUT_EVENTS))
        return query.where(made(event)) if self._types.other_tools() else query

    def _of_type(self, ids: Sequence[int], title: str) -> set[int]:
        value, row = tables.artifact_properties.c, tables.artifacts.c
        own = (
            sa.select(row.id, value.string_value)
            .join(tables.artifact_properties, value.artifact_id == row.id)
            .where(
                row.id.in_(IDS), row.type_id.not_in(self._types.of_other_artifacts()),
                value.name == "type", value.is_custom_property == 0, value.string_value == title,
            )
        )  # fmt: skip
        kinds = self._types.where(tables.ARTIFACT_KIND, lambda name: name == title)
        other = sa.select(row.id).where(row.id.in_(IDS), row.type_id.in_(kinds))
        return {
            *(found for found, text in self._connection.rows_of(own, ids) if text == title),
            *(found for (found,) in self._connection.rows_of(other, ids if kinds else ())),
        }

    def _executions(self, ids: Sequence[int]) -> dict[int, Any]:
        node = tables.executions
        query = (
            sa.select(
                node.c.id, node.c.name.label("name"), node.c.last_known_state.label("state"),
                node.c.create_time_since_epoch, node.c.last_update_time_since_epoch,
                tables.types.c.name.label("type"),
            )
            .outerjoin(tables.types, tables.types.c.id == node.c.type_id)
            .where(node.c.id.in_(IDS))
        )  # fmt: skip
        return {row[0]: _Execution(row) for row in self._connection.rows_of(query, ids)}

    def _properties(
        self,
        table: sa.Table,
        ids: Sequence[int],
        names: Sequence[str] = (),
        *,
        declared: bool = False,
    ) -> Properties:
        """String properties; one of the type hides a custom one of the same name."""
        owner = table.columns[0]
        query = sa.select(owner, table.c.name, table.c.string_value).where(
            owner.in_(IDS),
            table.c.string_value.is_not(None),
            *([table.c.name.in_(names)] if names else [table.c.name != schema.ATTESTATION]),
            *([table.c.is_custom_property == 0] if declared else []),
        )
        found: Properties = defaultdict(dict)
        query = query.order_by(table.c.is_custom_property.desc())
        for row_id, name, value in self._connection.rows_of(query, ids):
            if not value.startswith(_NO_TEXT):
                found[row_id][name] = value
        return found

    def _contexts(self, ids: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
        """Type and name of the contexts of executions."""
        found: dict[int, list[tuple[str, str]]] = defaultdict(list)
        query = (
            sa.select(
                tables.associations.c.execution_id, tables.types.c.name, tables.contexts.c.name
            )
            .join(tables.contexts, tables.contexts.c.id == tables.associations.c.context_id)
            .join(tables.types, tables.types.c.id == tables.contexts.c.type_id)
            .where(tables.associations.c.execution_id.in_(IDS))
            .order_by(tables.contexts.c.id)
        )
        for step, kind, name in self._connection.rows_of(query, ids):
            found[step].append((kind, name))
        return found

    def _events(self, steps: Sequence[int]) -> list[tuple[int, int, int, int]]:
        event = tables.events.c
        query = sa.select(event.id, event.execution_id, event.artifact_id, event.type).where(
            event.execution_id.in_(IDS)
        )
        return [tuple(row) for row in self._connection.rows_of(query, steps)]

    def _paths(self, events: Sequence[int]) -> dict[int, list[str | int]]:
        path = tables.event_paths.c
        query = sa.select(path.event_id, path.step_key, path.step_index).where(
            path.event_id.in_(IDS)
        )
        found: dict[int, list[str | int]] = defaultdict(list)
        for event, key, position in self._connection.rows_of(query, events):
            found[event].append(key if key is not None else int(position or 0))
        return found

    def _facts(self, ids: Sequence[int]) -> dict[int, Artifact]:
        rows = tables.artifacts
        query = (
            sa.select(rows.c.id, rows.c.uri, tables.types.c.name)
            .outerjoin(tables.types, tables.types.c.id == rows.c.type_id)
            .where(rows.c.id.in_(IDS))
        )
        properties = self._properties(tables.artifact_properties, ids, declared=True)
        found = {}
        for row_id, uri, kind in self._connection.rows_of(query, ids):
            if kind != schema.ARTIFACT_TYPE:
                corrupt("a step is bound to an artifact of another type", f"artifact {row_id}")
            found[row_id] = artifact_from(uri or "", properties[row_id], f"artifact {row_id}")
        return found


class _Execution:
    def __init__(self, row: Any) -> None:
        _, self.name, self.state, created, updated, self.type = row
        self.times = (created, updated)
