"""What a tracked task read and wrote: every kind of artifact that a component can have."""

# no `from __future__ import annotations`: KFP reads the annotations
import hashlib
from pathlib import Path
from typing import NamedTuple

from kfp import dsl
from kfp.dsl import HTML, Artifact, ClassificationMetrics, Dataset, Input, Metrics, Model, Output

from kfp_provenance.facts import ArtifactKind, InputOrigin, Outcome
from kfp_provenance.hashing import hash_path
from support.tracking import (
    LocalRuns,
    inputs_of,
    outputs_of,
    plain,
    results_of,
    step_of,
    tracked,
)


@tracked
def produce(
    table: Output[Dataset],
    model: Output[Model],
    metrics: Output[Metrics],
    roc: Output[ClassificationMetrics],
    page: Output[HTML],
    unwritten: Output[Artifact],
):
    from pathlib import Path

    Path(table.path).write_bytes(b"a,b\n1,2\n")
    table.metadata["rows"] = 1
    folder = Path(model.path)
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "weights.bin").write_bytes(bytes(range(256)))
    (folder / "empty").write_bytes(b"")
    metrics.log_metric("accuracy", 0.875)
    metrics.log_metric("rows", 3)
    roc.log_roc_curve([0.0, 0.1234567891], [0.0, 1.0], [0.9, 0.1])
    roc.log_confusion_matrix(["no", "yes"], [[1, 2], [3, 4]])
    Path(page.path).write_text("<p>fine</p>")


@tracked
def consume(
    table: Input[Dataset],
    model: Input[Model],
    metrics: Input[Metrics],
    roc: Input[ClassificationMetrics],
    page: Input[HTML],
    unwritten: Input[Artifact],
) -> str:
    from pathlib import Path

    assert Path(table.path).read_bytes() == b"a,b\n1,2\n"
    return f"{metrics.metadata['accuracy']} {int(table.metadata['rows'])}"


@dsl.pipeline(name="all-kinds")
def all_kinds():
    made = produce()
    consume(**{name: made.outputs[name] for name in
               ("table", "model", "metrics", "roc", "page", "unwritten")})  # fmt: skip


def test_every_kind_of_artifact(runs: LocalRuns) -> None:
    folder = runs.folder_of(all_kinds)
    run = runs.read(folder.name)
    made, used = step_of(run, "produce"), step_of(run, "consume")
    outputs = outputs_of(made)
    assert {name: output.artifact.kind for name, output in outputs.items()} == {
        "table": ArtifactKind.FILE,
        "page": ArtifactKind.FILE,
        "model": ArtifactKind.DIRECTORY,
        "metrics": ArtifactKind.VALUES,
        "roc": ArtifactKind.VALUES,
    }  # what was not written is no artifact
    assert outputs["table"].artifact.digest.hex == hashlib.sha256(b"a,b\n1,2\n").hexdigest()
    weights, empty = hashlib.sha256(bytes(range(256))), hashlib.sha256(b"")
    listing = f"{weights.hexdigest()}  deep/weights.bin\n{empty.hexdigest()}  empty\n"
    assert outputs["model"].artifact.digest.hex == hashlib.sha256(listing.encode()).hexdigest()
    assert (outputs["model"].artifact.size, outputs["model"].artifact.type) == (256, "system.Model")
    assert outputs["metrics"].artifact.metadata == '{"accuracy":0.875,"rows":3}'
    assert outputs["table"].artifact.metadata == '{"rows":1}'
    assert outputs["page"].artifact.uri == str(folder / "produce" / "page")
    # the consumer hashed the same, and says where it is from
    assert results_of(used) == {"Output": "0.875 1"}
    inputs = inputs_of(used)
    assert inputs.keys() == outputs.keys()
    for name, given in inputs.items():
        assert given.artifact == outputs[name].artifact
        origin = (given.origin, given.producer, given.output)
        assert origin == (InputOrigin.STEP, made.id, name)


def test_store_has_one_row_for_an_artifact_of_two_steps(runs: LocalRuns) -> None:
    runs.run(all_kinds)
    assert runs.sql("SELECT COUNT(*) FROM Artifact") == [[5]]
    assert runs.sql("SELECT COUNT(*) FROM Event") == [[10]]


# --- imported, untracked


@plain
def nobody_tracks(data: Output[Dataset]):
    from pathlib import Path

    Path(data.path).write_text("untracked")


@tracked
def read_two(one: Input[Dataset], two: Input[Dataset]):
    print(open(one.path).read(), open(two.path).read())  # noqa: PTH123, SIM115 - a user's code


@dsl.pipeline(name="imports")
def imports(uri: str):
    outside = dsl.importer(artifact_uri=uri, artifact_class=Dataset, metadata={"from": "hand"})
    read_two(one=outside.output, two=nobody_tracks().outputs["data"])


def test_importer_and_untracked_producer_have_no_announcement(
    runs: LocalRuns, tmp_path: Path
) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_bytes(b"raw")
    run = runs.run(imports, uri=str(raw))
    (step,) = run.steps
    inputs = inputs_of(step)
    assert {given.origin for given in inputs.values()} == {InputOrigin.IMPORTED}
    assert not any(given.producer for given in inputs.values())
    assert inputs["one"].artifact.digest.hex == hashlib.sha256(b"raw").hexdigest()
    assert inputs["one"].artifact.uri == str(raw)
    assert inputs["one"].artifact.metadata == '{"from":"hand"}'


def test_importer_of_a_file_uri(runs: LocalRuns, tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_bytes(b"raw")
    # KFP takes such a URI for a path, so the function cannot read it: it fails as in plain KFP
    run = runs.fail(imports, uri=f"file://{tmp_path}/raw.csv")
    (step,) = run.steps
    assert step.failure is not None
    assert step.failure.type == "FileNotFoundError"
    assert inputs_of(step)["one"].artifact.digest.hex == hashlib.sha256(b"raw").hexdigest()


# --- returned artifacts, paths, nothing at all


@tracked
def return_text() -> Dataset:
    return "written by KFP"


@tracked
def return_artifact(where: str) -> Artifact:
    from pathlib import Path

    Path(where).write_text("elsewhere")
    return dsl.Artifact(name="own", uri=where, metadata={"k": "v"})


@tracked
def paths(
    given: dsl.InputPath("Dataset"),
    other: Input[Artifact],
    copy: dsl.OutputPath("Dataset"),
    lines: dsl.OutputPath(int),
) -> NamedTuple("Result", [("size", int), ("note", Artifact)]):
    from pathlib import Path

    text = Path(given).read_text() + Path(other.path).read_text()
    Path(copy).write_text(text)
    Path(lines).write_text("7")
    return len(text), "a note"


@dsl.pipeline(name="returned")
def returned(where: str):
    paths(given=return_text().output, other=return_artifact(where=where).output)


def test_returned_artifacts_and_paths(runs: LocalRuns, tmp_path: Path) -> None:
    where = tmp_path / "own place.txt"
    run = runs.run(returned, where=str(where))
    text, own, last = (step_of(run, n) for n in ("return-text", "return-artifact", "paths"))
    assert outputs_of(text)["Output"].artifact.digest.hex == _sha(b"written by KFP")
    artifact = outputs_of(own)["Output"].artifact
    assert (artifact.uri, artifact.digest.hex) == (str(where), _sha(b"elsewhere"))
    assert artifact.metadata == '{"k":"v"}'
    assert inputs_of(last)["other"].producer == own.id
    assert inputs_of(last)["given"].producer == text.id
    outputs = outputs_of(last)
    assert outputs["copy"].artifact.digest.hex == _sha(b"written by KFPelsewhere")
    assert outputs["note"].artifact.digest.hex == _sha(b"a note")
    assert results_of(last) == {"size": 23, "lines": "7"}


@tracked
def nothing():
    pass


def test_component_without_any_interface_run_alone(runs: LocalRuns) -> None:
    run = runs.run(nothing)
    (step,) = run.steps
    assert (step.inputs, step.outputs, step.parameters, step.results) == ((), (), (), ())
    assert step.outcome is Outcome.SUCCEEDED
    assert step.component.name.endswith(".nothing")
    assert step.attempt == 1


# --- nested pipelines


@tracked
def start(n: int, data: Output[Dataset]):
    from pathlib import Path

    Path(data.path).write_text(str(n))


@tracked
def add(data: Input[Dataset], more: Output[Dataset], by: int = 10):
    from pathlib import Path

    Path(more.path).write_text(str(int(Path(data.path).read_text()) + by))


@dsl.pipeline(name="inner")
def inner(n: int) -> Dataset:
    first = start(n=n)
    return add(data=first.outputs["data"]).outputs["more"]


@dsl.pipeline(name="outer")
def outer(n: int = 1):
    add(data=inner(n=n).output, by=0)


def test_nested_pipelines(runs: LocalRuns) -> None:
    run = runs.run(outer)
    assert run.pipeline == "outer"
    steps = {step.id: step for step in run.steps}
    assert len(steps) == 3
    last = max(run.steps, key=lambda step: step.finished)
    (given,) = last.inputs
    middle = steps[given.producer]
    (before,) = middle.inputs
    assert steps[before.producer].component.name.endswith(".start")
    assert last.outputs[0].artifact.digest.hex == _sha(b"11")


# --- refused as artifacts


@tracked
def write_link(data: Output[Dataset]):
    import os

    os.symlink("/etc/hostname", data.path)


@tracked
def write_empty_folder(data: Output[Dataset]):
    import os

    os.mkdir(data.path)  # noqa: PTH102


def test_outputs_that_are_no_artifacts_fail_the_step(runs: LocalRuns) -> None:
    for component, code in (
        (write_link, "ARTIFACT_SYMLINK"),
        (write_empty_folder, "ARTIFACT_EMPTY_DIRECTORY"),
    ):
        (step,) = runs.fail(component).steps
        assert step.outputs == ()
        assert step.failure is not None
        assert step.failure.message.startswith(code)


def test_recorded_digest_is_that_of_the_command_line(runs: LocalRuns) -> None:
    folder = runs.folder_of(all_kinds)
    for output in step_of(runs.read(folder.name), "produce").outputs:
        if output.artifact.kind is not ArtifactKind.VALUES:
            assert hash_path(Path(output.artifact.uri)).digest == output.artifact.digest


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
