"""Pages of a remote store, newest first.

Everything is narrowed here and not by the server: only ids and plain names are ever part of
a filter, for MLMD does not escape what is in one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from ml_metadata import metadata_store

from kfp_provenance.metadata import schema
from kfp_provenance.metadata.api.nodes import ApiNodes, properties
from kfp_provenance.metadata.graph import OUTPUT_EVENTS, Selection
from kfp_provenance.metadata.mlmd_connection import Connection

_PAGE: Final = 200
_NEWEST: Final = 2**62
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,255}")
EVERYTHING: Final = Selection()


class ApiListing:
    """Lists ids of one store; errors are MLMD's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def steps(self, selection: Selection, before: int | None, limit: int) -> tuple[int, ...]:
        """A page of steps."""
        nodes = ApiNodes(self._connection)
        found: list[int] = []
        for page in self._pages("get_executions", before):
            rows = nodes.step_rows([node.id for node in page])
            found += [row.id for row in rows if selection.matches_step(row)]
            if len(found) >= limit:
                break
        return tuple(found[:limit])

    def artifacts(self, selection: Selection, before: int | None, limit: int) -> tuple[int, ...]:
        """A page of artifact rows."""
        nodes = ApiNodes(self._connection)
        made_in = Selection(pipeline=selection.pipeline, namespace=selection.namespace)
        found: list[int] = []
        for page in self._pages("get_artifacts", before):
            rows = [
                row.id
                for row in nodes.artifact_rows([node.id for node in page])
                if selection.type in ("", row.type) and selection.covers(row.created)
            ]
            found += rows if made_in == EVERYTHING else _made_in(nodes, rows, made_in)
            if len(found) >= limit:
                break
        return tuple(found[:limit])

    def runs(
        self, selection: Selection, before: int | None, limit: int
    ) -> tuple[tuple[int, str], ...]:
        """A page of runs."""
        nodes = ApiNodes(self._connection)
        narrowed = replace(selection, type="")
        found: list[tuple[int, str]] = []
        for page in self._pages("get_contexts", before):
            for context in page:
                if len(found) >= limit:
                    return tuple(found)
                if nodes.type_name("context", context.type_id).endswith("Run") and (
                    narrowed == EVERYTHING or self._has_selected(nodes, context.id, narrowed)
                ):
                    found.append((context.id, nodes.context_name(context)))
        return tuple(found)

    def types(self) -> tuple[str, ...]:
        """Schema titles, and types of other tools of which there is an artifact."""
        call = self._connection.call
        found: set[str] = set()
        for kind in call("get_artifact_types"):
            condition = f"type_id = {int(kind.id)}"
            if kind.name == schema.ARTIFACT_TYPE:
                found |= self._titles(condition)
            elif call("get_artifacts", list_options=_options(condition, 1)):
                found.add(kind.name)
        return tuple(sorted(found - {""}))

    def pipelines(self) -> tuple[str, ...]:
        """Names of pipelines."""
        nodes = ApiNodes(self._connection)
        kinds = [
            kind.id
            for kind in self._connection.call("get_context_types")
            if kind.name.endswith("Pipeline")
        ]
        if not kinds:
            return ()
        options = _options(f"type_id IN ({', '.join(str(int(kind)) for kind in kinds)})")
        found = self._connection.call("get_contexts", list_options=options)
        return tuple(sorted({nodes.context_name(context) for context in found}))

    def _titles(self, condition: str) -> set[str]:
        """Titles of our artifacts: those that are known are passed over."""
        found: set[str] = set()
        end = _NEWEST
        while True:
            known = ", ".join(f"'{title}'" for title in sorted(found) if _PLAIN.fullmatch(title))
            other = f" AND properties.type.string_value NOT IN ({known})" if known else ""
            options = _options(f"{condition} AND id < {end}{other}", _PAGE)
            nodes = self._connection.call("get_artifacts", list_options=options)
            found |= {properties(node).get("type", "") for node in nodes}
            if len(nodes) < _PAGE:
                return found
            end = nodes[-1].id

    def _has_selected(self, nodes: ApiNodes, context: int, selection: Selection) -> bool:
        steps = self._connection.call("get_executions_by_context", context)
        rows = nodes.step_rows([step.id for step in steps])
        return any(map(selection.matches_step, rows))

    def _pages(self, method: str, before: int | None) -> Iterator[list[Any]]:
        """Nodes below a row, newest first."""
        end = _NEWEST if before is None else min(before, _NEWEST)
        while True:
            nodes = self._connection.call(method, list_options=_options(f"id < {int(end)}", _PAGE))
            if nodes:
                yield nodes
            if len(nodes) < _PAGE:
                return
            end = nodes[-1].id


def _options(condition: str, limit: int | None = None) -> Any:
    return metadata_store.ListOptions(
        limit=limit, order_by=metadata_store.OrderByField.ID, is_asc=False, filter_query=condition
    )


def _made_in(nodes: ApiNodes, rows: Sequence[int], selection: Selection) -> list[int]:
    makers = {
        row: {event.execution_id for event in events if event.type in OUTPUT_EVENTS}
        for row, events in nodes.events_of_artifacts(rows).items()
    }
    steps = nodes.step_rows(sorted(set().union(*makers.values())))
    chosen = {step.id for step in steps if selection.matches_step(step)}
    return [row for row in rows if chosen & makers[row]]
