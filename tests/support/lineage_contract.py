"""What both readers of lineage must answer: one class, run on SQLite and on MariaDB.

Each world is asked about by SQL and through the API, and judged by ``lineage_oracle``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, astuple
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_provenance.metadata import LineageIndex
from kfp_provenance.metadata.graph import ArtifactRow
from support.lineage_lab import Lab
from support.lineage_oracle import Oracle
from support.lineage_worlds import World, own_worlds, worlds
from support.steps import ENVIRONMENT, chain, digest, step


def tried(test: Callable[..., None], times: int) -> None:
    """Run a property as often as the kind of store has the time for."""
    settings(max_examples=times, deadline=None)(test)()


def plain(row: ArtifactRow) -> dict[str, Any]:
    """As the oracle says it."""
    return {**asdict(row), "digest": str(row.digest) if row.digest else None}


class LineageContract:
    """Subclasses give a fixture ``lab`` that lives as long as the class."""

    examples = 40
    """Worlds that are asked about by SQL; the API, which is slow, gets a quarter."""

    # --- the rule

    def test_both_directions_follow_the_rule(self, lab: Lab) -> None:
        @given(worlds)
        def check(world: World) -> None:
            _, oracle = lab.add(world)
            for row in oracle.facts.artifacts:
                assert lab.by_sql.upstream([row]) == oracle.upstream([row])
                assert lab.by_sql.downstream([row]) == oracle.downstream([row])

        tried(check, self.examples)

    def test_the_api_follows_the_same_rule(self, lab: Lab) -> None:
        @given(worlds)
        def check(world: World) -> None:
            _, oracle = lab.add(world)
            for row in list(oracle.facts.artifacts)[:6]:
                assert lab.by_api.upstream([row]) == oracle.upstream([row])
                assert lab.by_api.downstream([row]) == oracle.downstream([row])

        tried(check, self.examples // 2)

    def test_several_rows_at_once(self, lab: Lab) -> None:
        @given(worlds, st.integers(0, 2))
        def check(world: World, part: int) -> None:
            _, oracle = lab.add(world)
            rows = list(oracle.facts.artifacts)[part::2]
            for index in lab.indexes:
                assert index.upstream(rows) == oracle.upstream(rows)
                assert index.downstream(rows) == oracle.downstream(rows)

        tried(check, self.examples // 4)

    def test_a_data_set_is_in_a_trace_exactly_if_its_impact_has_the_model(self, lab: Lab) -> None:
        @given(st.one_of(worlds, own_worlds))
        def check(world: World) -> None:
            _, oracle = lab.add(world)
            index, rows = lab.by_sql, list(oracle.facts.artifacts)
            read = {row: _contents_read(index, oracle, row) for row in rows if oracle.makers(row)}
            made = {row: set(index.outputs(index.downstream([row]))) for row in rows}
            for data in rows:
                for model, traced in read.items():
                    assert (oracle.key(data) in traced) == (model in made[data])

        tried(check, self.examples // 2)

    def test_a_chain_that_is_longer_than_mlmd_follows(self, lab: Lab) -> None:
        """Its own query for lineage ends after a hundred hops, which are fifty steps."""
        steps = chain(lab.tag(), 60)
        ids = tuple(lab.writer.record(one) for one in steps)
        for index in lab.indexes:
            (first, *_, last) = rows = index.outputs(ids)
            assert index.upstream([last]) == index.upstream(rows) == ids
            assert index.downstream([first]) == index.downstream(rows) == ids[1:]
            assert index.records(ids) == tuple(steps)

    def test_more_ids_than_are_asked_for_at_once(self, lab: Lab) -> None:
        lab.writer.record(step(lab.tag()))
        oracle, many = lab.everything(), range(1, 12_000)
        rows, steps = list(oracle.facts.artifacts), list(oracle.facts.executions)
        for index in lab.indexes:
            assert [row.id for row in index.artifacts(many)] == rows
            assert [row.id for row in index.steps(many)] == steps
            assert index.outputs(many) == oracle.outputs(steps)
            assert astuple(index.summary(many)) == oracle.summary(steps)
            assert len(index.edges(many)) == len(oracle.edges(steps))
            assert index.upstream(many) == oracle.upstream(rows)
            assert index.downstream(many) == oracle.downstream(rows)

    # --- what steps read and wrote

    def test_rows_and_edges(self, lab: Lab) -> None:
        @given(worlds)
        def check(world: World) -> None:
            _, oracle = lab.add(world)
            rows, steps = list(oracle.facts.artifacts), list(oracle.facts.executions)
            for index in lab.indexes:
                assert [plain(row) for row in index.artifacts(rows)] == [
                    oracle.artifact(row) for row in rows
                ]
                assert index.keys(rows) == tuple(oracle.key(row) for row in rows)
                assert [asdict(row) for row in index.steps(steps)] == [
                    oracle.step(row) for row in steps
                ]
                found = index.edges(steps)
                assert [(e.step, e.output, e.name, e.index, e.artifact) for e in found] == (
                    oracle.edges(steps)
                )

        tried(check, self.examples // 2)

    def test_outputs_and_summary(self, lab: Lab) -> None:
        titles = st.sampled_from(
            ["", "system.Model", "system.Dataset", "system.model", "tool.Thing", "system.Lie"]
        )

        @given(worlds, titles, st.integers(0, 2))
        def check(world: World, title: str, part: int) -> None:
            _, oracle = lab.add(world)
            steps = list(oracle.facts.executions)[part::2]
            for index in lab.indexes:
                assert index.outputs(steps, title) == oracle.outputs(steps, title)
                assert astuple(index.summary(steps, title)) == oracle.summary(steps, title)

        tried(check, self.examples // 2)

    def test_who_wrote_and_who_read_rows(self, lab: Lab) -> None:
        @given(worlds, st.booleans(), st.integers(1, 4))
        def check(world: World, output: bool, limit: int) -> None:
            _, oracle = lab.add(world)
            rows, edges = list(oracle.facts.artifacts), oracle.edges(oracle.facts.executions)
            for index in lab.indexes:
                found, count = index.edges_of_artifacts(rows, output=output)
                assert sorted(map(astuple, found)) == sorted(
                    (step, row, is_output, name, at)
                    for step, is_output, name, at, row in edges
                    if is_output is output
                )
                assert [e.step for e in found] == sorted((e.step for e in found), reverse=True)
                some, whole = index.edges_of_artifacts(rows, output=output, limit=limit)
                assert (whole, set(some) <= set(found)) == (count, True)
                assert len({(e.step, e.artifact) for e in some}) <= limit
                assert bool(some) == bool(found)
            limited = [i.edges_of_artifacts(rows, output=output, limit=limit) for i in lab.indexes]
            assert limited[0] == limited[1]

        tried(check, self.examples // 4)

    def test_ids_are_answered_in_their_order_and_unknown_ones_left_out(self, lab: Lab) -> None:
        @given(own_worlds)
        def check(world: World) -> None:
            written, oracle = lab.add(world)
            rows = [10**9, *sorted(oracle.facts.artifacts, reverse=True), 0]
            steps = [10**9, *sorted(written.steps, reverse=True), 0]
            for index in lab.indexes:
                assert [row.id for row in index.artifacts(rows)] == rows[1:-1]
                assert [step.id for step in index.steps(steps)] == steps[1:-1]
                assert list(index.records(steps)) == [written.steps[row] for row in steps[1:-1]]
                assert index.outputs([10**9]) == index.edges([0]) == index.records([]) == ()
                assert index.upstream([]) == index.downstream([]) == index.upstream([10**9]) == ()

        tried(check, self.examples // 8)

    # --- step records

    def test_records_are_what_was_recorded(self, lab: Lab) -> None:
        @given(worlds)
        def check(world: World) -> None:
            written, oracle = lab.add(world)
            everything = list(oracle.facts.executions)
            recorded = tuple(written.steps[row] for row in sorted(written.steps))
            assert lab.by_sql.records(everything) == recorded
            assert lab.by_api.records(everything) == recorded
            for run in {one.run for one in recorded}:
                rows = [row for row, one in written.steps.items() if one.run == run]
                steps = sorted(lab.by_sql.records(rows), key=lambda one: (one.started, one.id))
                assert lab.reader.run(run).steps == tuple(steps)

        tried(check, self.examples // 2)

    def test_the_environment(self, lab: Lab) -> None:
        lab.writer.record(step(lab.tag()))
        for index in lab.indexes:
            assert index.environment(ENVIRONMENT.digest) == ENVIRONMENT
            assert index.environment(digest("another")) is None


def _contents_read(index: LineageIndex, oracle: Oracle, row: int) -> set[str]:
    steps = index.upstream([row])
    return {oracle.key(edge.artifact) for edge in index.edges(steps) if not edge.output}
