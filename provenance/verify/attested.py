"""What the tasks of a chain signed themselves, against what the store says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kfp_provenance.attest.identifiers import STEP_BUILDER
from kfp_provenance.bundle.format import read_bundle
from kfp_provenance.codes import Code
from kfp_provenance.errors import BundleError
from kfp_provenance.facts import Finding, Step
from kfp_provenance.lineage.checks import step_label
from kfp_provenance.verify.authentic import (
    SignedStep,
    authenticate,
    finding_of,
    interpret,
    printable_finding,
)
from kfp_provenance.verify.compare import differences
from kfp_provenance.verify.permission import check_signer
from kfp_provenance.verify.trust import Trust

_AGAIN = "find out who changed the record, and run the pipeline again"


@dataclass(frozen=True)
class Attested:
    """Lines of all steps, in the order of the chain; meaningful only without findings."""

    lines: tuple[bytes, ...]
    findings: tuple[Finding, ...]


def judge_attestations(
    steps: Sequence[Step], attestation: Callable[[str], bytes | None], trust: Trust
) -> Attested:
    """Check that each step was signed by its own task, and says what the store says.

    Args:
        steps: Steps of a chain as the store has them.
        attestation: What the store has of a step's own signature, by the step's id.
        trust: Who may sign steps; a signer must be granted the builder of steps.
    """
    lines: list[bytes] = []
    findings: list[Finding] = []
    for step in steps:
        line = attestation(step.id)
        if line is None:
            findings.append(_missing(step))
            continue
        lines.append(line)
        findings += _judge(step, line, trust)
    return Attested(tuple(lines), tuple(map(printable_finding, findings)))


def _judge(step: Step, raw: bytes, trust: Trust) -> list[Finding]:
    try:
        lines = read_bundle(raw)
    except BundleError as error:
        return [finding_of(error)]
    signers, findings = authenticate(lines, trust)
    if findings:
        return findings
    signed, summaries, findings = interpret(lines, signers)
    if findings:
        return findings
    if len(signed) != 1 or summaries or signed[0].statement.builder != STEP_BUILDER:
        return [_mismatch(step, "signed", f"one statement as {STEP_BUILDER}", "something else")]
    return [*_compare(step, signed[0]), *check_signer(signed[0])]


def _compare(step: Step, signed: SignedStep) -> list[Finding]:
    return [
        _mismatch(step, field, stated, stored)
        for field, stated, stored in differences(signed.statement.step, step)
    ]


def _missing(step: Step) -> Finding:
    return Finding(
        Code.ATTESTATION_MISSING,
        "a step was not signed by its own task",
        step=step_label(step),
        expected="a signed statement in the store",
        found="none",
        remedy="set KPROV_STEP_SIGNER in every task, or sign without step_trust",
    )


def _mismatch(step: Step, field: str, stated: str, stored: str) -> Finding:
    return Finding(
        Code.ATTESTATION_MISMATCH,
        f"a task signed something else than the store says: {field}",
        step=step_label(step),
        artifact=field,
        expected=stated,
        found=stored,
        remedy=_AGAIN,
    )
