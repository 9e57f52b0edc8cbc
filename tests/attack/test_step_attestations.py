"""Tasks that sign their own steps: what the signing step and a verifier refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kfp_provenance.attest.identifiers import (
    BUILDERS,
    COLLECTOR_BUILDER,
    IN_RUN_BUILDER,
    OPERATOR_BUILDER,
    STEP_BUILDER,
)
from kfp_provenance.codes import Code
from kfp_provenance.facts import Step
from kfp_provenance.verify import Trust, Verification, verify_bundle
from support.chains import NOW, START, artifact, content, signed
from support.forge import joined, lines_of, sign_statement, statement_of
from support.step_signed import StepSigned, attest, granted, step_signed_run

TRAIN = "run-1/train"


@pytest.fixture
def run(tmp_path: Path) -> StepSigned:
    return step_signed_run(tmp_path)


def judge(bundle: bytes, trust: Trust) -> Verification:
    return verify_bundle(bundle, trust, content(b"model"), now=NOW)


def codes(bundle: bytes, trust: Trust) -> set[Code]:
    return {finding.code for finding in judge(bundle, trust).verdict.findings}


def judged(run: StepSigned) -> set[Code]:
    return {finding.code for finding in run.judged().findings}


def stored(run: StepSigned) -> dict[str, bytes]:
    return run.recorded.reader.attestations


def test_what_tasks_signed_goes_into_the_bundle_as_it_is(run: StepSigned) -> None:
    assert run.judged().findings == ()
    bundle = run.bundle()
    assert tuple(lines_of(bundle)[:-1]) == tuple(stored(run)[step.id] for step in run.steps)
    checked = judge(bundle, run.trust)
    assert checked.verdict.findings == ()
    assert checked.view is not None
    assert checked.view.summary.verifier == COLLECTOR_BUILDER


def test_a_step_that_nobody_signed_is_not_collected(run: StepSigned) -> None:
    del stored(run)[TRAIN]
    assert judged(run) == {Code.ATTESTATION_MISSING}


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": ()},
        {"outputs": ()},
        {"inputs": ()},
        {"run": "run-2"},
        {"namespace": "team-b"},
        {"pipeline": "another"},
        {"pipeline_digest": ""},
        {"attempt": 2},
        {"code": None},
        {"finished": START},
    ],
)
def test_a_record_that_was_changed_after_the_task_signed_it(
    run: StepSigned, change: dict[str, object]
) -> None:
    steps = [replace(s, **change) if s.id == TRAIN else s for s in run.steps]  # type: ignore[arg-type]
    from kfp_provenance.verify import judge_attestations

    found = judge_attestations(steps, run.recorded.reader.attestation, run.step_trust).findings
    assert {finding.code for finding in found} == {Code.ATTESTATION_MISMATCH}
    assert {finding.step for finding in found} == {f"train ({TRAIN})"}


def test_a_digest_that_was_rewritten_in_the_store_is_named(run: StepSigned) -> None:
    reader = run.recorded.reader
    step = reader.steps[TRAIN]
    forged = replace(step.outputs[0], artifact=artifact(b"another model"))
    from kfp_provenance.verify import judge_attestations

    changed = [replace(step, outputs=(forged,))]
    (finding,) = {
        f.artifact
        for f in judge_attestations(changed, reader.attestation, run.step_trust).findings
        if f.artifact.endswith(".digest")
    }
    assert finding == "outputs.model.digest"


def test_the_signature_of_another_step_does_not_count(run: StepSigned) -> None:
    stored(run)[TRAIN] = stored(run)["run-1/ingest"]
    assert judged(run) == {Code.ATTESTATION_MISMATCH}


def test_the_signature_of_the_same_step_in_another_run_does_not_count(
    run: StepSigned, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = step_signed_run(tmp_path / "other", "run-2")
    step = other.recorded.reader.steps["run-2/train"]
    stored(run)[TRAIN] = attest(step, run.step_signer)
    assert judged(run) == {Code.ATTESTATION_MISMATCH}


def _step(run: StepSigned) -> Step:
    return run.recorded.reader.steps[TRAIN]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (lambda run: attest(_step(run), run.stranger), Code.SIGNER_UNTRUSTED),
        (lambda run: attest(_step(run), run.collector), Code.SIGNER_UNTRUSTED),
        (lambda run: attest(_step(run), run.step_signer, IN_RUN_BUILDER), Code.BUILDER_UNTRUSTED),
        (lambda _: b"", Code.BUNDLE_MALFORMED),
        (lambda _: b"{}", Code.MEDIA_TYPE_UNKNOWN),
        (lambda run: stored(run)[TRAIN][:-20], Code.BUNDLE_MALFORMED),
        (lambda run: stored(run)[TRAIN] * 2, Code.BUNDLE_MALFORMED),
        (lambda run: stored(run)[TRAIN] + b"\n" + stored(run)[TRAIN], Code.ATTESTATION_MISMATCH),
        (lambda run: lines_of(run.bundle())[-1], Code.SIGNER_UNTRUSTED),
    ],
)
def test_a_line_that_is_no_signature_of_the_task(run: StepSigned, line, code: Code) -> None:  # type: ignore[no-untyped-def]
    stored(run)[TRAIN] = line(run)
    assert judged(run) == {code}


def test_a_signer_of_steps_is_held_to_its_namespaces_and_pipelines(run: StepSigned) -> None:
    from kfp_provenance.verify import judge_attestations

    entry = granted(run.step_signer, STEP_BUILDER)
    for limit, code in (
        ({"namespaces": frozenset({"team-b"})}, Code.NAMESPACE_UNTRUSTED),
        ({"pipelines": frozenset({"another"})}, Code.PIPELINE_UNTRUSTED),
        ({"not_after": START}, Code.SIGNER_EXPIRED),
    ):
        trust = Trust((replace(entry, **limit),))  # type: ignore[arg-type]
        found = judge_attestations(run.steps, run.recorded.reader.attestation, trust).findings
        assert {finding.code for finding in found} == {code}


def test_a_task_cannot_sign_the_summary(run: StepSigned) -> None:
    forged = run.bundle(signer=run.step_signer)
    assert codes(forged, run.trust) == {Code.BUILDER_UNTRUSTED}


def test_a_task_that_calls_itself_the_verifier_is_refused(run: StepSigned) -> None:
    """Even where one key may speak for everybody."""
    lines = lines_of(run.bundle(signer=run.step_signer))
    summary = statement_of(lines[-1])
    summary["predicate"]["verifier"]["id"] = STEP_BUILDER
    forged = joined([*lines[:-1], sign_statement(summary, run.step_signer)])
    assert codes(forged, Trust((granted(run.step_signer, *BUILDERS),))) == {Code.SUMMARY_MISMATCH}


def test_the_collector_cannot_state_a_step(run: StepSigned) -> None:
    """It could have stated it itself; who demands signatures of the tasks is not served so."""
    lines = list(run.judged().lines)
    train = [step.id for step in run.steps].index(TRAIN)
    for builder, code in (
        (STEP_BUILDER, Code.BUILDER_UNTRUSTED),
        (COLLECTOR_BUILDER, Code.SUMMARY_MISMATCH),
        (IN_RUN_BUILDER, Code.BUILDER_UNTRUSTED),
    ):
        lines[train] = attest(_step(run), run.collector, builder)
        assert codes(run.bundle(tuple(lines)), run.trust) == {code}


@pytest.mark.parametrize("mode", [IN_RUN_BUILDER, OPERATOR_BUILDER])
def test_a_chain_without_signatures_of_its_tasks_does_not_pass_for_one(
    run: StepSigned, mode: str
) -> None:
    plain = signed(run.recorded.chain(), run.collector, builder=mode)
    assert codes(plain, run.trust) == {Code.BUILDER_UNTRUSTED}


def test_modes_are_not_mixed_by_a_key_that_may_speak_for_all(run: StepSigned) -> None:
    everybody = Trust(
        (granted(run.step_signer, *BUILDERS), granted(run.collector, *BUILDERS)),
    )
    mine = lines_of(signed(run.recorded.chain(), run.collector))
    theirs = lines_of(run.bundle())
    assert Code.SUMMARY_MISMATCH in codes(joined([mine[0], *theirs[1:]]), everybody)
    relabelled = statement_of(theirs[-1])
    relabelled["predicate"]["verifier"]["id"] = IN_RUN_BUILDER
    forged = joined([*theirs[:-1], sign_statement(relabelled, run.collector)])
    assert codes(forged, everybody) == {Code.SUMMARY_MISMATCH}
