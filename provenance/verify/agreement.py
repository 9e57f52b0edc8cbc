"""Does the summary agree with the bytes in question, with the lines and with time?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from kfp_provenance.attest.identifiers import LEVELS, PASSED, STATED_BY, STEP_BUILDER
from kfp_provenance.attest.statement import timestamp
from kfp_provenance.codes import Code
from kfp_provenance.facts import Finding
from kfp_provenance.lineage.checks import artifact_label, content_text, step_label
from kfp_provenance.verify.authentic import SignedStep, SignedSummary
from kfp_provenance.verify.view import ChainView, Observed

CLOCK_SKEW = timedelta(minutes=5)
LOG_DELAY = timedelta(hours=1)
"""Between a statement and its entry in the log; a chain of thousands of steps takes a while."""
_REPLAYED = "lines were dropped, added or replaced: fetch the bundle again"


def check_summary(
    view: ChainView,
    steps: Sequence[SignedStep],
    summary: SignedSummary,
    *,
    subject: Observed,
    subject_name: str | None,
    now: datetime,
) -> list[Finding]:
    """Result, claims, subject, lines and times of the summary."""
    return [
        *_check_result(view),
        *_check_subject(view, subject, subject_name),
        *_check_lines(view, steps, summary),
        *_check_builders(steps, summary),
        *_check_times(view, now),
        *_check_logged(steps, summary),
    ]


def _check_result(view: ChainView) -> list[Finding]:
    findings = []
    if view.summary.result != PASSED:
        findings.append(
            Finding(
                Code.SUMMARY_FAILED,
                "the signer itself says that the chain does not hold",
                expected=PASSED,
                found=view.summary.result,
                remedy="do not use this artifact",
            )
        )
    if view.summary.levels != LEVELS:
        findings.append(
            Finding(
                Code.SUMMARY_MISMATCH,
                "the summary claims other SLSA levels than such a signer can",
                expected=", ".join(LEVELS),
                found=", ".join(view.summary.levels)[:200] or "none",
                remedy="do not trust this signer: it claims what it cannot know",
            )
        )
    return findings


def _check_subject(view: ChainView, subject: Observed, subject_name: str | None) -> list[Finding]:
    named = {artifact_label(s.name, s.index): s for s in view.subjects}
    if len(named) != len(view.subjects):
        return [_ambiguous_subjects(view)]
    wanted = subject_name if subject_name is not None else next(iter(named))
    signed = named.get(wanted)
    if signed is None:
        return [
            Finding(
                Code.SUBJECT_UNKNOWN,
                "the bundle is not about an artifact of this name",
                artifact=wanted,
                expected=", ".join(list(named)[:10]),
                found=wanted,
                remedy="name one of the subjects of the bundle",
            )
        ]
    if (subject.digest, subject.kind) == (signed.artifact.digest, signed.artifact.kind):
        return []
    return [
        Finding(
            Code.SUBJECT_MISMATCH,
            "the bytes are not those that were signed",
            artifact=wanted,
            expected=content_text(signed.artifact),
            found=f"{subject.kind} {subject.digest}",
            remedy=_subject_remedy(view, subject),
        )
    ]


def _subject_remedy(view: ChainView, subject: Observed) -> str:
    for other in view.subjects:
        if (other.artifact.digest, other.artifact.kind) == (subject.digest, subject.kind):
            label = artifact_label(other.name, other.index)
            return f"the bytes are the evidence {label}; give the model, or ask for {label}"
    return "fetch the artifact again, or find the bundle that belongs to it"


def _ambiguous_subjects(view: ChainView) -> Finding:
    return Finding(
        Code.SUMMARY_MISMATCH,
        "two subjects of the summary have the same name",
        expected="every subject once",
        found=", ".join(artifact_label(s.name, s.index) for s in view.subjects[:10]),
        remedy="sign the run again",
    )


def _check_lines(
    view: ChainView, steps: Sequence[SignedStep], summary: SignedSummary
) -> list[Finding]:
    """The summary names exactly these lines, in this order, and comes last."""
    findings = []
    named = {reference.step: reference for reference in view.summary.attestations}
    present = {signed.statement.step.id: signed for signed in steps}
    for step_id, reference in named.items():
        if step_id not in present:
            findings.append(
                Finding(
                    Code.SUMMARY_MISMATCH,
                    "the summary names a step that the bundle lacks",
                    step=step_id,
                    expected=f"a line with {reference.digest}",
                    found="none",
                    remedy=_REPLAYED,
                )
            )
    for step_id, signed in present.items():
        expected = named.get(step_id)
        if expected is None or expected.digest != signed.line.digest:
            findings.append(
                Finding(
                    Code.SUMMARY_MISMATCH,
                    "a line is not the one that the summary was made over",
                    step=step_label(signed.statement.step),
                    artifact=signed.line.where,
                    expected=str(expected.digest) if expected else "no such step",
                    found=str(signed.line.digest),
                    remedy=_REPLAYED,
                )
            )
    if not findings:
        order = [signed.statement.step.id for signed in steps]
        listed = [reference.step for reference in view.summary.attestations]
        if order != listed or summary.line.number != len(steps) + 1:
            findings.append(
                Finding(
                    Code.SUMMARY_MISMATCH,
                    "the lines are not in the order of the summary, which comes last",
                    expected=", ".join(listed[:10]),
                    found=", ".join(order[:10]),
                    remedy=_REPLAYED,
                )
            )
    return findings


def _check_builders(steps: Sequence[SignedStep], summary: SignedSummary) -> list[Finding]:
    """Whoever states the steps is whoever the summary's verifier judges: modes do not mix."""
    verifier = summary.statement.verifier
    expected = "" if verifier == STEP_BUILDER else STATED_BY.get(verifier, verifier)
    return [
        Finding(
            Code.SUMMARY_MISMATCH,
            "the summary's verifier does not judge steps that this builder states",
            step=step_label(signed.statement.step),
            expected=expected or "a verifier, which a task is not",
            found=signed.statement.builder,
            remedy="lines of different modes were mixed: fetch the bundle again",
        )
        for signed in steps
        if signed.statement.builder != expected
    ]


def _check_logged(steps: Sequence[SignedStep], summary: SignedSummary) -> list[Finding]:
    """What a line says of its time agrees with the time that the log vouches for."""
    claims = [(summary.line.where, summary.statement.time, summary.logged)]
    claims += [
        (signed.line.where, signed.statement.step.finished, signed.logged)
        for signed in steps
        if signed.statement.builder == STEP_BUILDER
    ]
    return [
        Finding(
            Code.TIME_INVALID,
            "a line names another time than the log that it is in",
            artifact=where,
            expected=f"about {timestamp(logged)}",
            found=timestamp(claimed),
            remedy="find out who set the clock of the signer",
        )
        for where, claimed, logged in claims
        if logged is not None and not -CLOCK_SKEW <= logged - claimed <= LOG_DELAY
    ]


def _check_times(view: ChainView, now: datetime) -> list[Finding]:
    findings = []
    if view.summary.time - now > CLOCK_SKEW:
        findings.append(
            Finding(
                Code.TIME_INVALID,
                "the summary comes from the future",
                expected=f"not after {timestamp(now)}",
                found=timestamp(view.summary.time),
                remedy="set the clock of this machine, or find out who set that of the signer",
            )
        )
    findings += [
        Finding(
            Code.TIME_INVALID,
            "a step ended after the summary over it was made",
            step=step_label(step),
            expected=f"not after {timestamp(view.summary.time)}",
            found=timestamp(step.finished),
            remedy="find out who set the clock of the signing step",
        )
        for step in view.steps.values()
        if step.finished - view.summary.time > CLOCK_SKEW
    ]
    return findings
