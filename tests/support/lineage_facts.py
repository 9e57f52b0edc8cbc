"""What a store holds, read by plain SQL: the facts that an oracle of lineage judges by.

Nothing of the code under test is used, and neither is MLMD's client.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

Sql = Callable[[str], Sequence[Sequence[Any]]]
"""Runs one statement and gives its rows."""
Texts = dict[str, str]


@dataclass(frozen=True)
class ArtifactFact:
    """A row of an artifact; ``declared`` are properties of its type."""

    id: int
    type: str
    uri: str
    created: int
    declared: Texts
    custom: Texts


@dataclass(frozen=True)
class ContextFact:
    """A run, a pipeline or something else that executions belong to."""

    id: int
    type: str
    name: str
    declared: Texts


@dataclass(frozen=True)
class ExecutionFact:
    """An execution, with its contexts, oldest first."""

    id: int
    type: str
    name: str
    state: int
    created: int
    updated: int
    declared: Texts
    custom: Texts
    contexts: tuple[ContextFact, ...]


@dataclass(frozen=True)
class EventFact:
    """An event: its kind is MLMD's number, its path has keys and indexes."""

    id: int
    step: int
    artifact: int
    kind: int
    time: int
    path: tuple[str | int, ...]


@dataclass(frozen=True)
class Facts:
    """Rows of a store by id, or those that came after some moment."""

    artifacts: dict[int, ArtifactFact]
    executions: dict[int, ExecutionFact]
    contexts: dict[int, ContextFact]
    events: tuple[EventFact, ...] = field(default=())


@dataclass(frozen=True)
class Moment:
    """The newest rows at some moment."""

    artifact: int = 0
    execution: int = 0
    context: int = 0
    event: int = 0


def now(sql: Sql) -> Moment:
    """The newest rows of the store."""
    tables = ("Artifact", "Execution", "Context", "Event")
    return Moment(*(sql(f"SELECT COALESCE(MAX(id), 0) FROM {table}")[0][0] for table in tables))


def read_facts(sql: Sql, since: Moment = Moment()) -> Facts:
    """What was written after ``since``."""
    types = dict(sql("SELECT id, name FROM Type"))
    contexts = _contexts(sql, types, since)
    return Facts(
        artifacts=_artifacts(sql, types, since),
        executions=_executions(sql, types, contexts, since),
        contexts=contexts,
        events=_events(sql, since),
    )


def _artifacts(sql: Sql, types: dict[int, str], since: Moment) -> dict[int, ArtifactFact]:
    declared, custom = _properties(sql, "Artifact", since.artifact)
    rows = sql(
        "SELECT id, type_id, uri, create_time_since_epoch FROM Artifact"
        f" WHERE id > {since.artifact} ORDER BY id"
    )
    return {
        row: ArtifactFact(row, types[kind], uri or "", created, declared[row], custom[row])
        for row, kind, uri, created in rows
    }


def _contexts(sql: Sql, types: dict[int, str], since: Moment) -> dict[int, ContextFact]:
    declared, _ = _properties(sql, "Context", since.context)
    rows = sql(f"SELECT id, type_id, name FROM Context WHERE id > {since.context} ORDER BY id")
    return {row: ContextFact(row, types[kind], name, declared[row]) for row, kind, name in rows}


def _executions(
    sql: Sql, types: dict[int, str], contexts: dict[int, ContextFact], since: Moment
) -> dict[int, ExecutionFact]:
    declared, custom = _properties(sql, "Execution", since.execution)
    belongs: dict[int, list[ContextFact]] = defaultdict(list)
    for execution, context in sql(
        "SELECT execution_id, context_id FROM Association ORDER BY context_id"
    ):
        if context in contexts:
            belongs[execution].append(contexts[context])
    rows = sql(
        "SELECT id, type_id, name, last_known_state, create_time_since_epoch,"
        f" last_update_time_since_epoch FROM Execution WHERE id > {since.execution} ORDER BY id"
    )
    return {
        row: ExecutionFact(row, types[kind], name or "", state or 0, created, updated,
                           declared[row], custom[row], tuple(belongs[row]))
        for row, kind, name, state, created, updated in rows
    }  # fmt: skip


def _events(sql: Sql, since: Moment) -> tuple[EventFact, ...]:
    paths: dict[int, list[str | int]] = defaultdict(list)
    for event, is_index, index, key in sql(
        "SELECT event_id, is_index_step, step_index, step_key FROM EventPath"
        f" WHERE event_id > {since.event}"
    ):
        paths[event].append(index if is_index else key)
    rows = sql(
        "SELECT id, execution_id, artifact_id, type, milliseconds_since_epoch FROM Event"
        f" WHERE id > {since.event} ORDER BY id"
    )
    return tuple(EventFact(*row, path=tuple(paths[row[0]])) for row in rows)


def _properties(
    sql: Sql, owner: str, since: int
) -> tuple[defaultdict[int, Texts], defaultdict[int, Texts]]:
    declared: defaultdict[int, Texts] = defaultdict(dict)
    custom: defaultdict[int, Texts] = defaultdict(dict)
    column = f"{owner.lower()}_id"
    for row, name, is_custom, text in sql(
        f"SELECT {column}, name, is_custom_property, string_value FROM {owner}Property"
        f" WHERE {column} > {since} AND string_value IS NOT NULL"
    ):
        if not text.startswith("mlmd-struct::"):  # a value of another kind, in MLMD's writing
            (custom if is_custom else declared)[row][name] = text
    return declared, custom


def texts_of(node: ArtifactFact | ExecutionFact) -> Texts:
    """Its properties; one of the type hides a custom one of the same name."""
    return {**node.custom, **node.declared}


def named(facts: Iterable[ContextFact], ending: str) -> list[ContextFact]:
    """Contexts whose type ends so, letter case told apart."""
    return [fact for fact in facts if fact.type.endswith(ending)]
