"""``kprov diff`` on two real runs of one pipeline: what changed is what it says first."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer

from kfp_provenance.analysis.diff import Settings, StoredData, diff, find_either
from kfp_provenance.analysis.diffing.model import CauseKind, LineageDiff
from kfp_provenance.components import evaluate, ingest, preprocess, train
from kfp_provenance.metadata import open_index
from support import components as local
from support.signed_run import kprov

FLIPS = 57
"""A tenth of the labels."""


@dataclass(frozen=True)
class TwoRuns:
    """A store with two runs, and where everything is."""

    folder: Path
    before: local.Ran
    after: local.Ran

    @property
    def store(self) -> str:
        return f"sqlite:{self.folder / 'metadata.db'}"

    def diff(self, *, before: str = "", after: str = "", **settings: Any) -> LineageDiff:
        with closing(open_index(self.store)) as index:
            return diff(
                index,
                find_either(index, before or f"{self.before.run.id}/train/model"),
                find_either(index, after or f"{self.after.run.id}/train/model"),
                data=StoredData(),
                settings=Settings(**settings),
            )


def table() -> pd.DataFrame:
    frame = load_breast_cancer(as_frame=True).frame
    frame.columns = [str(name).replace(" ", "_") for name in frame.columns]
    frame.insert(0, "patient", np.arange(len(frame)))
    return frame


def run(folder: Path, source: Path, **of_train: Any) -> local.Ran:
    """ingest -> preprocess -> train -> evaluate."""

    def tasks() -> None:
        data = ingest(uri=str(source), label="target")
        ready = preprocess(dataset=data.outputs["dataset"], label="target", drop=["patient"])
        model = train(
            training_data=ready.outputs["training_data"], label="target",
            estimator="sklearn.linear_model.LogisticRegression", **of_train,
        )  # fmt: skip
        evaluate(model=model.outputs["model"], test_data=ready.outputs["test_data"], label="target")

    return local.run(tasks, folder)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> TwoRuns:
    """The second run read the same rows, of which a tenth had the other label."""
    folder = tmp_path_factory.mktemp("noisy")
    frame = table()
    frame.to_csv(folder / "clean.csv", index=False)
    flipped = np.random.default_rng(0).choice(len(frame), FLIPS, replace=False)
    frame.loc[flipped, "target"] = 1 - frame.loc[flipped, "target"]
    frame.to_csv(folder / "noisy.csv", index=False)
    return TwoRuns(folder, run(folder, folder / "clean.csv"), run(folder, folder / "noisy.csv"))


def test_label_noise_is_the_first_cause_and_the_source_where_it_began(noisy: TwoRuns) -> None:
    found = noisy.diff()
    assert not found.equal
    (first,) = found.divergences
    assert (first.task, first.name) == ("ingest", "source")
    assert first.ways == (("ingest", "preprocess", "train", "train/model"),)
    cause = found.causes[0]
    assert cause.kind is CauseKind.LABEL
    assert cause.tasks == ("ingest",)
    assert dict(cause.evidence)["flipped"] == FLIPS
    assert found.causes[1:] == ()


def test_what_follows_is_no_cause_but_said(noisy: TwoRuns) -> None:
    found = noisy.diff()
    assert [line.task for line in found.consequences] == ["ingest", "preprocess", "train"]
    assert f"{FLIPS} of {len(table())} labels" in found.consequences[0].title


def test_metrics_before_and_after(noisy: TwoRuns) -> None:
    (accuracy,) = [m for m in noisy.diff().metrics if m.name == "metrics.accuracy"]
    recorded = [json.loads(side.output("evaluate", "metrics").metadata)["accuracy"]
                for side in (noisy.before, noisy.after)]  # fmt: skip
    assert [accuracy.before, accuracy.after] == pytest.approx([float(v) for v in recorded])
    assert accuracy.difference is not None
    assert accuracy.difference < 0


def test_a_run_is_compared_by_its_models_and_a_key_makes_flips_exact(noisy: TwoRuns) -> None:
    said = kprov(
        "diff", noisy.before.run.id, noisy.after.run.id, "--key", "patient", "--exit-code",
        "--json", "--store", noisy.store, cwd=noisy.folder,
    )  # fmt: skip
    assert said.returncode == 1, said.stderr
    found = json.loads(said.stdout)
    assert [subject["name"] for subject in found["subjects"]] == [
        "preprocess/transformer", "train/model",
    ]  # fmt: skip
    evidence = found["causes"][0]["evidence"]
    assert (evidence["flipped"], evidence["exact"]) == (FLIPS, True)


def test_the_data_set_stands_for_a_source_that_is_gone(noisy: TwoRuns) -> None:
    source = noisy.folder / "clean.csv"
    data = source.read_bytes()
    source.unlink()
    try:
        found = noisy.diff()
    finally:
        source.write_bytes(data)
    assert dict(found.causes[0].evidence)["flipped"] == FLIPS
    assert "seen in 'dataset'" in found.causes[0].why
    assert any("source of ingest is not compared" in note for note in found.notes)
