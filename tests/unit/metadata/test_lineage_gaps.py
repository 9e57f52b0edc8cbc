"""Rows that are gone, and events that say less than ours: shown as far as they go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.lineage.queries import between, downstream_graph, impact, trace
from kfp_provenance.metadata import LineageIndex
from kfp_provenance.metadata.graph import Selection
from support.lineage_facts import Moment, now
from support.lineage_lab import Lab, sqlite_lab
from support.recording import sqlite_sql
from support.steps import chain

LENGTH = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gaps")


@pytest.fixture(scope="module")
def lab(folder: Path) -> Iterator[Lab]:
    with sqlite_lab(folder) as opened:
        yield opened


def answers(index: LineageIndex, before: Moment) -> list[object]:
    """All that is said of the newest chain."""
    rows = range(before.artifact + 1, before.artifact + LENGTH + 4)
    steps = range(before.execution + 1, before.execution + LENGTH + 1)
    end = rows[LENGTH - 1 : LENGTH]
    listed = {"limit": LENGTH}
    return [
        [index.upstream([row]) for row in rows],
        [index.downstream([row]) for row in rows],
        index.outputs(steps),
        index.edges(steps),
        index.edges_of_artifacts(rows, output=True),
        index.edges_of_artifacts(rows, output=False),
        index.artifacts(rows),
        index.steps(steps),
        index.summary(steps, "system.Dataset"),
        index.list_steps(Selection(), **listed),
        index.list_artifacts(Selection(), **listed),
        index.list_artifacts(Selection(pipeline="churn"), **listed),
        index.list_runs(Selection(pipeline="churn"), **listed),
        trace(index, end),
        downstream_graph(index, rows[:1]),
        between(index, rows[:1], end),
        impact(index, rows[:1]),
    ]


def damaged_chain(lab: Lab, folder: Path, statement: str) -> Moment:
    """Record a chain and change its rows; the moment before."""
    before = now(lab.sql)
    for one in chain(lab.tag(), LENGTH):
        lab.writer.record(one)
    values = {"row": before.artifact, "step": before.execution, "event": before.event}
    sqlite_sql(folder / "lab.db", *statement.format(**values).split(";"))
    return before


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ArtifactProperty WHERE artifact_id = {row} + 3;"
        "DELETE FROM Artifact WHERE id = {row} + 3",
        "DELETE FROM ArtifactProperty WHERE artifact_id > {row}",
        "DELETE FROM Event WHERE execution_id = {step} + 3",
        "DELETE FROM EventPath WHERE event_id > {event}",
        "DELETE FROM Association WHERE execution_id > {step}",
        "UPDATE Event SET type = 7 WHERE execution_id = {step} + 3",
        "UPDATE Event SET milliseconds_since_epoch = NULL WHERE id > {event}",
        "UPDATE ExecutionProperty SET string_value = 'soon'"
        " WHERE name = 'finished' AND execution_id > {step}",
        "UPDATE ExecutionProperty SET string_value = ''"
        " WHERE name = 'run' AND execution_id > {step}",
        "UPDATE ArtifactProperty SET string_value = 'x' WHERE artifact_id > {row}",
        "UPDATE Execution SET last_known_state = NULL WHERE id > {step}",
    ],
)
def test_both_ways_say_the_same(lab: Lab, folder: Path, statement: str) -> None:
    before = damaged_chain(lab, folder, statement)
    for by_sql, by_api in zip(
        answers(lab.by_sql, before), answers(lab.by_api, before), strict=True
    ):
        assert by_sql == by_api


@pytest.mark.parametrize("which", ["= {step} + 3", "> {step}"])
def test_steps_that_are_gone_are_left_out(lab: Lab, folder: Path, which: str) -> None:
    """MLMD deletes nothing; how far the way goes through what somebody did is not promised."""
    statement = (
        "DELETE FROM ExecutionProperty WHERE execution_id {};DELETE FROM Execution WHERE id {}"
    )
    before = damaged_chain(lab, folder, statement.format(which, which))
    for index in lab.indexes:
        answers(index, before)
        steps = range(before.execution + 1, before.execution + LENGTH + 1)
        left = [] if which.startswith(">") else [row for row in steps if row != steps[2]]
        assert [row.id for row in index.steps(steps)] == left


def test_an_artifact_that_is_gone_is_left_out(lab: Lab, folder: Path) -> None:
    """Its properties are still there: MLMD's own server ends itself when it reads them."""
    before = now(lab.sql)
    steps = chain(lab.tag(), LENGTH)
    for one in steps:
        lab.writer.record(one)
    gone = before.artifact + 3
    sqlite_sql(folder / "lab.db", f"DELETE FROM Artifact WHERE id = {gone}")
    rows = lab.by_sql.rows_with_digest(steps[-1].outputs[0].artifact.digest)
    graph = trace(lab.by_sql, rows)
    assert [row.task for row in graph.steps] == [one.task for one in steps]
    assert gone not in {row for node in graph.artifacts for row in node.rows}
    with pytest.raises(StoreError) as raised:
        lab.by_sql.records([row.id for row in graph.steps])
    assert raised.value.code is Code.STORE_CORRUPT
