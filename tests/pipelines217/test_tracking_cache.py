"""Steps taken from the cache of the local runner of kfp 2.17."""

# no `from __future__ import annotations`: KFP reads the annotations
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl, local
from kfp.dsl import Dataset, Input, Output

from support.tracking import LocalRuns, inputs_of, refused, step_of, tracked


class CachedRuns(LocalRuns):
    """Local runs with KFP's cache, which looks at names and not at bytes."""

    def start(self, pipeline: Callable[..., Any], arguments: dict[str, object]) -> None:
        local.init(
            local.SubprocessRunner(use_venv=False),
            pipeline_root=str(self.root),
            enable_caching=True,
            cache_root=str(self.root.parent / "cache"),
        )
        pipeline(**arguments)


@pytest.fixture(name="runs")
def cached_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CachedRuns:
    runs = CachedRuns(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KPROV_STORE", runs.store)
    return runs


@tracked
def make(data: Output[Dataset], folder: Output[Dataset]):
    # no Metrics: the local cache takes an output without a file for a lost one
    from pathlib import Path

    Path(data.path).write_text("data")
    data.metadata["rows"] = 12
    data.metadata["list"] = [1, True, 0.1234567891]
    Path(folder.path).mkdir()
    (Path(folder.path) / "part").write_text("part")


@tracked
def train(data: Input[Dataset], folder: Input[Dataset], ran: str, seed: int):
    from pathlib import Path

    with Path(ran).open("a") as stream:
        stream.write("x")


@dsl.pipeline(name="cached")
def cached(ran: str, seed: int):
    made = make()
    trained = train(data=made.outputs["data"], folder=made.outputs["folder"], ran=ran, seed=seed)
    trained.set_caching_options(enable_caching=False)


def test_cached_step_is_linked_to_the_run_that_did_the_work(
    runs: CachedRuns, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    first = runs.run(cached, ran=str(ran), seed=1)
    second = runs.run(cached, ran=str(ran), seed=2)
    made = step_of(first, "make")
    (trained,) = second.steps  # what came from the cache did not run again
    assert trained.run == second.id != first.id
    for name, given in inputs_of(trained).items():
        (output,) = (o for o in made.outputs if o.name == name)
        assert (given.producer, given.output, given.artifact) == (made.id, name, output.artifact)
    assert ran.read_text() == "xx"


def test_overwritten_bytes_of_a_cached_step_are_refused(runs: CachedRuns, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    first = runs.run(cached, ran=str(ran), seed=1)
    (stored,) = (o for o in step_of(first, "make").outputs if o.name == "data")
    Path(stored.artifact.uri).write_text("d4ta")
    second = runs.fail(cached, ran=str(ran), seed=2)
    refused(second, "train", "INPUT_DIGEST_MISMATCH")
    assert ran.read_text() == "x"
    # the right bytes are taken again
    Path(stored.artifact.uri).write_text("data")
    runs.run(cached, ran=str(ran), seed=3)
    assert ran.read_text() == "xx"
