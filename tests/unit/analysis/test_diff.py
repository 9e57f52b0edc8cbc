"""``diff`` over a real store and real tables: which cause comes first, and what is only said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kfp_provenance.analysis.diff import find_either
from kfp_provenance.analysis.diffing.likelihood import FIXED
from kfp_provenance.analysis.diffing.model import Cause, CauseKind
from kfp_provenance.codes import Code
from kfp_provenance.data.profile import profile_table
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.facts import (
    ArtifactKind,
    Outcome,
    Parameter,
    StepFailure,
)
from kfp_provenance.metadata import open_index
from support.chains import METRICS, START, RunBuilder, artifact, read, source
from support.compared_runs import NEWER, ROWS, Store, record_run, table


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def kinds(causes: Sequence[Cause]) -> list[CauseKind]:
    return [cause.kind for cause in causes]


def test_equal_models_are_equal_whoever_made_them(store: Store) -> None:
    record_run(store, "run-one")
    record_run(store, "run-two", changes={"train": {"parameters": (Parameter("rate", "0.9"),)}})
    found = store.diff("run-one", "run-two")
    assert found.equal
    assert found.causes == ()
    assert found.notes == ("train wrote equal bytes although its parameter rate differs",)


def test_label_noise_is_likelier_than_all_else_that_changed(store: Store) -> None:
    clean, noisy = table(), table()
    noisy.loc[:99, "label"] = 1 - noisy.loc[:99, "label"]
    record_run(store, "run-one", store.file("old/raw.csv", clean))
    after = {"environment": NEWER.digest, "parameters": (Parameter("rate", "0.9"),)}
    record_run(store, "run-two", store.file("new/raw.csv", noisy), changes={"train": after})
    found = store.diff("run-one/train/model", "run-two/train/model")
    assert kinds(found.causes) == [
        CauseKind.LABEL, CauseKind.PARAMETER, CauseKind.ML_PACKAGE, CauseKind.SEED,
    ]  # fmt: skip
    label = found.causes[0]
    assert (label.tasks, label.name, label.column) == (("ingest",), "source", "label")
    assert dict(label.evidence)["flipped"] == 100
    assert dict(label.evidence)["exact"] is False
    assert {"psi", "chi_square", "p_value"} <= dict(label.evidence).keys()
    scores = [cause.score for cause in found.causes]
    assert scores == sorted(scores, reverse=True)
    assert "below another divergence" in found.causes[1].why
    (data,) = [each for each in found.data if each.source]
    assert data.tables is not None
    assert data.tables.rows.before == ROWS


def test_a_key_makes_flips_exact_and_names_changed_cells(store: Store) -> None:
    before, after = table(), table()
    after.loc[:9, "label"] = 1 - after.loc[:9, "label"]
    after["age"] = after["age"].round(1)
    key = json.dumps({"key": '["id"]'})
    record_run(store, "run-one", store.file("old/raw.csv", before, metadata=key))
    record_run(store, "run-two", store.file("new/raw.csv", after, metadata=key))
    label, cells = store.diff("run-one", "run-two").causes
    assert dict(label.evidence)["exact"] is True
    assert dict(label.evidence)["flipped"] == 10
    assert (cells.kind, cells.column) == (CauseKind.CELLS, "age")
    # without the key every row is another one, and no label can be compared
    found = store.diff("run-one", "run-two", key=("age",))
    assert any("key" in note for note in found.notes)


def test_bytes_that_are_gone_or_changed_are_said(store: Store) -> None:
    one, two = store.file("old.csv", table()), store.file("new.csv", table()[:-1])
    record_run(store, "run-one", one)
    record_run(store, "run-two", two)
    (rows,) = store.diff("run-one", "run-two").causes
    assert (rows.kind, dict(rows.evidence)["removed"]) == (CauseKind.ROWS, 1)
    Path(two.uri).write_bytes(b"id,age\n1,2\n")
    found = store.diff("run-one", "run-two")
    assert kinds(found.causes) == [CauseKind.BYTES]
    assert "the bytes after cannot be read: other bytes are there now" in found.notes[0]
    Path(one.uri).unlink()
    assert "the bytes before cannot be read" in store.diff("run-one", "run-two").notes[0]


def test_profiles_stand_for_tables_that_cannot_be_read(store: Store) -> None:
    before, after = table(), table()
    after["age"] += 20
    raw = [store.file(f"{n}.csv", frame) for n, frame in enumerate((before, after))]
    import pyarrow as pa

    for run, one, frame in zip(("run-one", "run-two"), raw, (before, after), strict=True):
        profile = profile_table(pa.Table.from_pandas(frame, preserve_index=False), "label")
        made = store.file(f"{run}/profile", profile.to_bytes(), type="system.Artifact")
        record_run(store, run, one, outputs={"profile": made})
        Path(one.uri).unlink()
    found = store.diff("run-one", "run-two")
    drift = found.causes[0]
    assert (drift.kind, drift.column) == (CauseKind.DRIFT, "age")
    assert "seen in 'profile'" in drift.why
    assert dict(drift.evidence)["psi"] > 1
    (first, *_) = found.data
    assert (first.of, first.tables) == ("profiles", None)


def test_without_data_nothing_is_read(store: Store) -> None:
    record_run(store, "run-one", store.file("old.csv", table()))
    record_run(store, "run-two", store.file("new.csv", table()[:-1]))
    found = store.diff("run-one", "run-two", data=False)
    assert kinds(found.causes) == [CauseKind.BYTES]
    assert found.data == ()
    assert found.notes == ()


def test_a_changed_parameter_is_the_only_cause_and_downstream_is_not(store: Store) -> None:
    record_run(store, "run-one")
    changed = {"parameters": (Parameter("rate", "0.9"), Parameter("seed", "7"))}
    metrics = b'{"accuracy":"0.83"}'
    record_run(store, "run-two", model=b"2", metrics=metrics, changes={"train": changed})
    found = store.diff("run-one", "run-two")
    (cause,) = found.causes
    assert (cause.kind, cause.name, cause.before, cause.after) == (
        CauseKind.PARAMETER, "rate", "0.5", "0.9",
    )  # fmt: skip
    assert [d.ways for d in found.divergences] == [(("train", "train/model"),)]
    (metric,) = found.metrics
    assert (metric.task, metric.before, metric.after) == ("evaluate", 0.93, 0.83)


def test_nothing_recorded_explains_it(store: Store) -> None:
    record_run(store, "run-one")
    record_run(store, "run-two", model=b"2")
    (cause,) = store.diff("run-one", "run-two").causes
    assert cause.kind is CauseKind.NOT_REPRODUCIBLE
    assert cause.score == FIXED[CauseKind.NOT_REPRODUCIBLE].score
    assert "from the same inputs" in cause.title


def test_data_of_a_step_that_reads_nothing_recorded_are_a_cause(store: Store) -> None:
    """A component of a user that downloads without ``declare_source``."""
    clean, noisy = table(), table()
    noisy.loc[:199, "label"] = 1 - noisy.loc[:199, "label"]
    for run, frame in (("run-one", clean), ("run-two", noisy)):
        build = RunBuilder(run)
        made = store.file(f"{run}/table", frame, metadata='{"label":"label"}')
        load = build.step("load", outputs={"table": made})
        build.step("train", inputs=[read(load, "table")], outputs={"model": run.encode()})
        store.record(build.steps)
    found = store.diff("run-one/train/model", "run-two/train/model")
    assert kinds(found.causes) == [CauseKind.LABEL, CauseKind.NOT_REPRODUCIBLE]
    assert dict(found.causes[0].evidence)["flipped"] == 200
    assert "reads something that is not recorded" in found.causes[1].title


def test_the_image_counts_less_if_what_is_in_it_is_the_same(store: Store) -> None:
    (component,) = {s.component for s in RunBuilder().steps} or {
        RunBuilder().step("train").component
    }
    other = replace(component, image="registry/image@sha256:bb")
    record_run(store, "run-one")
    record_run(store, "run-two", model=b"2", changes={"train": {"component": other}})
    inside = {"component": other, "environment": NEWER.digest}
    record_run(store, "run-three", model=b"3", changes={"train": inside})
    (alone,) = store.diff("run-one", "run-two").causes
    package, image = store.diff("run-one", "run-three").causes
    assert alone.kind is image.kind is CauseKind.IMAGE
    assert alone.score < image.score < package.score
    assert package.title == "package of train, scikit-learn was added: 1.6.0"


def test_what_several_steps_have_in_common_is_one_cause(store: Store) -> None:
    record_run(store, "run-one", b"1")
    changes = {task: {"environment": NEWER.digest} for task in ("ingest", "train")}
    record_run(store, "run-two", b"2", changes=changes)
    causes = store.diff("run-one", "run-two").causes
    assert [(cause.kind, cause.tasks) for cause in causes] == [
        (CauseKind.BYTES, ("ingest",)), (CauseKind.ML_PACKAGE, ("ingest", "train")),
    ]  # fmt: skip


def test_a_run_that_failed(store: Store) -> None:
    record_run(store, "run-one")
    failed = {
        "outcome": Outcome.FAILED, "failure": StepFailure("ValueError", "no convergence"),
        "parameters": (Parameter("rate", "900"), Parameter("seed", "7")),
    }  # fmt: skip
    build = RunBuilder("run-two")
    raw = source(b"raw", "source")
    tag = raw.artifact.digest.hex.encode()
    ingest = build.step("ingest", inputs=[raw], outputs={"table": b"table" + tag})
    build.step("train", inputs=[read(ingest, "table")], **failed)
    store.record(build.steps)
    found = store.diff("run-one", "run-two")
    assert not found.equal
    assert found.divergences[0].title == "train failed after with equal inputs"
    assert kinds(found.causes) == [CauseKind.OUTCOME, CauseKind.PARAMETER]
    assert found.causes[0].after == "FAILED: ValueError: no convergence"


def test_a_value_that_another_task_returned_is_traced_to_it(store: Store) -> None:
    for run, rate in (("run-one", "0.1"), ("run-two", "0.2")):
        build = RunBuilder(run)
        build.step("tune", results=(Parameter("best_rate", rate),))
        build.step(
            "train", inputs=[source(b"raw")], outputs={"model": rate.encode()},
            parameters=(Parameter("rate", rate),),
        )  # fmt: skip
        store.record(build.steps)
    (cause,) = store.diff("run-one/train/model", "run-two/train/model").causes
    assert cause.why.endswith("tune/best_rate returned these values")


def test_metrics_that_were_not_measured_alike_are_said(store: Store) -> None:
    for run in ("run-one", "run-two"):
        build = RunBuilder(run)
        train = build.step("train", inputs=[source(b"raw")], outputs={"model": run.encode()})
        build.step(
            "evaluate", inputs=[read(train, "model"), source(run.encode() + b"test", "test_data")],
            outputs={"metrics": artifact(METRICS, kind=ArtifactKind.VALUES)},
        )  # fmt: skip
        store.record(build.steps)
    (note,) = store.diff("run-one/train/model", "run-two/train/model").notes
    assert note.startswith("evaluate judged on other test_data")


def test_figures_of_an_evaluation_in_another_run_belong_to_the_model(store: Store) -> None:
    for number, run in enumerate(("run-one", "run-two")):
        train = RunBuilder(run)
        model = train.step("train", inputs=[source(b"raw")], outputs={"model": run.encode()})
        store.record(train.steps)
        for later, accuracy in enumerate(("0.1", f"0.{9 - number}")):
            judge = RunBuilder(f"judges-{run}-{later}", start=START + timedelta(hours=later))
            figures = f'{{"accuracy":"{accuracy}"}}'.encode()
            judge.step(
                "evaluate", inputs=[read(model, "model")],
                outputs={"metrics": artifact(figures, kind=ArtifactKind.VALUES)},
            )  # fmt: skip
            store.record(judge.steps)
    for one, two in (("run-one", "run-two"), ("run-one/train/model", "run-two/train/model")):
        found = store.diff(one, two)
        (metric,) = found.metrics
        assert (metric.task, metric.before, metric.after) == ("evaluate", 0.9, 0.8)
        assert "figures of evaluate are of run judges-run-one-1" in found.notes


def test_two_sources_are_compared_directly(store: Store) -> None:
    one, two = store.file("old.csv", table()), store.file("new.csv", table().drop(columns="age"))
    record_run(store, "run-one", one)
    record_run(store, "run-two", two)
    found = store.diff(str(one.digest), str(two.digest))
    assert kinds(found.causes) == [CauseKind.SCHEMA]
    assert found.causes[0].examples == ("column 'age' was removed",)
    assert found.divergences[0].ways == (("new.csv (was old.csv)",),)


def test_equal_bytes_of_several_runs_are_taken_from_the_latest(store: Store) -> None:
    record_run(store, "run-one")
    record_run(store, "run-two")
    record_run(store, "run-three", model=b"3")
    with closing(open_index(store.uri)) as index:
        (row, *_) = find_either(index, "run-one/train/model").rows
        digest = index.artifacts([row])[0].digest
    found = store.diff(str(digest), "run-three/train/model")
    assert "2 steps wrote the bytes" in found.notes[0]


def test_nothing_in_common_is_an_error_with_a_remedy(store: Store) -> None:
    record_run(store, "run-one")
    build = RunBuilder("run-two")
    build.step("a", outputs={"x": b"1", "y": b"2"})
    store.record(build.steps)
    with pytest.raises(ProvenanceError) as caught:
        store.diff("run-one", "run-two")
    assert caught.value.code is Code.USAGE
    with pytest.raises(ProvenanceError) as caught:
        store.diff("run-one", "no-such-thing")
    assert caught.value.code is Code.REFERENCE_UNKNOWN


def test_a_run_and_a_model(store: Store) -> None:
    record_run(store, "run-one")
    record_run(store, "run-two", model=b"2")
    found = store.diff("run-one", "run-two/train/model")
    assert [subject.name for subject in found.subjects] == ["train/model"]
    assert kinds(found.causes) == [CauseKind.NOT_REPRODUCIBLE]
