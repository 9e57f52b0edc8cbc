"""Compiled pipelines as the launcher of KFP 2.17 runs them: see support/launcher.py."""

# no `from __future__ import annotations`: KFP reads the annotations
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl
from kfp.dsl import ClassificationMetrics, Dataset, Input, Metrics, Model, Output

from kfp_provenance import compile_pipeline
from kfp_provenance.facts import ArtifactKind, InputOrigin, Outcome, Run
from kfp_provenance.metadata import open_reader
from support.launcher import Backend, ClusterRun, backend
from support.tracking import everything_in, inputs_of, outputs_of, plain, step_of, tracked


@tracked
def make(
    n: int,
    table: Output[Dataset],
    folder: Output[Model],
    metrics: Output[Metrics],
    roc: Output[ClassificationMetrics],
    unwritten: Output[Dataset],
    lines: dsl.OutputPath(int),
    flag: bool = True,
    share: float = 0.5,
    options: dict = {"deep": [1, 2.5, "x"]},  # noqa: B006 - KFP's notation
) -> str:
    from pathlib import Path

    print("a line in the logs", flush=True)
    Path(table.path).write_text("x" * n)
    table.metadata["rows"] = n
    table.metadata["tested"] = flag
    table.metadata["columns"] = ["a", "b"]
    table.metadata["schema"] = {"a": {"type": "int", "share": 0.1234567891}}
    Path(folder.path).mkdir(parents=True)
    (Path(folder.path) / "weights").write_text("w")
    metrics.log_metric("accuracy", 0.123456789123)
    metrics.log_metric("tiny", 3e-7)
    metrics.log_metric("count", 336776)
    metrics.metadata["good"] = True
    roc.log_roc_curve([0.0, 0.1234567891], [0.0, 1.0], [0.9, 0.1])
    roc.log_confusion_matrix(["no", "yes"], [[1, 2], [3, 4]])
    Path(lines).write_text("3")
    return "made"


@tracked
def use(
    table: Input[Dataset],
    folder: Input[Model],
    metrics: Input[Metrics],
    roc: Input[ClassificationMetrics],
    unwritten: Input[Dataset],
    lines: int,
    text: str,
    seed: int,
    ran: str,
    copy: Output[Dataset],
):
    from pathlib import Path

    with Path(ran).open("a") as stream:
        stream.write("x")
    Path(copy.path).write_text(Path(table.path).read_text() + text)


@dsl.pipeline(name="replay")
def replay(ran: str, seed: int = 1):
    made = make(n=3)
    names = ("table", "folder", "metrics", "roc", "unwritten", "lines")
    use(
        **{name: made.outputs[name] for name in names},
        text=made.outputs["Output"],
        seed=seed,
        ran=ran,
    )


class Cluster:
    """A backend with a store, and the compiled pipeline."""

    def __init__(self, folder: Path, one: Backend, pipeline: Any) -> None:
        self.database = folder / "metadata.db"
        self.ran = folder / "ran"
        self.backend = one
        self.file = folder / "pipeline.yaml"
        self.compiled = compile_pipeline(pipeline, self.file)

    def submit(self, seed: int = 1) -> ClusterRun:
        return self.backend.submit(self.file, {"ran": str(self.ran), "seed": seed})

    def recorded(self, run: ClusterRun) -> Run:
        with closing(open_reader(f"sqlite:{self.database}")) as reader:
            return reader.run(run.id)


@tracked
def stop_the_group(data: Output[Dataset]):
    import os
    import signal

    os.killpg(0, signal.SIGTERM)  # as when a pod is deleted: the shell and its children
    signal.pause()


@dsl.pipeline(name="stopped")
def stopped(ran: str = "", seed: int = 0):
    stop_the_group()


@tracked
def leave_no_store(ran: str):
    from pathlib import Path

    Path(ran).touch()


@dsl.pipeline(name="storeless")
def storeless(ran: str, seed: int = 0):
    leave_no_store(ran=ran)


@plain
def untracked(table: Input[Dataset], other: Output[Dataset]):
    from pathlib import Path

    Path(other.path).write_text(Path(table.path).read_text())
    other.metadata.update(table.metadata)


@tracked
def last(table: Input[Dataset]):
    pass


@dsl.pipeline(name="gap")
def gap(ran: str = "", seed: int = 0):
    made = make(n=4)
    last(table=untracked(table=made.outputs["table"]).outputs["other"])


class ReplayContract:
    """What holds in a cluster with every supported KFP SDK."""

    @pytest.fixture(name="cluster", params=[False, True], ids=["task-root", "legacy-output-file"])
    def cluster_of_a_team(
        self, tmp_path: Path, request: pytest.FixtureRequest
    ) -> Iterator[Cluster]:
        environ = {"KPROV_STORE": f"sqlite:{tmp_path}/metadata.db", "POD_NAMESPACE": "team-a"}
        with backend(tmp_path, environ, legacy_output_file=request.param) as one:
            yield Cluster(tmp_path, one, replay)

    def test_run_is_recorded_and_linked(self, cluster: Cluster) -> None:
        run = cluster.submit()
        assert run.states == {"make": "COMPLETE", "use": "COMPLETE"}, run.logs
        recorded = cluster.recorded(run)
        made, used = step_of(recorded, "make"), step_of(recorded, "use")
        assert (recorded.id, recorded.pipeline, recorded.namespace) == (run.id, "replay", "team-a")
        assert {step.attempt for step in recorded.steps} == {1}
        assert {step.pipeline_digest for step in recorded.steps} == {str(cluster.compiled.digest)}
        outputs = outputs_of(made)
        # neither the logs nor what was not written
        assert outputs.keys() == {"table", "folder", "metrics", "roc"}
        assert outputs["table"].artifact.uri.startswith(
            f"{cluster.backend.root}/replay/{run.id}/make/"
        )
        assert outputs["metrics"].artifact.kind is ArtifactKind.VALUES
        # the consumer names the very same artifacts, types and metadata included
        for name, given in inputs_of(used).items():
            assert given.artifact == outputs[name].artifact
            assert (given.origin, given.producer, given.output) == (InputOrigin.STEP, made.id, name)
        assert inputs_of(used).keys() == outputs.keys()
        assert {item.name: item.value for item in used.parameters}["lines"] in ("3", '"3"')
        assert {item.name: item.value for item in made.results} == {
            "Output": '"made"', "lines": '"3"',
        }  # fmt: skip

    def test_what_the_backend_adds_is_never_recorded(self, cluster: Cluster) -> None:
        run = cluster.submit()
        received = json.dumps(run.inputs["use"])
        text = everything_in(cluster.database)
        for added in ("store_session_info", "minio-service", "mlpipeline-minio-artifact"):
            assert added in received
            assert added not in text
        assert "executor-logs" not in text
        assert "display_name" not in text
        assert "a line in the logs" in run.logs["make"]

    def test_cached_step_is_linked_to_the_run_that_did_the_work(self, cluster: Cluster) -> None:
        first, second = cluster.submit(seed=1), cluster.submit(seed=2)
        assert second.states == {"make": "CACHED", "use": "COMPLETE"}
        made = step_of(cluster.recorded(first), "make")
        (used,) = cluster.recorded(second).steps
        assert {given.producer for given in used.inputs} == {made.id}
        third = cluster.submit(seed=2)
        assert third.states == {"make": "CACHED", "use": "CACHED"}

    @pytest.mark.parametrize("output", ["table", "folder"])
    def test_overwritten_objects_are_refused(self, cluster: Cluster, output: str) -> None:
        first = cluster.submit(seed=1)
        stored = cluster.backend.object_of(first, "make", output)
        (stored / "weights" if stored.is_dir() else stored).write_text("y" * 3)
        second = cluster.submit(seed=2)
        assert second.states == {"make": "CACHED", "use": "FAILED"}  # KFP itself noticed nothing
        assert "INPUT_DIGEST_MISMATCH" in second.logs["use"]
        assert cluster.ran.read_text() == "x"
        (used,) = cluster.recorded(second).steps
        assert used.outcome is Outcome.FAILED
        assert used.failure is not None
        assert used.failure.message.startswith("INPUT_DIGEST_MISMATCH")

    def test_lost_objects_are_refused(self, cluster: Cluster) -> None:
        first = cluster.submit(seed=1)
        cluster.backend.object_of(first, "make", "table").unlink()
        second = cluster.submit(seed=2)
        assert "INPUT_MISSING" in second.logs["use"]
        assert cluster.ran.read_text() == "x"

    def test_deleted_pod_is_recorded_as_failed(self, tmp_path: Path) -> None:
        with backend(tmp_path, {"KPROV_STORE": f"sqlite:{tmp_path}/metadata.db"}) as one:
            cluster = Cluster(tmp_path, one, stopped)
            run = cluster.submit()
            assert run.states == {"stop-the-group": "FAILED"}
            (step,) = cluster.recorded(run).steps
            assert step.outcome is Outcome.FAILED
            assert step.failure is not None
            assert step.failure.type == "SystemExit"

    @pytest.mark.parametrize("store", ["", "sqlite:.kprov/metadata.db"])
    def test_pod_without_a_shared_store_fails_and_writes_no_file(
        self, tmp_path: Path, store: str
    ) -> None:
        with backend(tmp_path, {"KPROV_STORE": store}) as one:
            cluster = Cluster(tmp_path, one, storeless)
            run = cluster.submit()
            assert run.states == {"leave-no-store": "FAILED"}
            assert "STORE_UNSET" in run.logs["leave-no-store"]
            assert not cluster.ran.exists()
            assert not list((Path("/tmp") / Path(one.root).parts[1]).rglob("*.db"))  # noqa: S108

    def test_equal_bytes_handed_on_by_an_untracked_task(self, tmp_path: Path) -> None:
        with backend(tmp_path, {"KPROV_STORE": f"sqlite:{tmp_path}/metadata.db"}) as one:
            cluster = Cluster(tmp_path, one, gap)
            recorded = cluster.recorded(cluster.submit())
            (given,) = step_of(recorded, "last").inputs
            # content is identity: the bytes are those of `make`, and the place is the copy's
            assert given.producer == step_of(recorded, "make").id
            assert "/untracked/" in given.artifact.uri
