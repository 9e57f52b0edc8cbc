"""Ways from where two chains part: long ones, many, and chains that run in circles."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

from kfp_provenance.analysis.diffing.history import History
from kfp_provenance.facts import Step
from support.aligned_chains import compared, routes
from support.chains import RunBuilder, imported, linear_run, read, source


def test_a_cycle_ends_and_is_said() -> None:
    def steps(run: str) -> list[Step]:
        """Two steps of which each reads what the other wrote, as joins by digest can say."""
        build = RunBuilder(run)
        tag = run.encode()
        one = build.step("one", outputs={"a": b"a" + tag})
        two = build.step("two", inputs=[read(one, "a")], outputs={"b": b"b" + tag})
        one = replace(one, inputs=(read(two, "b"),))
        train = build.step("train", inputs=[read(two, "b")], outputs={"model": b"m" + tag})
        return [one, two, train]

    found, (first,) = compared(steps("before"), steps("after"))
    assert len(found.pairs) == 3
    assert first.in_cycle
    assert routes(first) == ["one > two > train > model"]


def test_a_copy_of_bytes_that_are_read_again_ends() -> None:
    def steps(run: str) -> list[Step]:
        build = RunBuilder(run)
        tag = run.encode()
        copy = build.step("copy", inputs=[source(tag)], outputs={"copy": tag})
        again = build.step("again", inputs=[imported(tag)], outputs={"copy": tag})
        assert again.inputs[0].artifact.digest == copy.outputs[0].artifact.digest
        build.step("train", inputs=[read(again, "copy")], outputs={"model": b"m" + tag})
        return build.steps

    _, (first,) = compared(steps("before"), steps("after"))
    assert routes(first) == ["copy > again > train > model"]


def long_chain(run: str, length: int) -> list[Step]:
    steps = list(linear_run(length).reader.steps.values())
    tag = run.encode()
    renamed: list[Step] = []
    for step in steps:
        made = tuple(
            replace(o, artifact=replace(o.artifact, digest=source(tag + o.name.encode()
                    + step.task.encode()).artifact.digest)) for o in step.outputs
        )  # fmt: skip
        given = tuple(
            replace(i, artifact=renamed[-1].outputs[0].artifact, producer=renamed[-1].id)
            if i.producer else i
            for i in step.inputs
        )  # fmt: skip
        renamed.append(replace(step, id=f"{run}/{step.task}", run=run, outputs=made, inputs=given))
    return renamed


def test_a_chain_of_2000_steps_is_fast() -> None:
    before, after = long_chain("one", 2000), long_chain("two", 2000)
    start = time.monotonic()
    found, (first,) = compared(before, after, "out")
    assert time.monotonic() - start < 5
    assert len(found.pairs) == 2000
    assert first.pair is not None
    assert first.pair.task == "step0"
    (way,) = first.routes.tasks
    assert len(way) == 2001


def diamonds(run: str, levels: int) -> list[Step]:
    build = RunBuilder(run)
    tag = run.encode()
    last = build.step("top", outputs={"x": b"0" + tag})
    for level in range(levels):
        sides = [
            build.step(f"{side}{level}", inputs=[read(last, "x")],
                       outputs={"x": f"{side}{level}".encode() + tag})
            for side in "lr"
        ]  # fmt: skip
        last = build.step(
            f"join{level}", inputs=[read(side, "x", side.task[0]) for side in sides],
            outputs={"x": b"j%d" % level + tag},
        )  # fmt: skip
    return build.steps


def test_ways_are_limited_and_counted() -> None:
    _, (few,) = compared(diamonds("one", 3), diamonds("two", 3), "x")
    assert len(few.routes.tasks) == 8
    assert len(set(few.routes.tasks)) == 8
    assert few.routes.more == 0
    _, (many,) = compared(diamonds("one", 100), diamonds("two", 100), "x")
    assert len(many.routes.tasks) == 20
    assert many.routes.more > 100_000


def test_later_steps_with_equal_bytes_were_not_the_origin() -> None:
    build = RunBuilder("one")
    reader = build.step("train", inputs=[imported(b"data", "data")], outputs={"model": b"m"})
    late = build.step("late", outputs={"x": b"data"})
    assert late.finished > reader.finished + timedelta(seconds=1)
    (given,) = History(build.steps).inputs(reader)
    assert given.place is None
