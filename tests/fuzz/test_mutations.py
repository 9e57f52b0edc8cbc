"""A small `make fuzz` with a fixed seed: nothing is believed that should not be."""

from __future__ import annotations

import hashlib
from pathlib import Path
from random import Random

import pytest

from fuzz.campaign import numbers_of, run
from fuzz.kinds import Kind, check_original, every_kind
from fuzz.mutate import wrapper_level
from fuzz.mutate.json_tree import parse, write
from fuzz.originals import key_signed
from fuzz.statements import payloads
from kfp_provenance.bundle import format as bundle_format
from kfp_provenance.facts import Finding
from kfp_provenance.hashing import content
from kfp_provenance.verify import agreement, authentic, chain, strict_yaml
from kfp_provenance.verify.sigstore_root import SigstoreRoot
from support.forge import lines_of

MUTANTS = 2000


def _count(kind: Kind) -> int:
    return round(MUTANTS * kind.share / sum(other.share for other in every_kind().values()))


@pytest.mark.parametrize("name", list(every_kind()))
def test_no_mutant_is_believed_and_no_error_is_another_s(name: str, tmp_path: Path) -> None:
    kind = every_kind()[name]
    check_original(kind)
    tally = run(name, "make test", range(_count(kind)), tmp_path)
    assert tally.violations == []
    assert tally.mutants == _count(kind)
    assert tally.accepted < tally.mutants


@pytest.mark.parametrize("name", list(every_kind()))
def test_a_seed_makes_the_same_mutants_again(name: str) -> None:
    kind = every_kind()[name]
    for number in range(3):
        one, other = (kind.mutate(numbers_of("seed", kind, number)) for _ in range(2))
        assert one == other
    digests = {
        hashlib.sha256(kind.mutate(numbers_of(seed, kind, 0))[1]).hexdigest() for seed in "abcdef"
    }
    assert len(digests) > 1


def test_another_signature_of_the_same_key_is_the_same_evidence() -> None:
    """Of ECDSA it is known that (r, n - s) holds too: no mutation makes more of it."""
    kind = every_kind()["bundle/tabular"]
    lines = lines_of(kind.original)
    seen: set[bool] = set()
    for number in range(200):
        tree = parse(lines[-1])
        wrapper_level.signature_numbers(Random(number), tree, ())  # noqa: S311
        changed = write(tree)
        seen.add(kind.judge(b"\n".join([*lines[:-1], changed])).accepted)
        assert wrapper_level.bytes_at(tree, *wrapper_level.PAYLOAD) == payloads(key_signed()[0])[-1]
    assert seen == {True, False}


# --- the fuzzer itself finds what it is there to find -------------------------------------


def _holds(*given: object) -> bool:
    return True


def _nothing_found(*given: object) -> list[Finding]:
    return []


def _unchecked(*given: object) -> None:
    return None


def _any_name(path: str) -> bytes:
    return path.encode("utf-8", "replace")


HOLES: list[tuple[str, object, str, object]] = [
    ("bundle/tabular", authentic, "_signature_holds", _holds),
    ("bundle/tabular", agreement, "_check_lines", _nothing_found),
    ("bundle/tabular", bundle_format, "_canonical_base64", _holds),
    ("bundle/keyless-short", SigstoreRoot, "verify", _unchecked),
    ("signed/tabular", chain, "_check_producer", _unchecked),
    ("signed/tabular", chain, "_check_roots", _nothing_found),
    ("signed/tabular", chain, "_check_subjects", _nothing_found),
    ("revoked.yaml", strict_yaml, "_PLAIN", {}),
    ("listing/names", content, "check_name", _any_name),
]


@pytest.mark.parametrize(
    ("name", "where", "what", "hole"), HOLES, ids=[f"{name}-{what}" for name, _, what, _ in HOLES]
)
def test_a_hole_in_the_verifier_is_found(
    name: str,
    where: object,
    what: str,
    hole: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(where, what, hole)
    violations: list[str] = []
    for start in range(0, 1500, 50):
        violations += run(name, "holes", range(start, start + 50), tmp_path).violations
        if violations:
            break
    assert violations
    (written, *_) = sorted(tmp_path.glob("*.mutant"))
    assert written.with_suffix(".txt").read_text("utf-8")
