"""First stage: who signed. No payload is interpreted before every line has passed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kfp_provenance.attest.identifiers import PAYLOAD_TYPE
from kfp_provenance.attest.parse import StepStatement, parse_statement
from kfp_provenance.attest.printable import printable
from kfp_provenance.attest.summary import Summary
from kfp_provenance.bundle.format import Line
from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.facts import Finding
from kfp_provenance.verify.trust import Trust, TrustedSigner


@dataclass(frozen=True)
class SignedStep:
    """A step statement, its line and its signer."""

    line: Line
    signer: TrustedSigner
    statement: StepStatement


@dataclass(frozen=True)
class SignedSummary:
    """A summary, its line and its signer."""

    line: Line
    signer: TrustedSigner
    statement: Summary


def authenticate(lines: Sequence[Line], trust: Trust) -> tuple[list[TrustedSigner], list[Finding]]:
    """Signer of each line; meaningful only without findings."""
    signers, findings = [], []
    for line in lines:
        result = _authenticate(line, trust)
        if isinstance(result, Finding):
            findings.append(result)
        else:
            signers.append(result)
    return signers, findings


def interpret(
    lines: Sequence[Line], signers: Sequence[TrustedSigner]
) -> tuple[list[SignedStep], list[SignedSummary], list[Finding]]:
    """Parse authenticated lines; each may only speak for its signer's builders."""
    steps: list[SignedStep] = []
    summaries: list[SignedSummary] = []
    findings: list[Finding] = []
    for line, signer in zip(lines, signers, strict=True):
        try:
            statement = parse_statement(line.payload, line.where)
        except ProvenanceError as error:
            findings.append(finding_of(error))
            continue
        builder = statement.builder if isinstance(statement, StepStatement) else statement.verifier
        if builder not in signer.builders:
            findings.append(_untrusted_builder(line, signer, builder))
        elif isinstance(statement, StepStatement):
            steps.append(SignedStep(line, signer, statement))
        else:
            summaries.append(SignedSummary(line, signer, statement))
    return steps, summaries, findings


def finding_of(error: ProvenanceError) -> Finding:
    """An error of reading as a finding."""
    return Finding(
        error.code,
        error.message,
        artifact=error.where,
        expected=error.expected,
        found=error.found,
        remedy=error.remedy,
    )


def printable_finding(finding: Finding) -> Finding:
    """What bundles and stores say, safe to be printed."""
    return Finding(
        finding.code,
        printable(finding.message),
        step=printable(finding.step),
        artifact=printable(finding.artifact),
        expected=printable(finding.expected, 1000),
        found=printable(finding.found, 1000),
        remedy=printable(finding.remedy, 1000),
    )


def _authenticate(line: Line, trust: Trust) -> TrustedSigner | Finding:
    if line.payload_type != PAYLOAD_TYPE:
        return Finding(
            Code.MEDIA_TYPE_UNKNOWN,
            "a line signs something else than an in-toto statement",
            artifact=line.where,
            expected=PAYLOAD_TYPE,
            found=line.payload_type,
            remedy="check that this is a provenance bundle",
        )
    if len(line.signatures) != 1 or not line.signatures[0]:
        return _signature_count(line)
    signer = trust.signer_of(line.hint)
    if signer is None:
        return Finding(
            Code.SIGNER_UNTRUSTED,
            "a line is signed with a key that the trust policy does not name",
            artifact=line.where,
            expected=", ".join(f"{s.key.hint} ({s.name})" for s in trust.signers[:5]),
            found=line.hint or "no key hint",
            remedy="verify with the public key of the signer, if you trust it",
        )
    if not _signature_holds(line, signer):
        return Finding(
            Code.SIGNATURE_INVALID,
            "a signature does not match: the line was changed after signing, or forged",
            artifact=line.where,
            expected=f"a signature by {signer.name}",
            found="another",
            remedy="fetch the bundle again from where the signing step wrote it",
        )
    return signer


def _signature_count(line: Line) -> Finding:
    many = len(line.signatures) > 1
    return Finding(
        Code.SIGNATURE_INVALID if many else Code.SIGNATURE_MISSING,
        "a line has more than one signature" if many else "a line has no signature",
        artifact=line.where,
        expected="exactly one signature",
        found=f"{len(line.signatures)} signatures" if many else "none",
        remedy="fetch the bundle again from where the signing step wrote it",
    )


def _signature_holds(line: Line, signer: TrustedSigner) -> bool:
    # slow to import
    from securesystemslib.dsse import Envelope  # noqa: PLC0415
    from securesystemslib.exceptions import UnverifiedSignatureError  # noqa: PLC0415
    from securesystemslib.signer import Signature  # type: ignore[attr-defined]  # noqa: PLC0415

    key = signer.key.verifier
    pae = Envelope(line.payload, line.payload_type, {}).pae()
    try:
        key.verify_signature(Signature(key.keyid, line.signatures[0].hex()), pae)
    except UnverifiedSignatureError:
        return False
    return True


def _untrusted_builder(line: Line, signer: TrustedSigner, builder: str) -> Finding:
    return Finding(
        Code.BUILDER_UNTRUSTED,
        f"{signer.name} speaks for a builder that the trust policy does not grant it",
        artifact=line.where,
        expected=", ".join(sorted(signer.builders)),
        found=builder,
        remedy="grant the pair in the trust policy, if you trust it",
    )
