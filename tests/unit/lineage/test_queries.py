"""Trace, impact and between on small stories."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from kfp_provenance.facts import Input, InputOrigin, Outcome, StepFailure
from kfp_provenance.lineage.queries import between, downstream_graph, impact, trace
from kfp_provenance.metadata.graph import Selection
from support.lineage_stories import Story, content, names, of, rows, tasks
from support.steps import START, chain, digest

RAW = content("raw")


def two_runs() -> Story:
    """Runs a and b of two pipelines train on one data set; b takes a's features too."""
    story = Story()
    for run, pipeline in (("a", "churn"), ("b", "fraud")):
        facts = {"pipeline": pipeline, "namespace": f"team-{run}"}
        clean = story.step(run, "clean", [RAW], "data", **facts)
        split = story.step(run, "split", [(clean, "data")], "train test", **facts)
        train = story.step(run, "train", [(split, "train")], "model", **facts)
        story.step(run, "evaluate", [(train, "model"), (split, "test")], "metrics", **facts)
    return story


def test_a_trace_has_what_the_model_came_from_and_nothing_else(tmp_path: Path) -> None:
    story = two_runs()
    model = story.steps[2]
    with story.told(tmp_path) as index:
        graph = trace(index, rows(index, of(model, "model")))
    assert tasks(graph) == ["a/clean", "a/split", "a/train"]
    assert names(graph) == {"in", "data", "train", "model"}  # not the test set
    assert graph.starts == (of(model, "model"),)
    assert graph.more_steps == 0
    assert [(link.step, link.output, link.name) for link in graph.links] == [
        ("step:1", False, "in"), ("step:1", True, "data"), ("step:2", False, "in"),
        ("step:2", True, "train"), ("step:3", False, "in"), ("step:3", True, "model"),
    ]  # fmt: skip


def test_the_impact_of_a_data_set_that_two_runs_share(tmp_path: Path) -> None:
    story = two_runs()
    with story.told(tmp_path) as index:
        found = impact(index, rows(index, "raw"))
        graph = downstream_graph(index, rows(index, "raw"))
        nothing = impact(index, rows(index, of(story.steps[3], "metrics")))
    assert (found.steps, found.runs, found.artifacts) == (8, 2, 10)
    assert [node.key for node in found.models] == [
        of(story.steps[6], "model"), of(story.steps[2], "model"),
    ]  # fmt: skip
    assert (found.more_models, found.published, found.more_published) == (0, (), 0)
    assert found.starts == (str(RAW.digest),)
    assert tasks(graph) == [f"{run}/{task}" for run in "ab"
                            for task in ("clean", "split", "train", "evaluate")]  # fmt: skip
    assert len(graph.artifacts) == 11
    assert (nothing.steps, nothing.runs, nothing.artifacts, nothing.models) == (0, 0, 0, ())


def test_a_step_that_came_from_the_cache(tmp_path: Path) -> None:
    """Run 2 trains on the row of run 1: KFP ran nothing in between."""
    story = Story()
    clean = story.step("run-1", "clean", [RAW], "data")
    story.step("run-1", "train", [(clean, "data")], "model")
    again = story.step("run-2", "train", [(clean, "data")], "model")
    with story.told(tmp_path) as index:
        graph = trace(index, rows(index, of(again, "model")))
        found = impact(index, rows(index, of(clean, "data")))
    assert tasks(graph) == ["run-1/clean", "run-2/train"]
    assert (found.steps, found.runs, len(found.models)) == (2, 2, 2)


def test_copies_are_one_artifact_at_several_places(tmp_path: Path) -> None:
    """Equal bytes go from pipeline to pipeline, each time imported from a place of its own."""
    story = Story()
    story.step("a", "ingest", [content("raw", "/a")], {"data": "table"})
    story.step("b", "copy", [content("table", "/b")], {"copy": "table"})
    story.step("c", "train", [content("table", "/c")], "model")
    with story.told(tmp_path) as index:
        graph = trace(index, rows(index, of(story.steps[2], "model")))
        found = impact(index, rows(index, "raw"))
    assert tasks(graph) == ["a/ingest", "b/copy", "c/train"]
    table = next(node for node in graph.artifacts if node.key == str(digest("table")))
    assert table.name == "data"
    assert {"/b", "/c"} < set(table.uris)
    assert len(table.rows) == len(table.uris) == 4
    assert len(graph.artifacts) == 3
    assert (found.steps, found.runs, found.artifacts) == (3, 3, 2)


def test_a_cycle_by_content_ends(tmp_path: Path) -> None:
    """Packed and unpacked again: each content comes from the other."""
    story = Story()
    story.step("a", "unpack", [content("packed")], {"data": "plain"})
    story.step("b", "pack", [content("plain")], {"archive": "packed"})
    story.step("c", "unpack", [content("packed")], {"data": "plain"})
    story.step("d", "train", [content("plain")], "model")
    with story.told(tmp_path) as index:
        graph = trace(index, rows(index, of(story.steps[3], "model")))
        found = impact(index, rows(index, "plain"))
    assert tasks(graph) == ["a/unpack", "b/pack", "c/unpack", "d/train"]
    assert (found.steps, found.artifacts) == (3, 3)


def test_the_own_run_is_the_origin_of_its_bytes(tmp_path: Path) -> None:
    """Both runs made equal bytes; the importer of run b reads those of run b."""
    story = Story()
    for run in "ab":
        story.step(run, "ingest", [content(f"raw-{run}")], {"data": "table"})
    story.step("b", "train", [content("table")], "model")
    story.step("c", "train", [content("table")], "model")
    with story.told(tmp_path) as index:
        own = trace(index, rows(index, of(story.steps[2], "model")))
        any_of_them = trace(index, rows(index, of(story.steps[3], "model")))
        of_a, of_b = (impact(index, rows(index, f"raw-{run}")) for run in "ab")
    assert tasks(own) == ["b/ingest", "b/train"]
    assert tasks(any_of_them) == ["a/ingest", "b/ingest", "c/train"]
    assert (of_a.steps, of_b.steps) == (2, 3)


def test_sixty_steps_are_complete_and_in_order(tmp_path: Path) -> None:
    story = Story(chain("long", 60))
    model = story.steps[-1]
    expected = [f"long/task-{number}" for number in range(60)]
    with story.told(tmp_path) as index:
        end = rows(index, of(model, "model"))
        graph = trace(index, end)
        last = trace(index, end, limit=7)
        first = downstream_graph(index, rows(index, "root"), limit=7)
        none = trace(index, end, limit=0)
    assert tasks(graph) == expected
    assert (len(graph.artifacts), len(graph.links), graph.more_steps) == (61, 60 + 60 + 59, 0)
    assert (tasks(last), last.more_steps) == (expected[-7:], 53)
    assert (tasks(first), first.more_steps) == (expected[:7], 53)
    assert (tasks(none), none.more_steps) == ([], 60)
    assert [node.key for node in none.artifacts] == [of(model, "model")]


def test_an_impact_says_how_many_models_it_leaves_out(tmp_path: Path) -> None:
    story = Story()
    for number in range(9):
        story.step(f"run-{number}", "train", [RAW], "model")
    with story.told(tmp_path) as index:
        found = impact(index, rows(index, "raw"), limit=4)
    assert [node.key for node in found.models] == [
        of(story.steps[number], "model") for number in (8, 7, 6, 5)
    ]
    assert (found.more_models, found.steps, found.artifacts) == (5, 9, 9)


def test_a_model_is_not_in_its_own_impact(tmp_path: Path) -> None:
    story = Story()
    train = story.step("a", "train", [RAW], {"model": "weights"})
    story.step("b", "copy", [content("weights", name="model")], {"model": "weights"})
    tuned = story.step("c", "tune", [(train, "model")], "model")
    with story.told(tmp_path) as index:
        found = impact(index, rows(index, "weights"))
    assert [node.key for node in found.models] == [of(tuned, "model")]
    assert (found.steps, found.artifacts) == (2, 2)


def test_an_impact_is_narrowed(tmp_path: Path) -> None:
    third = START + timedelta(minutes=3)  # when both the model of run a and its step are done
    narrowed = {
        Selection(pipeline="churn"): (4, 1),
        Selection(namespace="team-b"): (4, 1),
        Selection(pipeline="churn", namespace="team-b"): (0, 0),
        Selection(pipeline="Churn"): (0, 0),
        Selection(type="system.Metrics"): (8, 2),
        Selection(type="system.metrics"): (8, 0),
        Selection(since=third): (6, 2),
        Selection(until=third): (2, 0),
        Selection(since=third, until=third + timedelta(minutes=1)): (1, 1),
    }
    with two_runs().told(tmp_path) as index:
        for selection, expected in narrowed.items():
            found = impact(index, rows(index, "raw"), selection=selection)
            assert (found.steps, len(found.models)) == expected, selection


def test_a_narrowed_trace_goes_on_through_what_it_does_not_show(tmp_path: Path) -> None:
    story = Story()
    clean = story.step("a", "clean", [RAW], "data", pipeline="shared")
    join = story.step("b", "join", [(clean, "data")], "table", pipeline="other")
    train = story.step("c", "train", [(join, "table")], "model", pipeline="shared")
    with story.told(tmp_path) as index:
        end = rows(index, of(train, "model"))
        shown = trace(index, end, selection=Selection(pipeline="shared"))
        models = trace(index, end, selection=Selection(type="system.Model"))
    assert tasks(shown) == ["a/clean", "c/train"]
    assert shown.more_steps == 0
    assert tasks(models) == ["a/clean", "b/join", "c/train"]
    assert [node.key for node in models.artifacts] == [of(train, "model")]
    assert [(link.name, link.step) for link in models.links] == [("model", "step:3")]


def test_the_ways_between_two_artifacts(tmp_path: Path) -> None:
    story = Story()
    split = story.step("a", "split", [RAW], "left right rest")
    left = story.step("a", "left", [(split, "left")], "data")
    right = story.step("a", "right", [(split, "right")], "data")
    story.step("a", "elsewhere", [(split, "rest")], "data")
    side = story.step("a", "side", [content("other")], "data")
    parts = [(left, "data"), (right, "data"), (side, "data")]
    train = story.step("a", "train", parts, "model")
    story.step("a", "after", [(train, "model")], "data")
    with story.told(tmp_path) as index:
        raw, model = rows(index, "raw"), rows(index, of(train, "model"))
        graph = between(index, raw, model)
        limited = between(index, raw, model, limit=1)
        backwards = between(index, model, raw)
        unrelated = between(index, rows(index, "other"), rows(index, of(left, "data")))
        itself = between(index, raw, raw)
    assert tasks(graph) == ["a/split", "a/left", "a/right", "a/train"]
    assert len(graph.artifacts) == 6  # neither the rest nor what came from the side
    assert graph.starts == (str(RAW.digest), of(train, "model"))
    assert (tasks(limited), limited.more_steps) == (["a/train"], 3)
    for empty in (backwards, unrelated, itself):
        assert (empty.steps, empty.links, empty.more_steps) == ((), (), 0)
        assert empty.artifacts


def test_a_failed_step_and_several_attempts_are_part_of_it(tmp_path: Path) -> None:
    story = Story()
    failed = {"outcome": Outcome.FAILED, "failure": StepFailure("ValueError", "no")}
    story.step("a", "train", [RAW], "log", attempt=1, **failed)
    story.step("a", "train", [RAW], "model", attempt=2)
    with story.told(tmp_path) as index:
        graph = downstream_graph(index, rows(index, "raw"))
        found = impact(index, rows(index, "raw"))
    assert [step.outcome for step in graph.steps] == ["FAILED", "SUCCEEDED"]
    assert (found.steps, found.runs, found.artifacts) == (2, 1, 2)


def test_one_artifact_as_two_inputs_of_a_step(tmp_path: Path) -> None:
    story = Story()
    both = tuple(Input(name, 0, RAW, InputOrigin.IMPORTED) for name in ("left", "right"))
    join = story.step("a", "join", writes="data", inputs=both)
    with story.told(tmp_path) as index:
        graph = trace(index, rows(index, of(join, "data")))
    assert [link.name for link in graph.links if not link.output] == ["left", "right"]
    assert len(graph.artifacts) == 2


def test_what_nobody_made_has_an_empty_trace(tmp_path: Path) -> None:
    with two_runs().told(tmp_path) as index:
        graph = trace(index, rows(index, "raw"))
        unknown = trace(index, [10**9])
    assert (graph.steps, graph.links) == ((), ())
    assert [node.key for node in graph.artifacts] == [str(RAW.digest)]
    assert (unknown.starts, unknown.artifacts, unknown.steps) == ((), (), ())
