"""Conditions that several queries share, and which types of nodes a store has.

What decides between two texts is exact on every database: MySQL's own comparisons ignore
letter case and blanks at the end, and so does ``LIKE`` of SQLite with letter case.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from kfp_provenance.metadata import schema
from kfp_provenance.metadata.graph import CACHED_STATE, OUTPUT_EVENTS
from kfp_provenance.metadata.sql import tables
from kfp_provenance.metadata.sql.connection import IDS, SqlConnection

Condition = sa.ColumnElement[bool]

_PREFIX: Final = "sha256:"
_DIGEST_LENGTH: Final = len(_PREFIX) + 64


def is_kind(event: Any, kinds: tuple[int, ...]) -> Condition:
    """Whether an event is one of some kinds."""
    found: Condition = event.c.type.in_(
        sa.bindparam(None, kinds, expanding=True, literal_execute=True)
    )
    return found


def same_text(column: Any, text: str, *, sqlite: bool) -> Condition:
    """Equality that an index serves, made exact where the database's own is not."""
    plain: Condition = column == text
    if sqlite:
        return plain
    # in the character set of the connection, in which the text arrives
    said = sa.cast(column, mysql.CHAR(charset="latin1"))
    return sa.and_(plain, sa.func.binary(said) == sa.func.binary(text))


def says_digest(value: Any, *, sqlite: bool) -> Condition:
    """Whether a row of properties says the digest of its artifact.

    As :func:`kfp_provenance.metadata.rows.digest_in` decides it: the text is one, and a
    custom property does not count beside one of the type.
    """
    return sa.and_(names_digest(value), _is_digest(value.c.string_value, sqlite=sqlite))


def names_digest(value: Any) -> Condition:
    """The same without a look at the text."""
    own = tables.artifact_properties.alias()
    hidden = sa.exists().where(
        own.c.artifact_id == value.c.artifact_id, own.c.name == "digest",
        own.c.is_custom_property == 0, own.c.string_value.is_not(None),
    )  # fmt: skip
    return sa.and_(
        value.c.name == "digest",
        value.c.is_custom_property.in_((0, 1)),
        sa.or_(value.c.is_custom_property == 0, ~hidden),
    )


def _is_digest(text: Any, *, sqlite: bool) -> Condition:
    digits = sa.func.substr(text, len(_PREFIX) + 1)
    if sqlite:
        return sa.and_(
            sa.func.length(text) == _DIGEST_LENGTH,
            sa.func.substr(text, 1, len(_PREFIX)) == _PREFIX,
            ~digits.op("GLOB")("*[^0-9a-f]*"),
        )
    written = sa.func.concat(_PREFIX, sa.func.lower(sa.func.hex(sa.func.unhex(digits))))
    return sa.and_(
        sa.func.length(text) == _DIGEST_LENGTH, sa.func.binary(text) == sa.func.binary(written)
    )


def made(wrote: Any) -> Condition:
    """Whether a writing event is of one that made the row, by state: see ``metadata.graph``."""
    step, ran = tables.executions.alias(), tables.executions.alias()
    other = tables.events.alias()
    return sa.not_(
        sa.exists().where(
            step.c.id == wrote.c.execution_id, step.c.last_known_state == CACHED_STATE,
            other.c.artifact_id == wrote.c.artifact_id, is_kind(other, OUTPUT_EVENTS),
            ran.c.id == other.c.execution_id,
            sa.func.coalesce(ran.c.last_known_state, 0) != CACHED_STATE,
        )
    )  # fmt: skip


class NodeTypes:
    """Types of the nodes of a store: few, and looked up for each question."""

    def __init__(self, connection: SqlConnection) -> None:
        self._connection = connection

    def where(self, kind: int, chosen: Callable[[str], bool]) -> list[int]:
        """Ids of types of a kind whose name is chosen."""
        column = tables.types.c
        query = sa.select(column.id, column.name).where(column.type_kind == kind)
        return [row for row, name in self._connection.rows(query) if chosen(name or "")]

    def ending(self, text: str) -> list[int]:
        """Types of contexts that stand for runs or pipelines, of ours and of other tools."""
        return self.where(tables.CONTEXT_KIND, lambda name: name.endswith(text))

    def of_other_artifacts(self) -> list[int]:
        """Types of artifacts of other tools."""
        return self.where(tables.ARTIFACT_KIND, lambda name: name != schema.ARTIFACT_TYPE)

    def names_of_other_artifacts(self) -> dict[int, str]:
        """Names of the types of artifacts of other tools."""
        column = tables.types.c
        query = sa.select(column.id, column.name).where(
            column.type_kind == tables.ARTIFACT_KIND, column.name != schema.ARTIFACT_TYPE
        )
        return dict(self._connection.rows(query))

    def of_other_executions(self) -> list[int]:
        """Types of executions of other tools."""
        return self.where(tables.EXECUTION_KIND, lambda name: name != schema.STEP_TYPE)

    def other_tools(self) -> bool:
        """Whether executions of other tools are there, which KFP may have taken from its cache."""
        row = tables.executions.c
        query = sa.select(row.id).where(row.type_id.in_(IDS)).limit(1)
        return bool(list(self._connection.rows_of(query, self.of_other_executions())))
