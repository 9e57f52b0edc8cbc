"""The checkpoints of a chain: who signed them, and are all there?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from kfp_provenance.attest.identifiers import GATE_BUILDER
from kfp_provenance.audit.checkpoints import Checkpoint, parse_checkpoint, read_bundle_line
from kfp_provenance.audit.naming import CHECKPOINTS
from kfp_provenance.audit.records import CheckpointMark
from kfp_provenance.audit.report import Collected
from kfp_provenance.audit.sources import Source, read_lines
from kfp_provenance.bundle.format import Line
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuditError
from kfp_provenance.facts import Finding
from kfp_provenance.verify.authentic import authenticate, finding_of
from kfp_provenance.verify.trust import Trust, TrustedSigner

_REMEDY = "ask whoever can write to the trail; a copy of it may hold the checkpoint"


def believe(raw: bytes, where: str, trust: Trust) -> Checkpoint | Finding:
    """A checkpoint whose signature holds, or why it is not believed.

    Args:
        raw: One line of a file of checkpoints, without its newline.
        where: How findings name it.
        trust: Whom to believe, for the builder of the gate.
    """
    try:
        line = read_bundle_line(raw)
        signers, findings = authenticate([line], trust)
        if findings:
            return replace(findings[0], artifact=where)
        checkpoint = parse_checkpoint(line)
    except AuditError as error:
        return replace(finding_of(error), artifact=where)
    (authentic,) = signers
    refusal = _may_sign(authentic.signer, trust, authentic.logged or checkpoint.time, line)
    return checkpoint if refusal is None else replace(refusal, artifact=where)


def read_checkpoints(
    source: Source, chain: str, trust: Trust, collected: Collected
) -> list[Checkpoint]:
    """The checkpoints of a chain that are believed; of the others the findings."""
    believed: list[Checkpoint] = []
    torn = False
    for name in source.files(chain, CHECKPOINTS):
        with source.open(chain, name) as file:
            for position, (raw, whole) in enumerate(read_lines(file), start=1):
                where = f"{chain}/{name}, line {position}"
                if not whole:
                    torn = True
                    continue
                result = believe(raw, where, trust)
                if isinstance(result, Finding):
                    collected.refuse(result)
                elif result.tip.chain != chain:
                    collected.refuse(_misplaced(where, chain, result.tip.chain))
                else:
                    believed.append(result)
    if torn:
        collected.note(
            Finding(
                Code.AUDIT_RECORD_TORN,
                "a checkpoint was not written to its end",
                artifact=chain,
                remedy="nothing: the writer was killed, or its disk was full",
            )
        )
    return believed


def check_numbers(chain: str, checkpoints: Sequence[Checkpoint], collected: Collected) -> None:
    """Checkpoints count up from 1, and cover more and more."""
    number, sequence = 0, -1
    for checkpoint in checkpoints:
        if checkpoint.number <= number or checkpoint.tip.sequence < sequence:
            where = f"{chain}, checkpoint {checkpoint.number}"
            collected.refuse(_misplaced(where, f"number {number + 1}", "an earlier one"))
            continue
        if checkpoint.number > number + 1:
            collected.refuse(_missing(chain, number + 1, checkpoint.number - 1))
        number, sequence = checkpoint.number, checkpoint.tip.sequence


def check_marks(
    chain: str,
    marks: Iterable[CheckpointMark],
    checkpoints: Sequence[Checkpoint],
    collected: Collected,
) -> None:
    """Each checkpoint that the records tell of is there."""
    there = {(checkpoint.number, checkpoint.line.digest) for checkpoint in checkpoints}
    numbers = {checkpoint.number for checkpoint in checkpoints}
    highest = max(numbers, default=0)
    for mark in marks:
        if (mark.number, mark.digest) in there:
            continue
        if mark.number in numbers:
            where = f"{chain}, checkpoint {mark.number}"
            collected.refuse(_misplaced(where, str(mark.digest), "another checkpoint"))
        elif mark.number > highest:  # gaps below are told already
            collected.refuse(_missing(chain, mark.number, mark.number))


def _may_sign(signer: TrustedSigner, trust: Trust, time: datetime, line: Line) -> Finding | None:
    if GATE_BUILDER not in signer.builders:
        return Finding(
            Code.BUILDER_UNTRUSTED,
            f"{signer.name} may not sign for the audit trail",
            expected=GATE_BUILDER,
            found=", ".join(sorted(signer.builders)),
            remedy="grant it the builder of the gate in the trust policy, if you trust it",
        )
    begins, ends = signer.not_before, signer.not_after
    if (begins is not None and time < begins) or (ends is not None and time > ends):
        return Finding(
            Code.SIGNER_EXPIRED,
            f"{signer.name} signed outside the time that the trust policy grants it",
            found=time.isoformat(),
            remedy="look at who used the key",
        )
    revoked = trust.revoked
    withdrawn = signer.key is not None and signer.key.hint in revoked.keys
    for entry in revoked.identities:
        late = entry.since is None or time >= entry.since
        withdrawn = withdrawn or (entry.identity == signer.identity and late)
    if withdrawn or revoked.digests & {line.digest, line.statement_digest}:
        return Finding(
            Code.SIGNER_REVOKED if withdrawn else Code.DIGEST_REVOKED,
            "a checkpoint, or who signed it, was revoked",
            found=signer.name,
            remedy="compare with a checkpoint of somebody else",
        )
    return None


def _missing(chain: str, first: int, last: int) -> Finding:
    return Finding(
        Code.AUDIT_CHECKPOINT_MISSING,
        f"{last - first + 1} checkpoints are missing",
        artifact=chain,
        expected=f"checkpoints {first} to {last}",
        found="nothing",
        remedy=_REMEDY,
    )


def _misplaced(where: str, expected: str, found: str) -> Finding:
    return Finding(
        Code.AUDIT_CHECKPOINT_INVALID,
        "a checkpoint is not at its place",
        artifact=where,
        expected=expected,
        found=found,
        remedy=_REMEDY,
    )
