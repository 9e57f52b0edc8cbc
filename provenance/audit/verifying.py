"""Verify a whole trail: its chains, what they say about each other, and what is signed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from kfp_provenance.audit.chain import first_entry
from kfp_provenance.audit.chain_check import ChainCheck, Head
from kfp_provenance.audit.checkpoint_check import (
    believe,
    check_marks,
    check_numbers,
    read_checkpoints,
)
from kfp_provenance.audit.checkpoints import Checkpoint
from kfp_provenance.audit.naming import RECORDS
from kfp_provenance.audit.records import Start, Tip
from kfp_provenance.audit.report import ChainReport, Collected, TrailReport
from kfp_provenance.audit.sources import Source, open_source, read_lines
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuditError
from kfp_provenance.facts import Finding
from kfp_provenance.verify.trust import Trust

_REMEDY = "ask whoever can write to the trail; a copy of it may hold what is missing"
_UNSIGNED = f"if its writer had no signer, give it one, and say --unsigned here; else {_REMEDY}"


def verify_trail(uri: str, trust: Trust | None, expected: Iterable[bytes] = ()) -> TrailReport:
    """Judge a trail, reading each line once.

    Args:
        uri: As :meth:`~kfp_provenance.audit.AuditTrail.open` takes it.
        trust: Whom to believe; grants the builder of the gate. None judges the chains alone,
            which proves nothing against somebody who wrote all of them anew.
        expected: Checkpoints that were kept elsewhere, one bundle each, that must hold.

    Raises:
        AuditError: AUDIT_TRAIL_EMPTY, AUDIT_TRAIL_UNREADABLE or URI_UNSUPPORTED.
        StorageError: If the bucket cannot be read.
    """
    source = open_source(uri)
    chains = source.chains()
    collected = Collected()
    heads = _expected(expected, trust, collected)
    if not chains and not heads:
        raise AuditError(
            Code.AUDIT_TRAIL_EMPTY,
            "there is no audit trail",
            where=source.uri,
            expected="at least one chain",
            found="none",
            remedy="check the URI",
        )
    follows = {chain: _follows(source, chain) for chain in chains}
    for chain, tips in follows.items():
        for tip in tips:
            heads.setdefault(tip.chain, []).append(Head(tip, f"chain {chain}"))
    _check_missing(chains, heads, collected)
    judged = [_judge(source, chain, heads.get(chain, []), trust, collected) for chain in chains]
    if trust is not None:
        judged = _with_coverage(judged, follows, collected)
    return TrailReport(source.uri, collected.verdict, tuple(chain.report for chain in judged))


class _Judged:
    """A chain that was read, and which of its lines somebody vouches for."""

    def __init__(self, report: ChainReport, held: dict[Tip, int], own: Tip | None) -> None:
        self.report = report
        self.held = held
        self.own = own


def _judge(
    source: Source, chain: str, said: Sequence[Head], trust: Trust | None, collected: Collected
) -> _Judged:
    checkpoints = [] if trust is None else read_checkpoints(source, chain, trust, collected)
    heads = [Head(made.tip, f"checkpoint {made.number}") for made in checkpoints]
    check = ChainCheck(chain, [*said, *heads], collected)
    _read(source, chain, check, collected)
    if trust is not None:
        if _went_on(check, checkpoints):
            checkpoints = read_checkpoints(source, chain, trust, Collected())
            check.hold_end(made.tip for made in checkpoints)
        check_numbers(chain, checkpoints, collected)
        check_marks(chain, check.marks, checkpoints, collected)
    holding = [made for made in checkpoints if made.tip in check.held]
    newest: Checkpoint | None = max(holding, key=lambda made: made.tip.sequence, default=None)
    report = ChainReport(
        chain=chain,
        replica=check.start.replica if check.start is not None else "",
        lines=check.lines,
        decisions=check.decisions,
        tip=check.tip,
        ended=check.ended,
        covered=check.held[newest.tip] if newest is not None else 0,
        last=check.last.time if check.last is not None else None,
        checkpoint=newest,
    )
    return _Judged(report, check.held, newest.tip if newest is not None else None)


def _went_on(check: ChainCheck, checkpoints: Sequence[Checkpoint]) -> bool:
    """Whether the records tell of checkpoints that were not there when these were read.

    The gate may have made them meanwhile. Findings in what was there are told already.
    """
    there = {made.line.digest for made in checkpoints}
    ended = check.ended and check.tip not in {made.tip for made in checkpoints}
    return ended or any(mark.digest not in there for mark in check.marks)


def _read(source: Source, chain: str, check: ChainCheck, collected: Collected) -> None:
    names = source.files(chain, RECORDS)
    for name in names:
        with source.open(chain, name) as file:
            for line, whole in read_lines(file):
                if whole or name != names[-1]:
                    check.read(line)
                    continue
                collected.note(
                    Finding(
                        Code.AUDIT_RECORD_TORN,
                        "the last line was not written to its end; nobody got its answer",
                        artifact=f"{chain}/{name}",
                        remedy="nothing: the writer was killed, or its disk was full",
                    )
                )
    check.finish()


def _expected(
    lines: Iterable[bytes], trust: Trust | None, collected: Collected
) -> dict[str, list[Head]]:
    heads: dict[str, list[Head]] = {}
    for number, line in enumerate(lines, start=1):
        where = f"expected checkpoint {number}"
        if trust is None:
            raise AuditError(
                Code.USAGE,
                "a checkpoint is believed only with somebody to trust",
                where=where,
                remedy="pass the public key of the gate's signer, or a trust policy",
            )
        result = believe(line, where, trust)
        if isinstance(result, Finding):
            collected.refuse(result)
        else:
            heads.setdefault(result.tip.chain, []).append(Head(result.tip, where))
    return heads


def _follows(source: Source, chain: str) -> tuple[Tip, ...]:
    first = first_entry(source, chain)
    if first is None or not isinstance(first.content, Start) or first.chain != chain:
        return ()  # what is wrong with it is told when the chain is read
    return first.content.follows


def _check_missing(
    chains: Sequence[str], heads: dict[str, list[Head]], collected: Collected
) -> None:
    for chain in sorted(heads.keys() - set(chains)):
        collected.refuse(
            Finding(
                Code.AUDIT_CHAIN_MISSING,
                f"a chain is missing that {heads[chain][0].by} knows",
                artifact=chain,
                expected=f"at least {max(head.tip.sequence for head in heads[chain]) + 1} lines",
                found="nothing",
                remedy=_REMEDY,
            )
        )


def _with_coverage(
    judged: Sequence[_Judged], follows: dict[str, tuple[Tip, ...]], collected: Collected
) -> list[_Judged]:
    """A signed chain also covers what its start says about others. Tells what is not covered."""
    signed = {chain.report.chain for chain in judged if chain.own is not None}
    by_name = {chain.report.chain: chain for chain in judged}
    covered = {chain.report.chain: chain.report.covered for chain in judged}
    ends = {chain.report.chain: chain.own for chain in judged}
    todo = sorted(signed)
    while todo:
        for tip in follows.get(todo.pop(), ()):
            chain = by_name.get(tip.chain)
            if chain is None or tip not in chain.held:
                continue
            covered[tip.chain] = max(covered[tip.chain], chain.held[tip])
            end = ends[tip.chain]
            if end is None or end.sequence < tip.sequence:
                ends[tip.chain] = tip
            if tip.chain not in signed:
                signed.add(tip.chain)
                todo.append(tip.chain)
    result = []
    for chain in judged:
        report = replace(chain.report, covered=covered[chain.report.chain])
        _tell_coverage(report, ends[report.chain], collected)
        result.append(_Judged(report, chain.held, chain.own))
    return result


def _tell_coverage(report: ChainReport, end: Tip | None, collected: Collected) -> None:
    if report.ended and report.tip != end:
        collected.refuse(
            Finding(
                Code.AUDIT_CHECKPOINT_MISSING,
                "the chain was closed, but no checkpoint covers its end",
                artifact=report.chain,
                expected=f"a checkpoint of line {report.tip.sequence if report.tip else 0}",
                found=f"one of line {end.sequence}" if end is not None else "none that holds",
                remedy=_REMEDY if end is not None else _UNSIGNED,
            )
        )
    elif report.not_covered and end is None:
        collected.refuse(
            Finding(
                Code.AUDIT_NOT_COVERED,
                f"no signature covers any of {report.not_covered} decisions",
                artifact=report.chain,
                expected="a checkpoint of a trusted signer",
                found="none that holds",
                remedy=_UNSIGNED,
            )
        )
    elif report.not_covered:
        collected.note(
            Finding(
                Code.AUDIT_NOT_COVERED,
                f"{report.not_covered} decisions are not covered by a signature yet",
                artifact=report.chain,
                remedy="verify again after the next checkpoint or the next start of a gate",
            )
        )
