"""Lineage by SQL on MLMD's own tables: SQLite, MariaDB and MySQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from kfp_provenance.facts import Digest, Environment, Step
from kfp_provenance.metadata import schema
from kfp_provenance.metadata.decode import corrupt, environment_from
from kfp_provenance.metadata.graph import (
    OUTPUT_EVENTS,
    ArtifactRow,
    EdgeRow,
    Selection,
    StepRow,
    Summary,
)
from kfp_provenance.metadata.rows import is_beginning, is_text
from kfp_provenance.metadata.sql import tables
from kfp_provenance.metadata.sql.conditions import NodeTypes, same_text, says_digest
from kfp_provenance.metadata.sql.connection import IDS, SqlConnection
from kfp_provenance.metadata.sql.listing import SqlListing
from kfp_provenance.metadata.sql.reach import SqlReach
from kfp_provenance.metadata.sql.rows import SqlRows

_TEXT: sa.BindParameter[Any] = sa.bindparam("text")


class SqlIndex:
    """A :class:`~kfp_provenance.metadata.graph.LineageIndex`, for one thread at a time."""

    def __init__(self, connection: SqlConnection) -> None:
        self._connection = connection
        self._rows = SqlRows(connection)
        self._listing = SqlListing(connection, self._rows)
        self._types = NodeTypes(connection)
        self._sqlite = connection.dialect == "sqlite"
        self._reach = {cached: SqlReach(connection, cached=cached) for cached in (False, True)}
        self.where = connection.where

    def rows_with_digest(self, digest: Digest) -> tuple[int, ...]:
        """See the protocol, like all methods here."""
        value = tables.artifact_properties
        query = (
            sa.select(value.c.artifact_id)
            .where(value.c.string_value == _TEXT, says_digest(value, sqlite=self._sqlite))
            .order_by(value.c.artifact_id)
        )
        return tuple(row[0] for row in self._connection.rows(query, {"text": str(digest)}))

    def digests_beginning(self, text: str, limit: int) -> tuple[Digest, ...]:
        """Digests that begin with ``text``, by a range that the index serves."""
        if not is_beginning(text):
            return ()
        value = tables.artifact_properties
        query = (
            sa.select(value.c.string_value)
            .where(
                value.c.string_value >= _TEXT, value.c.string_value < sa.bindparam("end"),
                says_digest(value, sqlite=self._sqlite),
            )
            .distinct().order_by(value.c.string_value).limit(limit)
        )  # fmt: skip
        found = self._connection.rows(query, {"text": text, "end": f"{text}g"})
        return tuple(Digest.parse(row[0]) for row in found)

    def rows_at(self, uri: str) -> tuple[int, ...]:
        """Rows with exactly this URI."""
        rows = tables.artifacts.c
        query = sa.select(rows.id, rows.uri).where(rows.uri == _TEXT).order_by(rows.id)
        return tuple(
            row for row, text in self._connection.rows(query, {"text": uri}) if text == uri
        )

    def steps_of_run(self, run: str) -> tuple[int, ...]:
        """Steps of a run, by its context."""
        if not is_text(run):
            return ()
        context, link = tables.contexts.c, tables.associations.c
        ours = self._types.where(tables.CONTEXT_KIND, lambda name: name == schema.RUN_TYPE)
        others = [kind for kind in self._types.ending("Run") if kind not in ours]
        found: set[int] = set()
        for kinds, name in ((ours, schema.index_name(run)), (others, run)):
            query = (
                sa.select(link.execution_id, context.name)
                .join(tables.contexts, link.context_id == context.id)
                .where(context.type_id.in_(kinds), context.name == _TEXT)
            )
            rows = self._connection.rows(query, {"text": name})
            found |= {step for step, text in rows if text == name}
        return tuple(sorted(found))

    def upstream(self, artifacts: Collection[int]) -> tuple[int, ...]:
        """Steps behind the rows; rows that nobody wrote are first joined by digest."""
        starts = self._with_equal(sorted(set(artifacts)))
        return tuple(sorted(self._reach[self._types.other_tools()].upstream(starts)))

    def downstream(self, artifacts: Collection[int]) -> tuple[int, ...]:
        """Steps that follow from the contents of the rows."""
        starts = sorted({*artifacts, *self._equal(sorted(set(artifacts)))})
        return tuple(sorted(self._reach[self._types.other_tools()].downstream(starts)))

    def outputs(self, steps: Sequence[int], type_title: str = "") -> tuple[int, ...]:
        """Rows that the steps wrote."""
        return self._rows.outputs(steps, type_title)

    def keys(self, artifacts: Sequence[int]) -> tuple[str, ...]:
        """Keys of the rows."""
        return self._rows.keys(artifacts)

    def summary(self, steps: Sequence[int], type_title: str = "") -> Summary:
        """Runs and contents of the steps."""
        return self._rows.summary(steps, type_title)

    def steps_of_component(
        self, component: str, among: Sequence[int] | None = None
    ) -> tuple[int, ...]:
        """Steps of one component."""
        values = tables.execution_properties.c
        named = [values.name == "component", values.is_custom_property == 0]
        if among is None:
            same = same_text(values.string_value, component, sqlite=self._sqlite)
            found = self._connection.rows(sa.select(values.execution_id).where(*named, same))
            return tuple(sorted(row for (row,) in found))
        # the text is compared here, lest the database goes through all steps of the component
        query = sa.select(values.execution_id, values.string_value).where(
            *named, values.execution_id.in_(IDS)
        )
        said = self._connection.rows_of(query, among)
        return tuple(sorted(row for row, text in said if text == component))

    def edges(self, steps: Sequence[int]) -> tuple[EdgeRow, ...]:
        """All events of the steps."""
        return self._rows.edges(steps)

    def edges_of_artifacts(
        self, ids: Sequence[int], *, output: bool, limit: int | None = None
    ) -> tuple[tuple[EdgeRow, ...], int]:
        """Who wrote or read the rows."""
        return self._rows.edges_of_artifacts(ids, output=output, limit=limit)

    def artifacts(self, ids: Sequence[int]) -> tuple[ArtifactRow, ...]:
        """The rows of artifacts."""
        return self._rows.artifacts(ids)

    def steps(self, ids: Sequence[int]) -> tuple[StepRow, ...]:
        """The steps in short."""
        return self._rows.steps(ids)

    def records(self, ids: Sequence[int]) -> tuple[Step, ...]:
        """The whole step records."""
        return self._rows.records(ids)

    def environment(self, digest: Digest) -> Environment | None:
        """One environment, or None."""
        context, value = tables.contexts.c, tables.context_properties.c
        kinds = self._types.where(tables.CONTEXT_KIND, lambda name: name == schema.ENVIRONMENT_TYPE)
        query = (
            sa.select(value.name, value.string_value)
            .join(tables.contexts, context.id == value.context_id)
            .where(
                context.type_id.in_(kinds), context.name == _TEXT,
                value.is_custom_property == 0, value.string_value.is_not(None),
            )
        )  # fmt: skip
        where = f"environment {digest}"
        name = schema.index_name(str(digest))
        properties = dict(map(tuple, self._connection.rows(query, {"text": name})))
        if not properties:
            return None
        if properties.get("id") != str(digest):
            corrupt("a row does not say what its name says", where)
        return environment_from(properties, where)

    def list_steps(
        self, selection: Selection, *, before: int | None = None, limit: int = 100
    ) -> tuple[int, ...]:
        """A page of steps."""
        return self._listing.steps(selection, before, limit)

    def list_artifacts(
        self, selection: Selection, *, before: int | None = None, limit: int = 100
    ) -> tuple[int, ...]:
        """A page of artifact rows."""
        return self._listing.artifacts(selection, before, limit)

    def list_runs(
        self, selection: Selection, *, before: int | None = None, limit: int = 100
    ) -> tuple[tuple[int, str], ...]:
        """A page of runs."""
        return self._listing.runs(selection, before, limit)

    def types(self) -> tuple[str, ...]:
        """Schema titles of artifacts."""
        return self._listing.types()

    def pipelines(self) -> tuple[str, ...]:
        """Names of pipelines."""
        return self._listing.pipelines()

    def close(self) -> None:
        """Release the connection."""
        self._connection.close()

    def _with_equal(self, ids: Sequence[int]) -> list[int]:
        event = tables.events.c
        query = sa.select(event.artifact_id).where(
            event.artifact_id.in_(IDS), event.type.in_(OUTPUT_EVENTS)
        )
        written = {row[0] for row in self._connection.rows_of(query, ids)}
        return sorted({*ids, *self._equal([i for i in ids if i not in written])})

    def _equal(self, ids: Sequence[int]) -> set[int]:
        """Rows of the same bytes."""
        digests = {row.digest for row in self._rows.artifacts(ids)} - {None}
        return {row for digest in digests if digest for row in self.rows_with_digest(digest)}
