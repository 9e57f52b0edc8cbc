"""Conditions, loops, exit handlers, retries and nesting, with the local runner of kfp 2.17."""

# no `from __future__ import annotations`: KFP reads the annotations
from pathlib import Path
from typing import List, Optional  # noqa: UP035 - the spelling that KFP reads

import pytest
from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output

import kfp_provenance
from kfp_provenance.facts import InputOrigin, Outcome
from support.repositories import commit, git_repository
from support.tracking import (
    LocalRuns,
    parameters_of,
    results_of,
    step_of,
    tracked,
)


@tracked
def flip(side: str) -> str:
    return side


@tracked
def write(text: str, data: Output[Dataset]):
    from pathlib import Path

    Path(data.path).write_text(text)


@tracked
def read(data: Input[Dataset]) -> str:
    from pathlib import Path

    return Path(data.path).read_text()


# --- conditions


@dsl.pipeline(name="conditions")
def conditions(side: str):
    flipped = flip(side=side)
    with dsl.If(flipped.output == "heads"):
        read(data=write(text="heads").outputs["data"])
    with dsl.Elif(flipped.output == "tails"):
        read(data=write(text="tails").outputs["data"])
    with dsl.Else():
        read(data=write(text="edge").outputs["data"])


@pytest.mark.parametrize("side", ["heads", "tails", "edge"])
def test_only_the_branch_that_ran_is_recorded(runs: LocalRuns, side: str) -> None:
    run = runs.run(conditions, side=side)
    assert len(run.steps) == 3
    (last,) = (step for step in run.steps if step.component.name.endswith(".read"))
    assert results_of(last) == {"Output": side}
    (given,) = last.inputs
    (producer,) = (step for step in run.steps if step.id == given.producer)
    assert producer.component.name.endswith(".write")
    assert given.origin is InputOrigin.STEP


# --- loops


@tracked
def double(number: int, data: Output[Dataset], metrics: Output[Metrics]) -> int:
    from pathlib import Path

    Path(data.path).write_text(str(2 * number))
    metrics.log_metric("number", number)
    return 2 * number


@tracked
def add_up(
    tables: Input[List[Dataset]],
    metrics: Input[List[Metrics]],
    numbers: List[int],
) -> int:
    from pathlib import Path

    total = sum(int(Path(table.path).read_text()) for table in tables)
    assert total == sum(numbers) == 2 * sum(m.metadata["number"] for m in metrics)
    return total


@dsl.pipeline(name="loops")
def loops():
    with dsl.ParallelFor([1, 2, 3, 4]) as number:
        doubled = double(number=number)
    add_up(
        tables=dsl.Collected(doubled.outputs["data"]),
        metrics=dsl.Collected(doubled.outputs["metrics"]),
        numbers=dsl.Collected(doubled.outputs["Output"]),
    )


def test_parallel_tasks_lose_nothing_and_are_collected(runs: LocalRuns) -> None:
    run = runs.run(loops)
    iterations = [step for step in run.steps if step.component.name.endswith(".double")]
    assert sorted(parameters_of(step)["number"] for step in iterations) == [1, 2, 3, 4]
    assert len({step.task for step in iterations}) == 4
    assert all("iteration" in step.task for step in iterations)
    assert {step.attempt for step in iterations} == {1}
    (last,) = (step for step in run.steps if step.component.name.endswith(".add_up"))
    assert results_of(last) == {"Output": 20}
    for name, output in (("tables", "data"), ("metrics", "metrics")):
        given = [item for item in last.inputs if item.name == name]
        assert [item.index for item in given] == [0, 1, 2, 3]
        assert {item.producer for item in given} == {step.id for step in iterations}
        assert {item.output for item in given} == {output}
        for item in given:
            (producer,) = (step for step in iterations if step.id == item.producer)
            (made,) = (o for o in producer.outputs if o.name == output)
            assert item.artifact == made.artifact


@tracked
def spoil_second(tables: Input[List[Dataset]], marker: str):
    from pathlib import Path

    Path(marker).touch()


@dsl.component(install_kfp_package=False, base_image="python:3.11")
def overwrite(tables: Input[List[Dataset]]):
    from pathlib import Path

    Path(tables[1].path).write_text("other")


@dsl.pipeline(name="spoiled-loop")
def spoiled_loop(marker: str):
    with dsl.ParallelFor([1, 2]) as number:
        doubled = double(number=number)
    changed = overwrite(tables=dsl.Collected(doubled.outputs["data"]))
    last = spoil_second(tables=dsl.Collected(doubled.outputs["data"]), marker=marker)
    last.after(changed)


def test_one_changed_artifact_of_a_list_is_enough(runs: LocalRuns, tmp_path: Path) -> None:
    marker = tmp_path / "user code ran"
    run = runs.fail(spoiled_loop, marker=str(marker))
    assert not marker.exists()
    step = step_of(run, "spoil-second")
    assert step.failure is not None
    assert step.failure.message.startswith("INPUT_DIGEST_MISMATCH")


# --- exit handlers


@tracked
def clean_up(status: dsl.PipelineTaskFinalStatus, note: str) -> str:
    return f"{note}: {status.state}"


@tracked
def may_fail(fail: bool):
    if fail:
        raise RuntimeError("as asked")


@dsl.pipeline(name="guarded")
def guarded(fail: bool):
    with dsl.ExitHandler(clean_up(note="end")):
        may_fail(fail=fail)


@pytest.mark.parametrize(("fail", "state"), [(False, "SUCCEEDED"), (True, "FAILED")])
def test_exit_handler_with_its_status(runs: LocalRuns, fail: bool, state: str) -> None:
    run = runs.fail(guarded, fail=True) if fail else runs.run(guarded, fail=False)
    outcomes = {step.component.name.rpartition(".")[2]: step.outcome for step in run.steps}
    expected = Outcome.FAILED if fail else Outcome.SUCCEEDED
    assert outcomes == {"may_fail": expected, "clean_up": Outcome.SUCCEEDED}
    (handler,) = (step for step in run.steps if step.component.name.endswith(".clean_up"))
    assert results_of(handler) == {"Output": f"end: {state}"}
    assert parameters_of(handler)["status"]["state"] == state


# --- retries


@tracked
def succeed_at_the_second_try(counter: str, data: Output[Dataset]):
    from pathlib import Path

    tries = Path(counter)
    with tries.open("a") as stream:
        stream.write("x")
    if tries.stat().st_size < 2:
        raise ConnectionError("not yet")
    Path(data.path).write_text("done")


@dsl.pipeline(name="retried")
def retried(counter: str):
    read(data=succeed_at_the_second_try(counter=counter).set_retry(2).outputs["data"])


def test_every_attempt_is_a_step(runs: LocalRuns, tmp_path: Path) -> None:
    run = runs.run(retried, counter=str(tmp_path / "tries"))
    tries = [step for step in run.steps if step.component.name.endswith("second_try")]
    assert [(step.attempt, step.outcome) for step in tries] == [
        (1, Outcome.FAILED),
        (2, Outcome.SUCCEEDED),
    ]
    assert len({step.task for step in tries}) == 1
    (given,) = step_of(run, "read").inputs
    assert given.producer == tries[1].id


# --- optional inputs, importers, nesting


@tracked
def optional(
    data: Input[Dataset],
    extra: Optional[Input[Artifact]] = None,  # noqa: UP045
    old: Input[Artifact] = None,
    text: Optional[str] = None,  # noqa: UP045
) -> str:
    return repr((extra, old, text))


@dsl.pipeline(name="inner")
def inner(text: str) -> Dataset:
    return write(text=text).outputs["data"]


@dsl.pipeline(name="outer")
def outer(uri: str):
    optional(data=inner(text="n").output)
    outside = dsl.importer(artifact_uri=uri, artifact_class=Dataset)
    read(data=outside.output)


def test_absent_inputs_importer_and_nested_pipeline(runs: LocalRuns, tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text("raw")
    run = runs.run(outer, uri=str(raw))
    assert run.pipeline == "outer"
    used = step_of(run, "optional")
    assert results_of(used) == {"Output": "(None, None, None)"}
    (given,) = used.inputs
    (producer,) = (step for step in run.steps if step.id == given.producer)
    assert producer.component.name.endswith(".write")
    (imported,) = step_of(run, "read").inputs
    assert (imported.origin, imported.artifact.uri) == (InputOrigin.IMPORTED, str(raw))


# --- what compiling ties to the tasks


def test_pipeline_digest_and_code_reach_the_tasks(
    runs: LocalRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kfp import components

    compiled = kfp_provenance.compile_pipeline(retried, tmp_path / "pipeline.yaml")
    loaded = components.load_component_from_file(str(compiled.path))
    run = runs.run(loaded, counter=str(tmp_path / "tries"))
    assert {step.pipeline_digest for step in run.steps} == {str(compiled.digest)}


def test_code_of_the_author_reaches_the_tasks(runs: LocalRuns, tmp_path: Path) -> None:
    repository = git_repository(tmp_path / "repository")
    file = repository / "steps.py"
    file.write_text("def hello(name: str) -> str:\n    return name\n")
    head = commit(repository)
    module: dict[str, object] = {"__name__": "steps"}
    exec(compile(file.read_text(), str(file), "exec"), module)  # noqa: S102 - the file above
    hello = tracked(module["hello"])

    @dsl.pipeline(name="one")
    def one():
        hello(name="a")

    (step,) = runs.run(one).steps
    assert step.code is not None
    assert (step.code.commit, step.code.dirty) == (head, False)
