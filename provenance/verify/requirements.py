"""What every chain must have, and what is no longer believed, by the trust policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from kfp_provenance.attest.identifiers import LEVEL
from kfp_provenance.attest.statement import timestamp
from kfp_provenance.bundle.format import Line, bundle_digest
from kfp_provenance.codes import Code
from kfp_provenance.facts import Digest, Finding, Input, Output
from kfp_provenance.lineage.checks import artifact_label, step_label
from kfp_provenance.verify.authentic import SignedStep, SignedSummary
from kfp_provenance.verify.permission import signing_time
from kfp_provenance.verify.trust import RequiredComponent, Requirements, Revocations
from kfp_provenance.verify.view import ChainView

_MISSING = "run a pipeline that has the step, and sign that run"
_WITHDRAWN = "do not use this artifact: sign a chain without what was revoked"


def check_requirements(
    view: ChainView, summary: SignedSummary, required: Requirements, now: datetime
) -> list[Finding]:
    """Steps, components, level and age."""
    tasks = {step.task for step in view.steps.values()}
    findings = [
        Finding(
            Code.STEP_REQUIRED,
            "the chain lacks a task that the trust policy requires",
            step=task,
            expected=task,
            found=", ".join(sorted(tasks))[:500],
            remedy=_MISSING,
        )
        for task in sorted(required.steps - tasks)
    ]
    for component in required.components:
        findings += _check_component(view, component)
    if required.level > LEVEL:
        findings.append(
            Finding(
                Code.LEVEL_TOO_LOW,
                "the trust policy asks for a higher SLSA Build level than was signed",
                expected=f"SLSA_BUILD_LEVEL_{required.level}",
                found=", ".join(view.summary.levels)[:200],
                remedy="have the chain signed by a platform that can vouch for that level",
            )
        )
    age = now - signing_time(summary)
    if required.maximum_age is not None and age > required.maximum_age:
        findings.append(
            Finding(
                Code.BUNDLE_TOO_OLD,
                "the chain was signed too long ago",
                expected=f"signed after {timestamp(now - required.maximum_age)}",
                found=timestamp(signing_time(summary)),
                remedy="run the pipeline again and sign that run",
            )
        )
    return findings


def _check_component(view: ChainView, required: RequiredComponent) -> list[Finding]:
    found = [s.component for s in view.steps.values() if s.component.name == required.name]
    wanted = required.source_digest
    if any(wanted in (None, component.source_digest) for component in found):
        return []
    return [
        Finding(
            Code.STEP_REQUIRED,
            "the chain lacks a component that the trust policy requires",
            step=required.name,
            expected=f"{required.name} with source {wanted}" if wanted else required.name,
            found=", ".join(str(component.source_digest) for component in found) or "none",
            remedy=_MISSING,
        )
    ]


def check_revocations(
    view: ChainView,
    lines: Sequence[Line],
    steps: Sequence[SignedStep],
    summary: SignedSummary,
    revoked: Revocations,
) -> list[Finding]:
    """Keys, identities, artifacts, lines, statements and bundles that were revoked."""
    return [
        *_check_signers(steps, summary, revoked),
        *(
            Finding(
                Code.DIGEST_REVOKED,
                f"{what} was revoked",
                artifact=name,
                expected="a digest that is not revoked",
                found=str(digest),
                remedy=_WITHDRAWN,
            )
            for digest, what, name in _digests(view, lines)
            if digest in revoked.digests
        ),
    ]


def _check_signers(
    steps: Sequence[SignedStep], summary: SignedSummary, revoked: Revocations
) -> Iterator[Finding]:
    since = {entry.identity: entry.since for entry in revoked.identities}
    signatures: list[SignedStep | SignedSummary] = [*steps, summary]
    for signed in signatures:
        signer = signed.signer
        if signer.key is not None:
            bad = signer.key.hint in revoked.keys
        elif signer.identity in since:
            start = since[signer.identity]
            # a logged time cannot be chosen by whoever stole the identity
            bad = start is None or signed.logged is None or signed.logged >= start
        else:
            bad = False
        if bad:
            yield Finding(
                Code.SIGNER_REVOKED,
                "a line is signed with a key or an identity that was revoked",
                artifact=signed.line.where,
                expected="a signer that is not revoked",
                found=signer.label,
                remedy="sign the run again with a signer that is trusted",
            )


def _digests(view: ChainView, lines: Sequence[Line]) -> Iterator[tuple[Digest, str, str]]:
    """Everything of the chain that has a digest: digest, what it is, its name; each once."""
    yield bundle_digest(lines), "the bundle", ""
    for line in lines:
        yield line.digest, "a line", line.where
        yield line.statement_digest, "a statement", line.where
    seen = set()
    for step in view.steps.values():
        ports: list[Output | Input] = [*step.outputs, *step.inputs]
        for port in ports:
            if port.artifact.digest not in seen:
                seen.add(port.artifact.digest)
                label = artifact_label(port.name, port.index)
                yield port.artifact.digest, "an artifact", f"{label} of {step_label(step)}"
