"""The judgement over a bundle, in four stages that each need the one before.

1. every line is signed by a trusted signer; 2. every payload is a known, well-formed
statement of a builder that its signer may speak for; 3. there is exactly one summary and
each step occurs once; 4. summary, steps, subject and trust policy agree. Within a stage
everything wrong is found; a payload of unknown origin is never interpreted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kfp_provenance.bundle.format import Line, read_bundle
from kfp_provenance.codes import Code
from kfp_provenance.errors import BundleError
from kfp_provenance.facts import Finding, Verdict
from kfp_provenance.lineage.checks import artifact_label, step_label
from kfp_provenance.verify.agreement import check_summary
from kfp_provenance.verify.authentic import (
    SignedStep,
    SignedSummary,
    authenticate,
    finding_of,
    interpret,
    printable_finding,
)
from kfp_provenance.verify.chain import check_chain
from kfp_provenance.verify.permission import check_permission
from kfp_provenance.verify.requirements import check_requirements, check_revocations
from kfp_provenance.verify.trust import Trust
from kfp_provenance.verify.view import ChainView, Observed, Verification, links_of


def verify_bundle(
    data: bytes,
    trust: Trust,
    subject: Observed,
    *,
    now: datetime,
    subject_name: str | None = None,
) -> Verification:
    """Judge the bytes of a bundle file; see :func:`verify_chain`.

    A bundle that cannot be read is a refusal with the finding that says why.
    """
    try:
        lines = read_bundle(data)
    except BundleError as error:
        return Verification(_verdict([finding_of(error)]), None)
    return verify_chain(lines, trust, subject, now=now, subject_name=subject_name)


def verify_chain(
    lines: Sequence[Line],
    trust: Trust,
    subject: Observed,
    *,
    now: datetime,
    subject_name: str | None = None,
) -> Verification:
    """Judge a chain from its subject to its roots.

    Args:
        lines: What :func:`~kfp_provenance.bundle.read_bundle` returned.
        trust: Whom to believe.
        subject: Digest and kind of the bytes in question, taken by the caller.
        now: Time of the judgement, with a time zone.
        subject_name: Which subject of the summary the bytes must be, for example
            ``metrics``; None stands for the first one, the model. Evidence never passes
            for the model.

    Returns:
        The verdict; the view only if every line is authentic and well formed.
    """
    signers, findings = authenticate(lines, trust)
    if findings:
        return Verification(_verdict(findings), None)
    steps, summaries, findings = interpret(lines, signers)
    if not findings:
        findings = _check_shape(steps, summaries)
    if findings:
        return Verification(_verdict(findings), None)
    (summary,) = summaries
    by_id = {signed.statement.step.id: signed.statement.step for signed in steps}
    view = ChainView(
        summary=summary.statement,
        steps=by_id,
        links=links_of(by_id, summary.statement.joins),
        signers=tuple(dict.fromkeys(authentic.signer.name for authentic in signers)),
    )
    findings = [
        *check_summary(view, steps, summary, subject=subject, subject_name=subject_name, now=now),
        *check_chain(view),
        *check_permission(view, steps, summary, trust),
        *check_requirements(view, summary, trust.requirements, now),
        *check_revocations(view, lines, steps, summary, trust.revoked),
    ]
    return Verification(_verdict(findings, _notes(view)), view)


def _verdict(findings: Sequence[Finding], notes: Sequence[Finding] = ()) -> Verdict:
    return Verdict(tuple(map(printable_finding, findings)), tuple(map(printable_finding, notes)))


def _check_shape(steps: Sequence[SignedStep], summaries: Sequence[SignedSummary]) -> list[Finding]:
    findings = []
    if not summaries:
        findings.append(
            Finding(
                Code.SUMMARY_MISSING,
                "the bundle has no verification summary",
                expected="one summary after the steps",
                found="none",
                remedy="fetch the whole bundle from where the signing step wrote it",
            )
        )
    if len(summaries) > 1:
        findings.append(
            Finding(
                Code.SUMMARY_DUPLICATE,
                "the bundle has more than one verification summary",
                expected="one summary after the steps",
                found=", ".join(summary.line.where for summary in summaries[:10]),
                remedy="bundles were mixed: fetch the bundle of this model alone",
            )
        )
    seen: dict[str, SignedStep] = {}
    for signed in steps:
        first = seen.setdefault(signed.statement.step.id, signed)
        if first is not signed:
            findings.append(
                Finding(
                    Code.CHAIN_STEP_DUPLICATE,
                    "two lines are about the same step",
                    step=step_label(signed.statement.step),
                    expected=f"{first.line.where} alone",
                    found=f"{signed.line.where} too",
                    remedy="lines were added: fetch the bundle again",
                )
            )
    return findings


def _notes(view: ChainView) -> list[Finding]:
    """What the signing step could not hash again: the chain holds on the records alone."""
    names = {
        (output.artifact.digest, output.artifact.uri): (step, output)
        for step in view.steps.values()
        for output in step.outputs
    }
    notes = []
    for unread in view.summary.stored.unread:
        step, output = names.get((unread.digest, unread.uri), (None, None))
        notes.append(
            Finding(
                Code.STORED_BYTES_UNREAD,
                "the signing step could not hash the stored bytes again",
                step=step_label(step) if step else "",
                artifact=artifact_label(output.name, output.index) if output else unread.uri,
                expected=str(unread.digest),
                found=unread.reason,
                remedy="hash them yourself: kprov digest",
            )
        )
    return notes
