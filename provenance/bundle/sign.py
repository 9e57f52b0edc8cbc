"""Sign a chain: every step, then the summary that names the signed lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from kfp_provenance.attest.identifiers import (
    COLLECTOR_BUILDER,
    IN_RUN_BUILDER,
    PAYLOAD_TYPE,
)
from kfp_provenance.attest.parse import parse_statement
from kfp_provenance.attest.statement import make_statements
from kfp_provenance.attest.summary import AttestationReference, make_summary
from kfp_provenance.bundle.format import read_bundle, write_bundle
from kfp_provenance.codes import Code
from kfp_provenance.errors import BundleError, ChainError
from kfp_provenance.facts import Digest, Environment, Finding
from kfp_provenance.lineage.model import Chain
from kfp_provenance.lineage.stored import Rehash
from kfp_provenance.signing.interface import Signer


def sign_chain(
    chain: Chain,
    signer: Signer,
    *,
    environments: Mapping[Digest, Environment],
    rehash: Rehash,
    now: datetime,
    builder: str = IN_RUN_BUILDER,
    attested: Sequence[bytes] | None = None,
) -> bytes:
    """Make the provenance bundle of a chain.

    Args:
        chain: A chain without findings.
        signer: Signs every line.
        environments: Python environments by digest, as far as they are known.
        rehash: What was hashed again before signing; its findings refuse the signature.
        now: Time of signing, with a time zone.
        builder: Who signs: the run's own signing step, or an operator from outside.
        attested: The line that each step of the chain signed itself, already judged: the
            signer then signs the summary and nothing else, as the collector of them.

    Returns:
        Bytes of the ``.sigstore.jsonl`` file.

    Raises:
        ChainError: If the chain does not hold or cannot be stated.
        BundleError: BUNDLE_TOO_LARGE.
        SigningError: If the signer fails.
    """
    _refuse(chain, rehash)
    if attested is None:
        statements = make_statements(chain, environments, builder)
        lines = [_line(statement, signer) for statement in statements]
    else:
        lines, builder = list(attested), COLLECTOR_BUILDER
    references = [
        AttestationReference(step.id, line.digest)
        for step, line in zip(chain.steps, read_bundle(write_bundle(lines)), strict=True)
    ]
    summary = make_summary(chain, references, stored=rehash.stored, now=now, builder=builder)
    return write_bundle([*lines, _line(summary, signer)])


def _refuse_findings(findings: tuple[Finding, ...], run: str) -> None:
    """Raise the first finding; the message lists all.

    Raises:
        ChainError: With the code of the first finding, if there is one.
    """
    if not findings:
        return
    first = findings[0]
    listed = "; ".join(
        f"{f.code} {f.message}" + (f" at {f.step}" if f.step else "") for f in findings[:20]
    )
    more = f"; and {len(findings) - 20} more" if len(findings) > 20 else ""  # noqa: PLR2004
    raise ChainError(
        first.code,
        f"the chain of run {run} does not hold and is not signed: {listed}{more}",
        where=" ".join(filter(None, (first.step, first.artifact))),
        expected=first.expected,
        found=first.found,
        remedy=first.remedy,
    )


def _refuse(chain: Chain, rehash: Rehash) -> None:
    _refuse_findings((*chain.findings, *rehash.findings), chain.run)
    if not chain.subjects or not chain.steps:
        raise ChainError(
            Code.SUBJECT_UNKNOWN,
            f"run {chain.run} has nothing to sign",
            expected="a model that a tracked step of the run produced",
            found=f"{len(chain.subjects)} artifacts, {len(chain.steps)} steps",
            remedy="give the signing step the model as an input",
        )


def _line(statement: bytes, signer: Signer) -> bytes:
    try:
        parse_statement(statement)  # nothing is signed that no verifier will read
    except BundleError as error:
        raise ChainError(
            error.code,
            f"a record of the run cannot be stated: {error.found}",
            where=error.where,
            remedy="shorten or mend the value in the component that recorded it",
        ) from error
    return signer.sign(statement, PAYLOAD_TYPE)
