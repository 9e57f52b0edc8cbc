"""Two chains side by side: where they part first, whatever their shape."""

from __future__ import annotations

from dataclasses import replace

from kfp_provenance.analysis.diffing.align import SplitKind, SubjectPair, align
from kfp_provenance.analysis.diffing.history import History
from kfp_provenance.analysis.diffing.routes import first_divergences
from kfp_provenance.facts import Step
from support.aligned_chains import compared, routes, subject_of, tabular
from support.chains import RunBuilder, imported, read, source


def test_equal_chains_do_not_part() -> None:
    found, firsts = compared(tabular("one"), tabular("two"))
    assert not found.pairs
    assert not found.splits
    assert not firsts


def test_equal_bytes_by_other_steps_are_known() -> None:
    found, _ = compared(tabular("one"), tabular("two"))
    assert set(found.same_content) == {("one/train", "two/train")}


def test_equal_bytes_that_a_step_wrote_on_one_side_only_are_known() -> None:
    build = RunBuilder("two")
    build.step("train", inputs=[imported(b"train raw", "train_set")], outputs={"model": b"other"})
    found, (first,) = compared(tabular("one"), build.steps)
    assert ("one/preprocess", "") in found.same_content
    assert first.pair is not None
    assert first.pair.task == "train"


def test_a_cached_step_is_one_step_on_both_sides() -> None:
    before = tabular("one")
    build = RunBuilder("two")
    build.step("train", inputs=[read(before[1], "train_set")], outputs={"model": b"other"})
    after = [*before[:2], *build.steps]
    found, (first,) = compared(before, after)
    assert list(found.pairs) == [("one/train", "two/train")]
    assert not found.same_content
    assert first.pair is not None
    assert first.pair.task == "train"


def test_a_step_that_made_other_bytes_of_equal_inputs_is_first() -> None:
    found, (first,) = compared(tabular("one"), tabular("two", model=b"other"))
    assert list(found.pairs) == [("one/train", "two/train")]
    assert first.pair is found.pairs["one/train", "two/train"]
    assert not first.in_cycle
    assert routes(first) == ["train > model"]


def test_other_raw_bytes_are_first_and_all_behind_them_follows() -> None:
    found, (first,) = compared(tabular("one"), tabular("two", raw=b"noise"))
    assert [pair.task for pair in found.pairs.values()] == ["train", "preprocess", "ingest"]
    assert first.pair is None
    (split,) = first.splits
    assert (split.kind, split.name) == (SplitKind.ROOT, "raw")
    assert routes(first) == ["ingest > preprocess > train > model"]


def merged(run: str, left: bytes, right: bytes) -> list[Step]:
    """Two sources, each with a step of its own, and a step that reads both."""
    build = RunBuilder(run)
    one = build.step("left", inputs=[source(left)], outputs={"table": b"l" + left})
    two = build.step("right", inputs=[source(b"r")], outputs={"table": b"r" + right})
    both = build.step(
        "join", inputs=[read(one, "table", "left"), read(two, "table", "right")],
        outputs={"table": left + right},
    )  # fmt: skip
    build.step("train", inputs=[read(both, "table")], outputs={"model": b"m" + left + right})
    return build.steps


def test_two_divergences_are_both_first() -> None:
    _, firsts = compared(merged("one", b"1", b"1"), merged("two", b"2", b"2"))
    assert [first.splits[0].name if first.splits else first.pair.task for first in firsts] == [  # type: ignore[union-attr]
        "raw",
        "right",
    ]
    assert [routes(first) for first in firsts] == [
        ["left > join > train > model"],
        ["right > join > train > model"],
    ]


def test_a_source_that_two_steps_read_is_one_divergence_with_two_ways() -> None:
    def steps(run: str, raw: bytes) -> list[Step]:
        build = RunBuilder(run)
        one = build.step("one", inputs=[source(raw)], outputs={"a": b"1" + raw})
        two = build.step("two", inputs=[source(raw)], outputs={"b": b"2" + raw})
        build.step("train", inputs=[read(one, "a"), read(two, "b")], outputs={"model": b"m" + raw})
        return build.steps

    _, (first,) = compared(steps("before", b"x"), steps("after", b"y"))
    assert len(first.splits) == 2
    assert routes(first) == ["one > train > model", "two > train > model"]


def with_cleaning(run: str, raw: bytes = b"raw", *, renamed: str = "table") -> list[Step]:
    """Like ``tabular``, with a step between ingest and preprocess."""
    build = RunBuilder(run)
    ingest = build.step("ingest", inputs=[source(raw)], outputs={"table": b"table " + raw})
    clean = build.step("clean", inputs=[read(ingest, "table")], outputs={renamed: b"clean " + raw})
    data = build.step(
        "preprocess", inputs=[read(clean, renamed, "table")],
        outputs={"train_set": b"clean train " + raw},
    )  # fmt: skip
    build.step("train", inputs=[read(data, "train_set")], outputs={"model": b"clean model" + raw})
    return build.steps


def test_a_step_that_was_put_in_is_first_if_nothing_behind_it_differs() -> None:
    found, (first,) = compared(tabular("one"), with_cleaning("two"))
    assert [pair.task for pair in found.pairs.values()] == ["train", "preprocess"]
    (split,) = first.splits
    assert split.kind is SplitKind.STEPS_ONE_SIDED
    assert split.in_after
    assert [step.task for step in split.steps] == ["clean"]
    assert routes(first) == ["preprocess > train > model"]


def test_a_step_that_was_taken_out_is_passed_over_to_what_differs_behind_it() -> None:
    found, (first,) = compared(with_cleaning("one"), tabular("two", raw=b"new"))
    assert [pair.task for pair in found.pairs.values()] == ["train", "preprocess", "ingest"]
    assert first.splits[0].kind is SplitKind.ROOT
    out = [split for split in found.splits if split.kind is SplitKind.STEPS_ONE_SIDED]
    assert [(split.in_after, split.first) for split in out] == [(False, False)]
    assert routes(first) == ["ingest > preprocess > train > model"]


def test_a_second_step_of_the_same_component_is_put_in() -> None:
    def steps(run: str, times: int) -> list[Step]:
        build = RunBuilder(run)
        last = build.step("ingest", inputs=[source(b"raw")], outputs={"table": b"0"})
        component = last.component
        for number in range(times):
            task = "clean" if not number else f"clean-{number + 1}"
            last = build.step(
                task, inputs=[read(last, "table")], outputs={"table": b"x" * (number + 1)},
                component=replace(component, name="churn.clean"),
            )  # fmt: skip
        build.step("train", inputs=[read(last, "table")], outputs={"model": b"m%d" % times})
        return build.steps

    found, (first,) = compared(steps("one", 1), steps("two", 2))
    assert [pair.task for pair in found.pairs.values()] == ["train"]
    assert [step.task for step in first.splits[0].steps] == ["clean-2"]


def test_a_root_that_a_step_writes_on_the_other_side() -> None:
    build = RunBuilder("one")
    build.step("train", inputs=[imported(b"data", "table")], outputs={"model": b"1"})
    found, (first,) = compared(build.steps, merged("two", b"1", b"1"))
    assert first.splits[0].kind is SplitKind.ORIGIN
    assert routes(first) == ["train > model"]
    assert len(found.pairs) == 1


def test_an_input_on_one_side_only_and_one_that_was_renamed() -> None:
    def steps(run: str, name: str, *, extra: bool) -> list[Step]:
        build = RunBuilder(run)
        given = [source(b"data", name)] + ([source(b"weights", "weights")] if extra else [])
        build.step("train", inputs=given, outputs={"model": b"m" if extra else b"n"})
        return build.steps

    found, (first,) = compared(
        steps("one", "data", extra=False), steps("two", "training_data", extra=True)
    )
    (split,) = first.splits
    assert (split.kind, split.name, split.in_after) == (
        SplitKind.INPUT_ONE_SIDED, "weights", True,
    )  # fmt: skip
    (pair,) = found.pairs.values()
    assert [inputs.equal for inputs in pair.inputs if inputs.before] == [True]


def sweep(run: str, iterations: int, changed: int = -1) -> list[Step]:
    """A loop whose models one step collects."""
    build = RunBuilder(run)
    trained = [
        build.step(
            f"for-loop-1-iteration-{number}/train", inputs=[source(b"data")],
            outputs={"model": b"%d%d" % (number, number == changed)},
        )
        for number in range(iterations)
    ]  # fmt: skip
    given = [
        replace(read(step, "model", "models"), index=number) for number, step in enumerate(trained)
    ]
    build.step("choose", inputs=given, outputs={"model": b"best %d %d" % (iterations, changed)})
    return build.steps


def test_loops_are_aligned_by_iteration() -> None:
    _, (first,) = compared(sweep("one", 12), sweep("two", 12, changed=10))
    assert routes(first) == ["for-loop-1-iteration-10/train > choose > model"]


def test_an_iteration_more_is_an_input_on_one_side() -> None:
    _, firsts = compared(sweep("one", 3), sweep("two", 4))
    assert [(f.splits[0].kind, f.splits[0].in_after) for f in firsts] == [
        (SplitKind.INPUT_ONE_SIDED, True)
    ]


def test_two_iterations_of_one_loop() -> None:
    steps = sweep("one", 4)[:4]
    subject = SubjectPair("model", subject_of(steps[:1], "model"), subject_of(steps[:4], "model"))
    found = align((History(steps), History(steps)), [subject])
    (first,) = first_divergences(found)
    assert routes(first) == [
        "for-loop-1-iteration-3/train (was for-loop-1-iteration-0/train) > model"
    ]


def test_a_list_in_another_order_has_equal_inputs_that_moved() -> None:
    before, after = sweep("one", 3), sweep("two", 3)
    turned = tuple(replace(given, index=2 - given.index) for given in after[-1].inputs)
    other = replace(after[-1].outputs[0], artifact=replace(after[-1].outputs[0].artifact,
                    digest=after[0].outputs[0].artifact.digest))  # fmt: skip
    after[-1] = replace(after[-1], inputs=turned, outputs=(other,))
    found, (first,) = compared(before, after)
    (pair,) = found.pairs.values()
    assert first.pair is pair
    assert all(inputs.equal for inputs in pair.inputs)
    assert [inputs.moved for inputs in pair.inputs] == [True, False, True]


def test_another_output_of_the_same_step_is_read() -> None:
    def steps(run: str, output: str) -> list[Step]:
        build = RunBuilder(run)
        data = build.step(
            "split", inputs=[source(b"raw")], outputs={"train_set": b"a", "test_set": b"b"}
        )
        build.step("train", inputs=[read(data, output, "data")], outputs={"model": output.encode()})
        return build.steps

    _, (first,) = compared(steps("one", "train_set"), steps("two", "test_set"))
    (split,) = first.splits
    assert split.kind is SplitKind.OTHER_OUTPUT
    assert split.before is not None
    assert split.before.place is not None
    assert split.before.place.output == "train_set"
