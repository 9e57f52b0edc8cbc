"""Which outputs of a run ``kprov sign`` takes for its subjects."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kfp_provenance.cli.signing_commands import subjects_of
from kfp_provenance.errors import SettingsError
from kfp_provenance.facts import Output, Run
from support.steps import START, artifact, step

PREPARED = step(
    task="prepare",
    id="a",
    finished=START + timedelta(seconds=1),
    outputs=(Output("transformer", 0, artifact("t", type="system.Model")),),
)
TRAINED = [
    step(
        task="train",
        id=f"b{second}",
        finished=START + timedelta(seconds=second),
        outputs=(Output("model", 0, artifact(f"m{second}", type="system.Model")),),
    )
    for second in (4, 3)
]
RUN = Run("run-1", "churn", "", (PREPARED, *TRAINED))


def test_the_model_made_last_comes_first() -> None:
    assert [given.producer for given in subjects_of(RUN, [])] == ["b4", "b3", "a"]


def test_every_subject_has_a_name_of_its_own() -> None:
    names = [given.name for given in subjects_of(RUN, ["train/model", "prepare/transformer"])]
    assert names == ["model", "model_2", "transformer"]


def test_an_output_that_there_is_not_is_refused() -> None:
    with pytest.raises(SettingsError) as refused:
        subjects_of(RUN, ["train/modle"])
    assert "train/model" in refused.value.expected
