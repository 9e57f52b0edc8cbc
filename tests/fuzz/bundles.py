"""Bundles: no mutant passes, unless it is the same evidence in another wrapping."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from fuzz.evidence import difference
from fuzz.kinds import Kind, Result, need
from fuzz.mutate import bundle_level
from fuzz.originals import Original, key_signed, keyless
from kfp_provenance.bundle import read_bundle, split_bundle
from kfp_provenance.codes import REFUSALS
from kfp_provenance.errors import BundleError
from kfp_provenance.facts import Finding, Verdict

SAME = "genuine: the same evidence in another wrapping"
_LONGEST = 1100
_SHARES = {"keyless": 8.0, "keyless-short": 12.0, "tabular": 16.0}


def judge(original: Original, mutant: bytes) -> Result:
    """Refused for a reason that can be shown, or the same evidence."""
    _can_be_taken_apart(mutant)
    result = original.verify(mutant)
    check_findings(result.verdict)
    if not result.verdict.passed:
        return Result(result.verdict.findings[0].code)
    why = difference(original.material.bundle, mutant)
    need(not why, f"accepted, although {why}")
    return Result(SAME, accepted=True)


def _can_be_taken_apart(mutant: bytes) -> None:
    try:
        lines = read_bundle(mutant)
    except BundleError:
        return
    files = split_bundle(lines)
    rest = b"\n".join(file.data for file in files)
    need(rest == mutant.removesuffix(b"\n"), "split, it is other bytes")
    need(len({file.name for file in files}) == len(files), "two lines go to one file")


def check_findings(verdict: Verdict) -> None:
    """A refusal has a code, a reason, a remedy, and cannot write on a terminal."""
    for finding in (*verdict.findings, *verdict.notes):
        texts = _texts(finding)
        need(all(text.isprintable() for text in texts), f"not printable: {texts!r:.300}")
        need(all(len(text) < _LONGEST for text in texts), "a finding is too long to be read")
    for finding in verdict.findings:
        need(finding.code in REFUSALS, f"{finding.code} does not refuse")
        need(finding.message and finding.remedy, f"{finding.code} says nothing")


def _texts(finding: Finding) -> tuple[str, ...]:
    return (
        finding.message, finding.step, finding.artifact, finding.expected, finding.found,
        finding.remedy,
    )  # fmt: skip


def _kind(original: Original) -> Kind:
    def mutate(random: Random) -> tuple[str, bytes]:
        return bundle_level.mutate(random, original.material)

    def judged(mutant: bytes) -> Result:
        return judge(original, mutant)

    share = _SHARES.get(original.name, 10.0)
    return Kind(f"bundle/{original.name}", share, original.material.bundle, mutate, judged)


def kinds() -> Iterator[Kind]:
    """One for each original."""
    yield from map(_kind, (*key_signed(), *keyless()))
