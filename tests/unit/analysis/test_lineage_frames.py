"""``Lineage``: frames with the same typed columns whatever is in the store."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from kfp_provenance import Lineage, ProvenanceError
from kfp_provenance.analysis import IncompleteWarning, frames, read_deployments
from kfp_provenance.facts import Outcome, Parameter, StepFailure
from support.lineage_stories import Story, content, of

RAW = content("raw")


def story() -> Story:
    told = Story()
    for run in "ab":
        facts = {"pipeline": f"pipeline-{run}", "namespace": "team"}
        data = told.step(run, "prepare", [RAW], "data", **facts)
        model = told.step(run, "train", [(data, "data")], "model", **facts)
        told.step(
            run,
            "evaluate",
            [(model, "model")],
            outputs=(),
            results=(Parameter("auc", "0.75"), Parameter("note", '"fair"')),
            **facts,
        )
        told.publish(run, (model, "model"), f"gs://models/{run}.json")
    told.step(
        "c", "train", [content("unreadable")], outcome=Outcome.FAILED,
        failure=StepFailure("ValueError", "no"),
    )  # fmt: skip
    return told


@contextmanager
def opened(told: Story, folder: Path) -> Iterator[Lineage]:
    with told.told(folder) as index:
        yield Lineage(index)


def kinds(frame: pd.DataFrame) -> dict[str, str]:
    return {name: str(kind) for name, kind in frame.dtypes.items()}


@pytest.fixture
def lineage(tmp_path: Path) -> Iterator[Lineage]:
    with opened(story(), tmp_path) as found:
        yield found


def test_runs(lineage: Lineage) -> None:
    frame = lineage.runs()
    assert kinds(frame) == frames.RUN_COLUMNS
    assert frame[["run", "steps", "failed"]].to_numpy().tolist() == [
        ["c", 1, 1], ["b", 4, 0], ["a", 4, 0],
    ]  # fmt: skip
    assert lineage.runs(pipeline="pipeline-a")["run"].tolist() == ["a"]
    assert (frame["finished"] > frame["started"]).all()


def test_steps_of_a_run_in_order_with_their_parameters(lineage: Lineage) -> None:
    frame = lineage.steps("a", parameters=True)
    assert frame["task"].tolist() == ["prepare", "train", "evaluate", "publish"]
    assert frame["parameter.alpha"].tolist() == ["0.1"] * 4
    assert frame["parameter.token"].tolist() == ["hmac-sha256:k:0"] * 4  # never the secret
    assert frame["seconds"].tolist() == [60.0] * 4
    assert kinds(lineage.steps("nobody")) == frames.STEP_COLUMNS


def test_artifacts_of_a_type(lineage: Lineage) -> None:
    frame = lineage.artifacts(type="system.Model")
    assert kinds(frame) == frames.ARTIFACT_COLUMNS
    assert frame[["name", "run", "task"]].to_numpy().tolist() == [
        ["model", "b", "train"], ["model", "a", "train"],
    ]  # fmt: skip
    read = lineage.artifacts().set_index("digest").loc[str(RAW.digest)]
    assert pd.isna(read["task"])  # nobody wrote it
    assert read["run"] == "a"


def test_values_are_numbers_where_they_are(lineage: Lineage) -> None:
    frame = lineage.values("a").set_index("name")
    assert frame.loc["auc", "value"] == 0.75
    assert pd.isna(frame.loc["note", "value"])
    assert frame.loc["note", "text"] == "fair"
    assert kinds(lineage.values("nobody")) == frames.VALUE_COLUMNS


def test_trace_by_distance(lineage: Lineage) -> None:
    frame = lineage.trace("a/train/model")
    assert kinds(frame) == frames.TRACE_COLUMNS
    assert frame[["distance", "name", "task"]].astype(object).to_numpy().tolist()[:2] == [
        [0, "model", "train"], [1, "data", "prepare"],
    ]  # fmt: skip
    assert frame["distance"].tolist() == [0, 1, 2]
    assert frame["uri"].tolist()[2] == RAW.uri


def test_impact_with_published_names_and_deployments(lineage: Lineage, tmp_path: Path) -> None:
    served = {"items": [_service("churn", lineage.artifacts(type="system.Model")["uri"][1])]}
    (tmp_path / "services.json").write_text(json.dumps(served))
    frame = lineage.impact(
        str(RAW.digest), deployments=read_deployments(tmp_path / "services.json")
    )
    assert kinds(frame) == frames.IMPACT_COLUMNS
    assert frame.attrs == {"more": 0, "steps": 8, "runs": 2, "artifacts": 6}
    assert frame["published"].tolist() == ["gs://models/b.json", "gs://models/a.json"]
    assert frame["serving"].tolist() == [True, True]
    assert frame["deployments"].astype(object).to_numpy().tolist() == [
        pd.NA, "InferenceService serving/churn",
    ]  # fmt: skip


def test_between(lineage: Lineage) -> None:
    frame = lineage.between(str(RAW.digest), "b/train/model")
    assert frame["task"].dropna().tolist() == ["train", "prepare"]
    assert set(frame["run"].dropna()) == {"b"}
    assert lineage.between("a/train/model", "b/train/model")["task"].dropna().empty


def test_a_limit_says_what_it_left_out(lineage: Lineage) -> None:
    with pytest.warns(IncompleteWarning):
        assert lineage.runs(limit=2).attrs["more"] is None
    with pytest.warns(IncompleteWarning):
        assert lineage.impact(str(RAW.digest), limit=1).attrs["more"] == 1
    with pytest.warns(IncompleteWarning):
        assert lineage.trace("a/train/model", limit=1).attrs["more"] == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert lineage.runs(limit=3).attrs["more"] == 0


def test_unknown_reference_is_an_error_of_the_family(lineage: Lineage) -> None:
    with pytest.raises(ProvenanceError, match="REFERENCE_UNKNOWN"):
        lineage.trace("sha256:" + "0" * 64)


def test_a_cycle_of_copies_has_finite_distances(tmp_path: Path) -> None:
    told = Story()
    packed = told.step("a", "pack", [RAW], {"out": "packed"})
    unpacked = told.step("a", "unpack", [(packed, "out")], {"out": "raw"})
    model = told.step("a", "train", [(unpacked, "out")], "model")
    with opened(told, tmp_path) as lineage:
        frame = lineage.trace(of(model, "model"))
    assert frame["distance"].notna().all()
    assert frame["distance"].max() == 2


def test_opens_the_store_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with story().told(tmp_path):
        pass
    monkeypatch.setenv("KPROV_STORE", f"sqlite:{tmp_path / 'story.db'}")
    with Lineage.open() as lineage:
        assert len(lineage.runs()) == 3


@pytest.mark.parametrize("text", ["", "[]", "{", '{"items": [1]}', '{"items": {}}', "null"])
def test_unreadable_deployments_are_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "services.json").write_text(text)
    with pytest.raises(ProvenanceError, match="DATA_UNREADABLE"):
        read_deployments(tmp_path / "services.json")


def test_deployments_name_models_in_many_places(tmp_path: Path) -> None:
    nested = {"predictor": {"model": {"storage": {"uri": "gs://b"}}, "x": [{"modelUri": "gs://c"}]}}
    service = {"kind": "InferenceService", "metadata": {"name": "n", "namespace": "s"}}
    (tmp_path / "one.json").write_text(json.dumps({**service, "spec": nested}))
    (found,) = read_deployments(tmp_path / "one.json")
    assert found.uris == ("gs://b", "gs://c")


def test_a_published_model_is_known_by_the_digest_in_its_uri(
    lineage: Lineage, tmp_path: Path
) -> None:
    digest = lineage.artifacts(type="system.Model")["digest"][0]
    place = f"gs://elsewhere/{digest.replace(':', '-')}/model.skops"
    (tmp_path / "services.json").write_text(json.dumps({"items": [_service("fraud", place)]}))
    frame = lineage.impact(
        str(RAW.digest), deployments=read_deployments(tmp_path / "services.json")
    )
    assert frame.set_index("digest").loc[digest, "deployments"] == "InferenceService serving/fraud"


def _service(name: str, uri: str) -> dict[str, object]:
    return {
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": "serving"},
        "spec": {"predictor": {"model": {"storageUri": uri}}},
    }
