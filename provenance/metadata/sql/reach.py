"""Which steps lie up and down from artifact rows, by recursive SQL on events.

From row to row the database goes on by itself, however far it is. Where bytes were joined by
digest, :mod:`kfp_provenance.metadata.joins` decides, and the recursion begins again from what
it found: a few queries for each join on the longest way, whatever the size of the store.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import Any, Final

import sqlalchemy as sa

from kfp_provenance.metadata import schema
from kfp_provenance.metadata.graph import INPUT_EVENTS, OUTPUT_EVENTS
from kfp_provenance.metadata.joins import Access, readers_of, writers_of
from kfp_provenance.metadata.rows import is_digest
from kfp_provenance.metadata.sql import tables
from kfp_provenance.metadata.sql.conditions import (
    Condition,
    is_kind,
    made,
    names_digest,
    says_digest,
)
from kfp_provenance.metadata.sql.connection import IDS, SqlConnection

_FEW: Final = 50_000
Joins = tuple[list[Access], list[Access], dict[int, str]]
"""Readings of rows that nobody wrote, writings of equal bytes, and the runs of those steps."""


class SqlReach:
    """The ways up and down in one store.

    Args:
        connection: The store.
        cached: Whether executions taken from KFP's cache may be in it.
    """

    def __init__(self, connection: SqlConnection, *, cached: bool) -> None:
        self._connection = connection
        self._sqlite = connection.dialect == "sqlite"
        self._cached = cached

    def upstream(self, artifacts: Sequence[int]) -> set[int]:
        """Steps behind rows, those that somebody wrote."""
        found = self._ids(self._writers_of_rows, artifacts)
        reached: set[int] = set()
        while found := found - reached:
            new = self._ids(self._up_by_row, sorted(found)) - reached
            reached |= new
            readings = self._accesses(self._read_unmade, sorted(new))
            found = writers_of(readings, *self._writings(readings))
        return reached

    def downstream(self, artifacts: Sequence[int]) -> set[int]:
        """Steps that read one of the rows, and all that follow them."""
        found = self._ids(self._readers_of_rows, artifacts)
        reached: set[int] = set()
        joins = self._all_joins() if found else None
        while found := found - reached:
            new = self._ids(self._down_by_row, sorted(found)) - reached
            reached |= new
            found = readers_of(*(joins or self._joins_of(new)), reached)
        return reached

    def _all_joins(self) -> Joins | None:
        """What can be joined in the whole store, if that is little.

        Outputs of our steps are left out by their names: the recorder writes them together
        with the event that says who wrote them.
        """
        rows = [row[0] for row in self._connection.rows(self._of_nobody)]
        if len(rows) > _FEW:
            return None
        digests = dict(self._connection.rows_of(self._digests_of_rows, rows))
        writings = self._accesses(self._written, sorted(filter(is_digest, set(digests.values()))))
        written = {writing.digest for writing in writings}  # what nobody wrote, joins nothing
        read = sorted(row for row, digest in digests.items() if digest in written)
        return self._joins(self._accesses(self._unmade_rows, read))

    def _joins_of(self, steps: Iterable[int]) -> Joins:
        """What can be joined to what the steps wrote."""
        return self._joins(self._accesses(self._unmade_like, sorted(steps)))

    def _joins(self, readings: list[Access]) -> Joins:
        return readings, *self._writings(readings)

    def _writings(self, readings: Collection[Access]) -> tuple[list[Access], dict[int, str]]:
        """All writings of the digests that were read, and the runs of all these steps."""
        digests = sorted({reading.digest for reading in readings})
        writings = self._accesses(self._written, digests)
        steps = sorted({access.step for access in (*readings, *writings)})
        return writings, dict(self._connection.rows_of(self._runs, steps))

    def _ids(self, query: sa.Select[Any], ids: Sequence[int]) -> set[int]:
        return {row[0] for row in self._connection.rows_of(query, ids)}

    def _accesses(self, query: sa.Select[Any], ids: Sequence[int] | Sequence[str]) -> list[Access]:
        found = (Access(*row) for row in self._connection.rows_of(query, ids))
        return [access for access in found if is_digest(access.digest)]

    @cached_property
    def _writers_of_rows(self) -> sa.Select[Any]:
        wrote = _events("wrote")
        return sa.select(wrote.c.execution_id).where(
            wrote.c.artifact_id.in_(IDS), *self._made(wrote)
        )

    @cached_property
    def _readers_of_rows(self) -> sa.Select[Any]:
        read = _events("read")
        return sa.select(read.c.execution_id).where(
            read.c.artifact_id.in_(IDS), is_kind(read, INPUT_EVENTS)
        )

    @cached_property
    def _up_by_row(self) -> sa.Select[Any]:
        read, wrote = _events("read"), _events("wrote")
        return self._from_row_to_row(read, wrote, is_kind(read, INPUT_EVENTS), *self._made(wrote))

    @cached_property
    def _down_by_row(self) -> sa.Select[Any]:
        wrote, read = _events("wrote"), _events("read")
        return self._from_row_to_row(wrote, read, is_kind(read, INPUT_EVENTS), *self._made(wrote))

    def _from_row_to_row(self, here: Any, there: Any, *conditions: Condition) -> sa.Select[Any]:
        """The steps ``ids``, and all that touch a row ``there`` that one of them does ``here``."""
        node = tables.executions.c
        starts = sa.select(node.id.label("id")).where(node.id.in_(IDS))
        reach = starts.cte("reach", recursive=True)
        step = (
            sa.select(there.c.execution_id)
            .select_from(reach)
            .join(here, here.c.execution_id == reach.c.id)
            .join(there, there.c.artifact_id == here.c.artifact_id)
            .where(*conditions)
        )
        return sa.select(reach.union(step).c.id)

    @cached_property
    def _read_unmade(self) -> sa.Select[Any]:
        """Readings by the steps ``ids``, of rows that nobody wrote."""
        return self._readings_of_unmade("execution_id")

    @cached_property
    def _unmade_rows(self) -> sa.Select[Any]:
        """Readings of those of the rows ``ids`` that nobody wrote."""
        return self._readings_of_unmade("artifact_id")

    def _readings_of_unmade(self, column: str) -> sa.Select[Any]:
        read, digest = _events("read"), _digests("digest")
        return (
            _access(read, digest)
            .join(digest, self._digest_of(digest, read))
            .where(read.c[column].in_(IDS), is_kind(read, INPUT_EVENTS), _unmade(read))
        )

    @cached_property
    def _of_nobody(self) -> sa.Select[Any]:
        """Rows that no step of ours recorded as its output, by the index of their names."""
        row = tables.artifacts.c
        first, behind = schema.OUTPUT_PREFIX, f"{schema.OUTPUT_PREFIX[:-1]}0"  # "0" follows "/"
        parts = (row.external_id.is_(None), row.external_id < first, row.external_id >= behind)
        return sa.union_all(
            *(sa.select(row.id).where(part).limit(_FEW + 1).subquery().select() for part in parts)
        ).subquery().select()  # fmt: skip

    @cached_property
    def _digests_of_rows(self) -> sa.Select[Any]:
        digest = _digests("digest")
        return sa.select(digest.c.artifact_id, digest.c.string_value).where(
            digest.c.artifact_id.in_(IDS), self._says_digest(digest)
        )

    @cached_property
    def _unmade_like(self) -> sa.Select[Any]:
        """Readings of rows that nobody wrote, of the bytes that steps wrote."""
        wrote, known = _events("wrote"), _digests("known")
        written = (
            sa.select(known.c.string_value)
            .select_from(wrote)
            .join(known, self._digest_of(known, wrote))
            .where(wrote.c.execution_id.in_(IDS), *self._made(wrote))
        )
        # IN and not a join: SQLite would go through all digests of the store
        digest, read = _digests("digest"), _events("read")
        return (
            _access(read, digest)
            .join(digest, digest.c.artifact_id == read.c.artifact_id)
            .where(
                digest.c.string_value.in_(written),
                self._says_digest(digest),
                is_kind(read, INPUT_EVENTS),
                _unmade(read),
            )
        )

    @cached_property
    def _written(self) -> sa.Select[Any]:
        """Writings of bytes, by digest."""
        digest, wrote = _digests("digest"), _events("wrote")
        return (
            _access(wrote, digest)
            .join(digest, digest.c.artifact_id == wrote.c.artifact_id)
            .where(
                digest.c.string_value.in_(sa.bindparam("ids", expanding=True)),
                self._says_digest(digest),
                *self._made(wrote),
            )
        )

    @cached_property
    def _runs(self) -> sa.Select[Any]:
        """Runs that steps of ours say."""
        value = tables.execution_properties.c
        return sa.select(value.execution_id, value.string_value).where(
            value.execution_id.in_(IDS),
            value.name == "run",
            value.is_custom_property == 0,
            value.string_value != "",
        )

    def _digest_of(self, digest: Any, event: Any) -> Condition:
        return sa.and_(digest.c.artifact_id == event.c.artifact_id, self._says_digest(digest))

    def _says_digest(self, value: Any) -> Condition:
        """On SQLite equal texts are equal, and the form of what is found is seen to later."""
        return names_digest(value) if self._sqlite else says_digest(value, sqlite=False)

    def _made(self, wrote: Any) -> Iterable[Condition]:
        """Wrote the row, and not from a cache while another execution ran."""
        yield is_kind(wrote, OUTPUT_EVENTS)
        if self._cached:
            yield made(wrote)


def _access(event: Any, digest: Any) -> sa.Select[Any]:
    at = sa.func.coalesce(event.c.milliseconds_since_epoch, 0)  # as MLMD's API says it
    return sa.select(event.c.execution_id, digest.c.string_value, at).select_from(event)


def _unmade(read: Any) -> Condition:
    own = tables.events.alias()
    return ~sa.exists().where(
        own.c.artifact_id == read.c.artifact_id, is_kind(own, OUTPUT_EVENTS)
    )  # fmt: skip


def _events(name: str) -> Any:
    return tables.events.alias(name)


def _digests(name: str) -> Any:
    return tables.artifact_properties.alias(name)
