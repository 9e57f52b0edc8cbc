"""The second half of the contract of both readers of lineage: look-ups, lists and pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.facts import Digest
from kfp_provenance.metadata.graph import Selection
from kfp_provenance.metadata.schema import index_name
from support.lineage_contract import tried
from support.lineage_facts import named
from support.lineage_lab import Lab
from support.lineage_oracle import Oracle
from support.lineage_worlds import World, worlds
from support.lineage_writing import Written
from support.steps import START, step

NOT_THERE = ("", "%", "_", "sha256:", "x' OR '1'='1", 'x" OR 1=1 --', "\\", "x" * 70_000, "\ud800")
"""Texts that nothing in a store is called, and of which nothing must come."""


class LookupContract:
    """What is found by a text. A fixture ``lab`` lives as long as the class."""

    examples = 40

    def test_rows_by_content_and_place(self, lab: Lab) -> None:
        @given(worlds)
        def check(world: World) -> None:
            _, oracle = lab.add(world)
            uris = {fact.uri for fact in oracle.facts.artifacts.values()}
            for index in lab.indexes:
                for text in oracle.digests():
                    found = index.rows_with_digest(Digest.parse(text))
                    assert found == oracle.rows_with_digest(text)
                for uri in {*uris, *(uri.upper() for uri in uris), *(f"{uri} " for uri in uris)}:
                    assert index.rows_at(uri) == tuple(
                        row for row, fact in oracle.facts.artifacts.items() if fact.uri == uri
                    )

        tried(check, self.examples // 6)

    def test_the_beginning_of_a_digest(self, lab: Lab) -> None:
        for number in range(60):
            lab.writer.record(step(lab.tag(), f"t{number}"))
        everything = lab.everything().digests()
        beginnings = {text[:length] for text in everything[:9] for length in (8, 9, 71)}
        for text in beginnings:
            expected = tuple(Digest.parse(d) for d in everything if d.startswith(text))
            for index in lab.indexes:
                for limit in (1, 2, 100):
                    assert index.digests_beginning(text, limit) == expected[:limit]

    @pytest.mark.parametrize("text", ["", "sha256:", "sha", "sha256:A", "sha256:%", "sha256:g",
                                      f"sha256:{'0' * 65}", "sha256:' OR '1'='1"])  # fmt: skip
    def test_no_beginning_of_a_digest(self, lab: Lab, text: str) -> None:
        for index in lab.indexes:
            assert index.digests_beginning(text, 10) == ()

    def test_steps_of_runs_and_components(self, lab: Lab) -> None:
        @given(worlds)
        def check(world: World) -> None:
            written, oracle = lab.add(world)
            for run in (written.run(number) for number in range(3)):
                expected = tuple(
                    row
                    for row, fact in oracle.facts.executions.items()
                    if any(c.name == _stands_for(c.type, run) for c in named(fact.contexts, "Run"))
                )
                for index in lab.indexes:
                    assert index.steps_of_run(run) == expected

        tried(check, self.examples // 4)
        components = {"a.b.Train": 2, "a.b.train": 1, "módulo.función": 1}
        for name, count in components.items():
            for _ in range(count):
                tag = lab.tag()
                one = step(tag)
                lab.writer.record(replace(one, component=replace(one.component, name=name)))
        for name, count in components.items():
            for index in lab.indexes:
                rows = index.steps_of_component(name)
                assert [found.component for found in index.steps(rows)] == [name] * count
                some = [10**9, *rows[:1], *range(1, 9)]
                assert index.steps_of_component(name, some) == rows[:1]
                assert index.steps_of_component(name, []) == ()

    @pytest.mark.parametrize("text", NOT_THERE, ids=lambda text: ascii(text[:12]))
    def test_texts_that_nothing_is_called(self, lab: Lab, text: str) -> None:
        lab.writer.record(step(lab.tag()))
        for index in lab.indexes:
            assert index.rows_at(text) == index.steps_of_run(text) == ()
            assert index.steps_of_component(text) == ()
            if text:
                for selection in (Selection(text), Selection("", text), Selection("", "", text)):
                    assert index.list_artifacts(selection) == ()
                for selection in (Selection("", text), Selection("", "", text)):
                    assert index.list_steps(selection) == index.list_runs(selection) == ()


class ListContract:
    """Lists and pages of all that is in the store: a ``lab`` of its own keeps it small."""

    examples = 40

    def test_lists_are_narrowed_and_their_pages_make_up_the_whole(self, lab: Lab) -> None:
        @given(worlds, st.data())
        def check(world: World, data: st.DataObject) -> None:
            written, oracle = lab.add(world)
            selection = data.draw(_selections(written, oracle))
            size = data.draw(st.integers(2, 9))
            whole = lab.everything()
            for index in lab.indexes:
                assert _pages(index.list_steps, selection, size) == _steps(whole, selection)
                assert _pages(index.list_artifacts, selection, size) == (
                    _artifacts(whole, selection)
                )
                assert _pages(index.list_runs, selection, size) == _runs(whole, selection)

        tried(check, self.examples // 6)

    def test_a_list_of_everything(self, lab: Lab) -> None:
        whole, every = lab.everything(), Selection()
        for index in lab.indexes:
            assert list(index.list_steps(every, limit=10**6)) == _steps(whole, every)
            assert list(index.list_artifacts(every, limit=10**6)) == _artifacts(whole, every)
            assert list(index.list_runs(every, limit=10**6)) == _runs(whole, every)
            assert index.list_steps(every, limit=0) == index.list_runs(every, limit=0) == ()
            assert index.list_artifacts(every, before=0) == index.list_runs(every, before=1) == ()
            assert index.list_steps(every, before=10**30, limit=1) == tuple(
                _steps(whole, every)[:1]
            )

    def test_every_run_that_is_listed_has_its_steps(self, lab: Lab) -> None:
        for index in lab.indexes:
            for _, run in index.list_runs(Selection(), limit=40):
                assert index.steps_of_run(run), run

    def test_types_and_pipelines(self, lab: Lab) -> None:
        whole = lab.everything()
        titles = {whole.artifact(row)["type"] for row in whole.facts.artifacts}
        pipelines = {
            context.declared["id"] if context.type.startswith("kprov.") else context.name
            for context in named(whole.facts.contexts.values(), "Pipeline")
        }
        for index in lab.indexes:
            assert index.types() == tuple(sorted(titles))
            assert index.pipelines() == tuple(sorted(pipelines))


def _stands_for(kind: str, run: str) -> str:
    return index_name(run) if kind.startswith("kprov.") else run


@st.composite
def _selections(draw: st.DrawFn, written: Written, oracle: Oracle) -> Selection:
    """Mostly of this world; limits of time lie on and beside the times of its rows."""
    moments = [START + timedelta(seconds=seconds) for seconds in (0, 1, 2)]
    created = [oracle.artifact(row)["created"] for row in oracle.facts.artifacts]
    times = st.sampled_from([*moments, *created]).flatmap(
        lambda t: st.sampled_from([t, t + timedelta(microseconds=1), t - timedelta(milliseconds=1)])
    )
    return Selection(
        type=draw(st.sampled_from(["", "", "system.Model", "system.model", "tool.Thing"])),
        pipeline=draw(st.sampled_from(["", *map(written.pipeline, range(3))])),
        namespace=draw(st.sampled_from(["", "", *map(written.namespace, range(3))])),
        since=draw(st.none() | times),
        until=draw(st.none() | times),
    )


def _pages(listed: Callable[..., Sequence[Any]], selection: Selection, size: int) -> list[Any]:
    """All pages, one after the other."""
    found: list[Any] = []
    before = None
    while page := listed(selection, before=before, limit=size):
        assert len(page) <= size
        found += page
        before = page[-1][0] if isinstance(page[-1], tuple) else page[-1]
    return found


def _steps(oracle: Oracle, selection: Selection) -> list[int]:
    return [row for row in sorted(oracle.facts.executions, reverse=True)
            if _chosen(oracle.step(row), selection)]  # fmt: skip


def _chosen(row: dict[str, Any], selection: Selection) -> bool:
    return (
        selection.pipeline in ("", row["pipeline"])
        and selection.namespace in ("", row["namespace"])
        and _within(row["finished"], selection)
    )


def _within(moment: datetime | None, selection: Selection) -> bool:
    if moment is None:
        return selection.since is None and selection.until is None
    since = selection.since or datetime.min.replace(tzinfo=UTC)
    return since <= moment < (selection.until or datetime.max.replace(tzinfo=UTC))


def _artifacts(oracle: Oracle, selection: Selection) -> list[int]:
    made_in = replace(selection, type="", since=None, until=None)

    def writers(row: int) -> Iterator[dict[str, Any]]:
        return (oracle.step(step) for step in oracle.wrote(row))

    return [
        row
        for row in sorted(oracle.facts.artifacts, reverse=True)
        if selection.type in ("", oracle.artifact(row)["type"])
        and _within(oracle.artifact(row)["created"], selection)
        and (made_in == Selection() or any(_chosen(step, made_in) for step in writers(row)))
    ]


def _runs(oracle: Oracle, selection: Selection) -> list[tuple[int, str]]:
    narrowed = replace(selection, type="")
    steps = [
        (fact, _chosen(oracle.step(row), narrowed)) for row, fact in oracle.facts.executions.items()
    ]
    having = {c.id for fact, chosen in steps if chosen for c in fact.contexts}
    runs = named(oracle.facts.contexts.values(), "Run")
    return [
        (run.id, run.declared["id"] if run.type.startswith("kprov.") else run.name)
        for run in sorted(runs, key=lambda run: -run.id)
        if narrowed == Selection() or run.id in having
    ]
