"""First stage: who signed. No payload is interpreted before every line has passed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kfp_provenance.attest.identifiers import PAYLOAD_TYPE
from kfp_provenance.attest.parse import StepStatement, parse_statement
from kfp_provenance.attest.printable import printable
from kfp_provenance.attest.summary import Summary
from kfp_provenance.bundle.format import Line
from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.facts import Finding
from kfp_provenance.signing.certificates import CertificateRefusedError, certificate_identity
from kfp_provenance.verify.trust import Identity, Trust, TrustedSigner


@dataclass(frozen=True)
class Authentic:
    """Who signed a line, and when, if a log or a timestamp authority vouches for the time."""

    signer: TrustedSigner
    logged: datetime | None = None


@dataclass(frozen=True)
class SignedStep:
    """A step statement, its line, its signer and the logged time of its signature."""

    line: Line
    signer: TrustedSigner
    statement: StepStatement
    logged: datetime | None = None


@dataclass(frozen=True)
class SignedSummary:
    """A summary, its line, its signer and the logged time of its signature."""

    line: Line
    signer: TrustedSigner
    statement: Summary
    logged: datetime | None = None


def authenticate(lines: Sequence[Line], trust: Trust) -> tuple[list[Authentic], list[Finding]]:
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
    lines: Sequence[Line], signers: Sequence[Authentic]
) -> tuple[list[SignedStep], list[SignedSummary], list[Finding]]:
    """Parse authenticated lines; each may only speak for its signer's builders."""
    steps: list[SignedStep] = []
    summaries: list[SignedSummary] = []
    findings: list[Finding] = []
    for line, authentic in zip(lines, signers, strict=True):
        signer, logged = authentic.signer, authentic.logged
        try:
            statement = parse_statement(line.payload, line.where)
        except ProvenanceError as error:
            findings.append(finding_of(error))
            continue
        builder = statement.builder if isinstance(statement, StepStatement) else statement.verifier
        if builder not in signer.builders:
            findings.append(_untrusted_builder(line, signer, builder))
        elif isinstance(statement, StepStatement):
            steps.append(SignedStep(line, signer, statement, logged))
        else:
            summaries.append(SignedSummary(line, signer, statement, logged))
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


def _authenticate(line: Line, trust: Trust) -> Authentic | Finding:
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
    return _with_certificate(line, trust) if line.certificate else _with_key(line, trust)


def _with_key(line: Line, trust: Trust) -> Authentic | Finding:
    signer = trust.signer_of(line.hint)
    if signer is None:
        return _untrusted_signer(line, trust, line.hint or "no key hint")
    if not _signature_holds(line, signer):
        return Finding(
            Code.SIGNATURE_INVALID,
            "a signature does not match: the line was changed after signing, or forged",
            artifact=line.where,
            expected=f"a signature by {signer.name}",
            found="another",
            remedy="fetch the bundle again from where the signing step wrote it",
        )
    return Authentic(signer)


def _with_certificate(line: Line, trust: Trust) -> Authentic | Finding:
    try:
        claimed = Identity(*certificate_identity(line.certificate))
        signer = trust.signer_with(claimed)
        if signer is None or trust.sigstore is None:
            return _untrusted_signer(line, trust, str(claimed))
        payload = line.payload_type, line.payload
        logged = trust.sigstore.verify(line.raw, claimed.identity, claimed.issuer, payload)
    except CertificateRefusedError as error:
        return Finding(
            Code.CERTIFICATE_INVALID,
            "a keyless signature does not hold by the root of trust",
            artifact=line.where,
            expected="a certificate, a log entry and a signature of a trusted Sigstore instance",
            found=str(error),
            remedy="fetch the bundle again, or the root of trust of the instance that signed it",
        )
    return Authentic(signer, logged)


def _untrusted_signer(line: Line, trust: Trust, found: str) -> Finding:
    trusted = [s.label if s.identity else f"{s.label} ({s.name})" for s in trust.signers[:5]]
    return Finding(
        Code.SIGNER_UNTRUSTED,
        "a line is signed by somebody whom the trust policy does not name",
        artifact=line.where,
        expected=", ".join(trusted),
        found=found,
        remedy="verify with the key or the identity of the signer, if you trust it",
    )


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

    if signer.key is None:
        return False
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
