"""What a signed chain must look like, derived from compiled pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from kfp_provenance.authoring import compile_pipeline
from kfp_provenance.authoring.compiled import read_specification
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuthoringError
from kfp_provenance.layout import Plan, PlannedInput, PlannedStep, plan_layout
from support import layout_pipelines as pipelines


def planned(pipeline: object, folder: Path, subjects: Sequence[str] = ()) -> Plan:
    compile_pipeline(pipeline, folder / "pipeline.yaml")
    read = read_specification(str(folder / "pipeline.yaml"))
    return plan_layout(read.document, read.tracked, subjects)


def steps(plan: Plan) -> dict[str, PlannedStep]:
    return {step.name: step for step in plan.steps}


def refused(pipeline: object, folder: Path, subjects: Sequence[str] = ()) -> AuthoringError:
    with pytest.raises(AuthoringError) as caught:
        planned(pipeline, folder, subjects)
    assert caught.value.remedy
    return caught.value


def test_the_chain_is_what_the_signing_step_takes(tmp_path: Path) -> None:
    plan = planned(pipelines.straight, tmp_path)
    # neither what comes after the signature nor what is beside the chain
    assert [step.name for step in plan.steps] == ["load", "split", "fit", "score"]
    assert plan.model == ("fit", "model")
    found = steps(plan)
    assert found["load"].outputs == found["load"].required == ("out",)
    assert found["split"].inputs == (PlannedInput("table", "load", "out"),)
    assert found["split"].outputs == ("left", "log", "right")
    assert found["split"].required == ("left", "right")
    assert found["score"].inputs == (
        PlannedInput("data", "split", "right"),
        PlannedInput("model", "fit", "model"),
    )
    assert found["score"].required == ("metrics",)
    assert found["fit"].component == "support.layout_pipelines.fit"
    assert found["fit"].source.startswith("sha256:")
    assert not any(step.roots for step in plan.steps)


def test_the_packaged_pipeline(tmp_path: Path) -> None:
    read = read_specification("tabular_training")
    plan = plan_layout(read.document, read.tracked)
    assert [step.name for step in plan.steps] == ["ingest", "preprocess", "train", "evaluate"]
    assert plan.model == ("train", "model")
    assert steps(plan)["evaluate"].outputs == ("classification", "metrics", "report")
    assert steps(plan)["evaluate"].required == ("metrics", "report")


@pytest.mark.parametrize(
    ("pipeline", "expected"),
    [
        (pipelines.nested, ["load", "split", "fit"]),
        (pipelines.handler, ["load-2", "fit"]),
        # whoever signs inside a branch or a loop has what stands there exactly once
        (pipelines.signed_if_good, ["load", "fit", "fit-2"]),
        (pipelines.signed_in_loop, ["load", "fit"]),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_graphs_in_graphs(pipeline: object, expected: list[str], tmp_path: Path) -> None:
    assert [step.name for step in planned(pipeline, tmp_path).steps] == expected


def test_an_input_of_a_nested_pipeline_leads_out_of_it(tmp_path: Path) -> None:
    found = steps(planned(pipelines.nested, tmp_path))
    assert found["split"].inputs == (PlannedInput("table", "load", "out"),)
    # the optional input that nobody passed is none
    assert found["fit"].inputs == (PlannedInput("data", "split", "left"),)
    assert found["fit"].roots == ()


def test_importers_and_untracked_tasks_are_roots(tmp_path: Path) -> None:
    plan = planned(pipelines.from_outside, tmp_path)
    (step,) = plan.steps
    assert (step.name, step.inputs, step.roots) == ("fit", (), ("data", "extra"))


@pytest.mark.parametrize(
    ("pipeline", "where"),
    [
        (pipelines.collected, "for-loop-"),
        (pipelines.one_of, "condition-branches-"),
        (pipelines.unsigned_loop, "for-loop-"),
        (pipelines.unsigned_if, "condition-"),
        (pipelines.twice, "inner"),  # their tasks have the same names
        (pipelines.slashed, "load"),
        (pipelines.imported_model, "sign"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_what_only_a_run_can_tell_is_refused(pipeline: object, where: str, tmp_path: Path) -> None:
    error = refused(pipeline, tmp_path)
    assert error.code is Code.LAYOUT_UNSUPPORTED
    assert error.where.startswith(where)


def test_a_display_name_is_the_name_in_the_records(tmp_path: Path) -> None:
    plan = planned(pipelines.renamed, tmp_path)
    assert [step.name for step in plan.steps] == ["Load [1] the data", "fit"]


def test_without_a_signing_step_every_model_is_signed(tmp_path: Path) -> None:
    plan = planned(pipelines.unsigned, tmp_path)
    assert [step.name for step in plan.steps] == ["load", "split", "fit", "fit-2"]
    assert plan.model == ("fit-2", "model")


def test_what_is_signed_can_be_named(tmp_path: Path) -> None:
    plan = planned(pipelines.unsigned, tmp_path, ["fit/model", "score/metrics"])
    assert [step.name for step in plan.steps][-1] == "score"
    assert plan.model == ("fit", "model")
    first = planned(pipelines.two_signers, tmp_path, ["fit/model"])
    assert [step.name for step in first.steps] == ["load", "fit"]


@pytest.mark.parametrize(
    ("pipeline", "subjects"),
    [
        (pipelines.no_model, []),
        (pipelines.two_signers, []),
        (pipelines.unsigned, ["fit/modle"]),
        (pipelines.twice, ["fit/model"]),
        (pipelines.from_outside, ["copy/out"]),
    ],
)
def test_it_must_be_clear_what_is_signed(
    pipeline: object, subjects: list[str], tmp_path: Path
) -> None:
    error = refused(pipeline, tmp_path, subjects)
    assert error.code is Code.LAYOUT_UNSUPPORTED
    assert "--subject" in error.remedy


def _broken(folder: Path, change: str) -> dict[str, object]:
    compile_pipeline(pipelines.nested, folder / "pipeline.yaml")
    document: dict[str, object] = yaml.safe_load((folder / "pipeline.yaml").read_text())
    exec(change, {"d": document})  # noqa: S102 - the lines below
    return document


@pytest.mark.parametrize(
    "change",
    [
        "del d['root']",
        "d['root'] = {'executorLabel': 'x'}",
        "d['root']['dag']['tasks']['load'] = 3",
        "del d['components']['comp-load']",
        "del d['components']['comp-fit']['outputDefinitions']",
        "del d['components']['comp-inner']['dag']['tasks']['fit']",
        "d['components']['comp-inner']['dag']['tasks']['split']['componentRef'] = "
        "{'name': 'comp-inner'}",
        "d['components']['comp-inner']['dag']['tasks']['split']['inputs']['artifacts']['table'] = "
        "{'taskOutputArtifact': {'producerTask': 'fit', 'outputArtifactKey': 'model'}}",
    ],
)
def test_a_broken_specification_is_one_clear_error(change: str, tmp_path: Path) -> None:
    document = _broken(tmp_path, change)
    read = read_specification(str(tmp_path / "pipeline.yaml"))
    with pytest.raises(AuthoringError) as caught:
        plan_layout(document, read.tracked)
    assert caught.value.code is Code.PIPELINE_INVALID
    assert caught.value.where


def test_a_file_that_is_no_pipeline(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: b\n")
    for name in ("x.yaml", "missing.yml"):
        with pytest.raises(AuthoringError) as caught:
            read_specification(str(tmp_path / name))
        assert caught.value.code is Code.PIPELINE_INVALID
