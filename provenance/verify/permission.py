"""May these signers sign this pipeline, in this namespace, from these roots?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kfp_provenance.attest.identifiers import STEP_BUILDER
from kfp_provenance.attest.printable import listed
from kfp_provenance.attest.statement import timestamp
from kfp_provenance.codes import Code
from kfp_provenance.facts import Finding
from kfp_provenance.lineage.checks import artifact_label, step_label
from kfp_provenance.verify.authentic import SignedStep, SignedSummary
from kfp_provenance.verify.trust import Trust, TrustedSigner
from kfp_provenance.verify.view import ChainView

_GRANT = "grant it in the trust policy, if you trust it"


def check_permission(
    view: ChainView, steps: Sequence[SignedStep], summary: SignedSummary, trust: Trust
) -> list[Finding]:
    """Limits of the trust policy on what a signer may sign."""
    findings = _check_roots(view, trust)
    findings += _check_period(summary.line.where, signing_time(summary), summary.signer)
    findings += _check_pipeline("the summary", summary.statement.pipeline, summary.signer)
    for signed in steps:
        findings += check_signer(signed, summary)
    return findings


def check_signer(signed: SignedStep, over: SignedSummary | None = None) -> list[Finding]:
    """May this signer sign this step: its pipeline, its namespace, at that time?"""
    step, signer = signed.statement.step, signed.signer
    findings = _check_pipeline(step_label(step), step.pipeline, signer)
    findings += _check_period(step_label(step), signing_time(signed, over), signer)
    if signer.namespaces is not None and step.namespace not in signer.namespaces:
        findings.append(
            Finding(
                Code.NAMESPACE_UNTRUSTED,
                f"{signer.name} may not sign for this namespace",
                step=step_label(step),
                expected=listed(signer.namespaces) or "no namespace",
                found=step.namespace or "no namespace",
                remedy=_GRANT,
            )
        )
    return findings


def signing_time(signed: SignedStep | SignedSummary, over: SignedSummary | None = None) -> datetime:
    """When a line was signed, as well as it is known.

    The log's time if there is one; else the signer's own word: of a task that signs itself
    the end of its step, of a signing step the time of its summary.
    """
    if signed.logged is not None:
        return signed.logged
    if isinstance(signed, SignedSummary):
        return signed.statement.time
    if over is None or signed.statement.builder == STEP_BUILDER:
        return signed.statement.step.finished
    return over.statement.time


def _check_period(where: str, moment: datetime, signer: TrustedSigner) -> list[Finding]:
    begins, ends = signer.not_before, signer.not_after
    if (begins is None or begins <= moment) and (ends is None or moment <= ends):
        return []
    period = [f"not before {timestamp(begins)}" if begins else ""]
    period.append(f"not after {timestamp(ends)}" if ends else "")
    return [
        Finding(
            Code.SIGNER_EXPIRED,
            f"{signer.name} signed outside the time that the trust policy grants it",
            step=where,
            expected=", ".join(filter(None, period)),
            found=timestamp(moment),
            remedy="sign again with a key or an identity that is valid",
        )
    ]


def _check_pipeline(where: str, pipeline: str, signer: TrustedSigner) -> list[Finding]:
    if signer.pipelines is None or pipeline in signer.pipelines:
        return []
    return [
        Finding(
            Code.PIPELINE_UNTRUSTED,
            f"{signer.name} may not sign for this pipeline",
            step=where,
            expected=listed(signer.pipelines),
            found=pipeline,
            remedy=_GRANT,
        )
    ]


def _check_roots(view: ChainView, trust: Trust) -> list[Finding]:
    allowed = trust.roots
    if allowed is None:
        return []
    return [
        Finding(
            Code.ROOT_UNTRUSTED,
            "the chain starts from data that the trust policy does not allow",
            step=step_label(view.steps[root.step]) if root.step in view.steps else root.step,
            artifact=artifact_label(root.input, root.index),
            expected="one of the allowed roots",
            found=f"{root.digest} at {root.uri}",
            remedy=_GRANT,
        )
        for root in view.roots
        if str(root.digest) not in allowed and root.uri not in allowed
    ]
