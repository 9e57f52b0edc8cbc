"""Pages of a store, newest first.

The pages go down the primary key. What narrows them is either a set of a few ids, which an
index of MLMD gives, or a question that is put to each row on the way: then so many rows
match that a page is soon full. Neither grows with the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from kfp_provenance.metadata import schema
from kfp_provenance.metadata.graph import OUTPUT_EVENTS, Selection
from kfp_provenance.metadata.sql import tables
from kfp_provenance.metadata.sql.conditions import Condition, NodeTypes
from kfp_provenance.metadata.sql.connection import IDS, SqlConnection
from kfp_provenance.metadata.sql.rows import SqlRows

EVERYTHING: Final = Selection()
_NEWEST: Final = 2**62
_FEW: Final = 2_000


class SqlListing:
    """Lists ids of one store."""

    def __init__(self, connection: SqlConnection, rows: SqlRows) -> None:
        self._connection = connection
        self._rows = rows
        self._types = NodeTypes(connection)

    def steps(self, selection: Selection, before: int | None, limit: int) -> tuple[int, ...]:
        """A page of steps."""
        row = tables.executions.c.id
        conditions, _ = self._steps_where(row, selection)

        def exact(ids: Sequence[int]) -> list[int]:
            return [step.id for step in self._rows.steps(ids) if selection.matches_step(step)]

        return self._page(row, conditions, exact, before, limit)

    def artifacts(self, selection: Selection, before: int | None, limit: int) -> tuple[int, ...]:
        """A page of artifact rows."""
        event, row = tables.events.c, tables.artifacts.c.id
        made_in = Selection(pipeline=selection.pipeline, namespace=selection.namespace)
        narrowed, few = self._steps_where(event.execution_id, made_in)
        made = sa.select(event.artifact_id, event.execution_id).where(
            event.type.in_(OUTPUT_EVENTS), *narrowed
        )
        conditions = [*self._artifact_where(selection)]
        if narrowed:
            conditions.append(_among(row, made, event.artifact_id, few=few))

        def exact(ids: Sequence[int]) -> list[int]:
            found = [
                row.id
                for row in self._rows.artifacts(ids)
                if selection.type in ("", row.type) and selection.covers(row.created)
            ]
            query = made.where(event.artifact_id.in_(IDS))
            return self._with_step(query, found, made_in) if narrowed else found

        return self._page(row, conditions, exact, before, limit)

    def runs(
        self, selection: Selection, before: int | None, limit: int
    ) -> tuple[tuple[int, str], ...]:
        """A page of runs: those with a step that is selected."""
        context, link = tables.contexts.c, tables.associations.c
        of_steps = replace(selection, type="")
        narrowed, few = self._steps_where(link.execution_id, of_steps)
        having = sa.select(link.context_id, link.execution_id).where(*narrowed)
        # a sum, so that no index of types leads the database away from the order of ids
        conditions: list[Condition] = [(context.type_id + 0).in_(self._types.ending("Run"))]
        if narrowed:
            conditions.append(_among(context.id, having, link.context_id, few=few))

        def exact(ids: Sequence[int]) -> list[int]:
            query = having.where(link.context_id.in_(IDS))
            return self._with_step(query, ids, of_steps) if narrowed else list(ids)

        ids = self._page(context.id, conditions, exact, before, limit)
        names = self._context_names(ids)
        return tuple((row, names[row]) for row in ids if row in names)

    def types(self) -> tuple[str, ...]:
        """Schema titles, by going from one value to the next in the index."""
        value, row = tables.artifact_properties.c, tables.artifacts.c
        following = sa.select(sa.func.min(value.string_value)).where(
            value.name == "type", value.is_custom_property == 0,
            value.string_value > sa.bindparam("text"),
        )  # fmt: skip
        found = [""]
        while title := self._connection.rows(following, {"text": found[-1]})[0][0]:
            found.append(title)
        others = self._types.of_other_artifacts()
        ours = (
            sa.select(row.id)
            .join(tables.artifact_properties, value.artifact_id == row.id)
            .where(
                value.name == "type", value.is_custom_property == 0,
                value.string_value == sa.bindparam("text"), row.type_id.not_in(others),
            )
            .limit(1)
        )  # fmt: skip
        titles = {title for title in found[1:] if self._connection.rows(ours, {"text": title})}
        return tuple(sorted({*titles, *self._names_in_use(others)}))

    def pipelines(self) -> tuple[str, ...]:
        """Names of pipelines."""
        context = tables.contexts.c
        query = sa.select(context.id).where(context.type_id.in_(self._types.ending("Pipeline")))
        ids = [row[0] for row in self._connection.rows(query)]
        return tuple(sorted(set(self._context_names(ids).values())))

    def _page(
        self,
        row: Any,
        conditions: Sequence[Condition],
        exact: Callable[[Sequence[int]], list[int]],
        before: int | None,
        limit: int,
    ) -> tuple[int, ...]:
        """Ids below ``before``; what only looks equal to MySQL is left out, and made up for."""
        query = (
            sa.select(row).where(row < sa.bindparam("before"), *conditions)
            .order_by(row.desc()).limit(limit)
        )  # fmt: skip
        found: list[int] = []
        end = _NEWEST if before is None else min(before, _NEWEST)
        while len(found) < limit:
            ids = [r[0] for r in self._connection.rows(query, {"before": end})]
            found += exact(ids)
            if len(ids) < limit:
                break
            end = ids[-1]
        return tuple(found[:limit])

    def _with_step(
        self, query: sa.Select[Any], ids: Sequence[int], selection: Selection
    ) -> list[int]:
        """Those of ``ids`` for which ``query`` finds a step that is selected, exactly."""
        pairs = [tuple(pair) for pair in self._connection.rows_of(query, ids)]
        steps = self._rows.steps(sorted({step for _, step in pairs}))
        chosen = {step.id for step in steps if selection.matches_step(step)}
        found = {row for row, step in pairs if step in chosen}
        return [row for row in ids if row in found]

    def _context_names(self, ids: Sequence[int]) -> dict[int, str]:
        """Ours say in a property what their name stands for."""
        context, value = tables.contexts.c, tables.context_properties.c
        ours = self._types.where(
            tables.CONTEXT_KIND, lambda name: name in (schema.RUN_TYPE, schema.PIPELINE_TYPE)
        )
        query = (
            sa.select(context.id, context.name, context.type_id, value.string_value)
            .select_from(
                tables.contexts.outerjoin(
                    tables.context_properties,
                    sa.and_(
                        value.context_id == context.id, value.name == "id",
                        value.is_custom_property == 0,
                    ),
                )
            )
            .where(context.id.in_(IDS))
        )  # fmt: skip
        return {
            row: (text or name) if kind in ours else name
            for row, name, kind, text in self._connection.rows_of(query, ids)
        }

    def _names_in_use(self, kinds: Sequence[int]) -> set[str]:
        """Names of those types of artifacts of which there is one."""
        row, kind = tables.artifacts.c, tables.types.c
        one = sa.select(row.id).where(row.type_id == sa.bindparam("kind")).limit(1)
        used = [found for found in kinds if self._connection.rows(one, {"kind": found})]
        names = sa.select(kind.name).where(kind.id.in_(IDS))
        return {name for (name,) in self._connection.rows_of(names, used)}

    def _steps_where(self, row: Any, selection: Selection) -> tuple[list[Condition], bool]:
        """Conditions on the id of an execution, and whether they leave only a few."""
        found: list[tuple[Condition, bool]] = []
        if selection.pipeline:
            chosen = sa.union_all(
                _with("pipeline", selection.pipeline), self._of_pipeline(selection.pipeline)
            )
            found.append(self._narrowed(row, chosen, _has("pipeline", row, selection.pipeline)))
        if selection.namespace:
            chosen_here = _with("namespace", selection.namespace)
            probe = _has("namespace", row, selection.namespace)
            found.append(self._narrowed(row, chosen_here, probe))
        if selection.since or selection.until:
            own, other = self._finished(selection.since, selection.until)
            said = own.where(tables.execution_properties.c.execution_id == row)
            probe = sa.or_(said.correlate(row.table).exists(), row.in_(other))
            found.append(self._narrowed(row, sa.union_all(own, other), probe))
        if selection.until and not found[-1][1]:
            # the newest match, lest every step that is newer is asked
            ids = sa.union_all(own, other).subquery()
            newest = self._connection.rows(sa.select(sa.func.max(ids.c[0])))[0][0]
            found.append((row <= newest, False))
        return [condition for condition, _ in found], any(few for _, few in found)

    def _narrowed(
        self, row: Any, chosen: sa.Select[Any] | sa.CompoundSelect[Any], probe: Condition
    ) -> tuple[Condition, bool]:
        """The ids themselves if they are few, else the question to each row."""
        ids = sorted({found[0] for found in self._connection.rows(chosen.limit(_FEW + 1))})
        if len(ids) <= _FEW:
            return row.in_(sa.bindparam(None, ids, expanding=True, literal_execute=True)), True
        return probe, False

    def _of_pipeline(self, name: str) -> sa.Select[Any]:
        """Executions of other tools in a pipeline of this name."""
        link, context = tables.associations.c, tables.contexts.c
        return sa.select(link.execution_id).where(
            link.context_id.in_(
                sa.select(context.id).where(
                    context.name == name, context.type_id.in_(self._types.ending("Pipeline"))
                )
            )
        )

    def _finished(
        self, since: datetime | None, until: datetime | None
    ) -> tuple[sa.Select[Any], sa.Select[Any]]:
        """Steps that ended in a time: ours say it as a text that sorts as the time does."""
        value, node = tables.execution_properties.c, tables.executions.c
        own: list[Condition] = [value.name == "finished", value.is_custom_property == 0]
        other: list[Condition] = [node.type_id.in_(self._types.of_other_executions())]
        if since:
            own.append(value.string_value >= _text(since))
            other.append(node.last_update_time_since_epoch >= _milliseconds(since))
        if until:
            own.append(value.string_value < _text(until))
            other.append(node.last_update_time_since_epoch < _milliseconds(until) + 1)
        return sa.select(value.execution_id).where(*own), sa.select(node.id).where(*other)

    def _artifact_where(self, selection: Selection) -> Iterator[Condition]:
        row, value = tables.artifacts.c, tables.artifact_properties.c
        if selection.type:
            own = sa.select(value.artifact_id).where(
                value.name == "type", value.is_custom_property == 0,
                value.string_value == selection.type,
            )  # fmt: skip
            kinds = self._types.where(tables.ARTIFACT_KIND, lambda name: name == selection.type)
            other = sa.select(row.id).where(row.type_id.in_(kinds))
            said = own.where(value.artifact_id == row.id).correlate(tables.artifacts)
            probe = sa.or_(said.exists(), row.type_id.in_(kinds))
            yield self._narrowed(row.id, sa.union_all(own, other), probe)[0]
        if selection.since:
            yield row.create_time_since_epoch >= _milliseconds(selection.since)
        if selection.until:
            yield row.create_time_since_epoch < _milliseconds(selection.until) + 1


def _among(row: Any, chosen: sa.Select[Any], column: Any, *, few: bool) -> Condition:
    """Whether ``chosen`` has the row in ``column``: its ids if few, else asked for each row."""
    if few:
        return row.in_(chosen.with_only_columns(column))  # type: ignore[no-any-return]
    return chosen.where(column == row).correlate(row.table).exists()


def _has(name: str, row: Any, value: str) -> Condition:
    """Whether the execution ``row`` has a property of this value."""
    properties = tables.execution_properties.c
    return _with(name, value).where(properties.execution_id == row).correlate(row.table).exists()


def _with(name: str, value: str) -> sa.Select[Any]:
    """Executions with a property of this value."""
    properties = tables.execution_properties.c
    return sa.select(properties.execution_id).where(
        properties.name == name, properties.is_custom_property.in_((0, 1)),
        properties.string_value == value,
    )  # fmt: skip


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
