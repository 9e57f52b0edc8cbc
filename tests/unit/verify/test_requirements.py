"""What a trust policy requires of every chain, and what it no longer believes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from kfp_provenance.bundle import bundle_digest, read_bundle
from kfp_provenance.codes import Code
from kfp_provenance.facts import Digest
from kfp_provenance.verify import Trust, verify_bundle
from kfp_provenance.verify.trust import RequiredComponent, Requirements, Revocations
from support.chains import NOW, START, content, digest, key_pair, signed, tabular_run

TRAIN = RequiredComponent("churn.steps.train", digest(b"train"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Trust]:
    signer, public = key_pair(tmp_path_factory.mktemp("keys"))
    return signed(tabular_run().chain(), signer), Trust.for_key(public)


def codes(made: tuple[bytes, Trust], **changes: object) -> set[Code]:
    bundle, trust = made
    changed = replace(trust, **changes)  # type: ignore[arg-type]
    verdict = verify_bundle(bundle, changed, content(b"model"), now=NOW).verdict
    return {finding.code for finding in verdict.findings}


def required(made: tuple[bytes, Trust], **what: object) -> set[Code]:
    return codes(made, requirements=Requirements(**what))  # type: ignore[arg-type]


def revoked(made: tuple[bytes, Trust], **what: object) -> set[Code]:
    return codes(made, revoked=Revocations(**what))  # type: ignore[arg-type]


def test_what_the_chain_has_may_be_required(made: tuple[bytes, Trust]) -> None:
    assert required(made, steps=frozenset({"train", "evaluate"})) == set()
    assert required(made, components=(TRAIN, RequiredComponent("churn.steps.evaluate"))) == set()
    assert required(made, level=1, maximum_age=timedelta(days=1)) == set()


def test_what_it_lacks_is_named(made: tuple[bytes, Trust]) -> None:
    assert required(made, steps=frozenset({"check-bias"})) == {Code.STEP_REQUIRED}
    assert required(made, steps=frozenset({"Train"})) == {Code.STEP_REQUIRED}
    assert required(made, components=(RequiredComponent("churn.steps"),)) == {Code.STEP_REQUIRED}
    other = replace(TRAIN, source_digest=digest(b"another"))
    assert required(made, components=(other,)) == {Code.STEP_REQUIRED}


@pytest.mark.parametrize("level", [2, 3])
def test_a_level_that_was_not_signed_is_not_given(made: tuple[bytes, Trust], level: int) -> None:
    assert required(made, level=level) == {Code.LEVEL_TOO_LOW}


def test_a_chain_grows_too_old(made: tuple[bytes, Trust]) -> None:
    bundle, trust = made
    limited = replace(trust, requirements=Requirements(maximum_age=timedelta(days=30)))
    for age, expected in ((30, set()), (31, {Code.BUNDLE_TOO_OLD})):
        later = NOW + timedelta(days=age)
        verdict = verify_bundle(bundle, limited, content(b"model"), now=later).verdict
        assert {finding.code for finding in verdict.findings} == expected


def test_a_signer_is_held_to_its_time(made: tuple[bytes, Trust]) -> None:
    (signer,) = made[1].signers
    for limit, expected in (
        ({"not_after": NOW}, set()),
        ({"not_before": NOW}, set()),
        ({"not_after": START}, {Code.SIGNER_EXPIRED}),
        ({"not_before": NOW + timedelta(seconds=1)}, {Code.SIGNER_EXPIRED}),
    ):
        assert codes(made, signers=(replace(signer, **limit),)) == expected  # type: ignore[arg-type]


def test_a_revoked_key_withdraws_everything_that_it_signed(made: tuple[bytes, Trust]) -> None:
    (signer,) = made[1].signers
    assert revoked(made, keys=frozenset({signer.label})) == {Code.SIGNER_REVOKED}
    assert revoked(made, keys=frozenset({"A" * 43 + "="})) == set()


def digests_of(bundle: bytes) -> dict[str, Digest]:
    lines = read_bundle(bundle)
    return {
        "the bundle": bundle_digest(lines),
        "a step's line": lines[0].digest,
        "a step's statement": lines[0].statement_digest,
        "the summary's statement": lines[-1].statement_digest,
        "the raw data": digest(b"raw"),
        "a data set in between": digest(b"trainrun-1"),
        "the model": digest(b"model"),
    }


@pytest.mark.parametrize(
    "what",
    [
        "the bundle",
        "a step's line",
        "a step's statement",
        "the summary's statement",
        "the raw data",
        "a data set in between",
        "the model",
    ],
)
def test_a_revoked_digest_withdraws_every_chain_that_it_is_in(
    made: tuple[bytes, Trust], what: str
) -> None:
    gone = digests_of(made[0])[what]
    assert revoked(made, digests=frozenset({gone})) == {Code.DIGEST_REVOKED}


def test_white_space_does_not_undo_the_revocation_of_a_statement(
    made: tuple[bytes, Trust],
) -> None:
    bundle, trust = made
    gone = digests_of(bundle)
    lines = bundle.splitlines()
    wrapped = b"\n".join([*lines[:-1], json.dumps(json.loads(lines[-1]), indent=None).encode()])
    assert wrapped != bundle.rstrip(b"\n")
    for name, still_gone in (("the bundle", False), ("the summary's statement", True)):
        found = revoked((wrapped, trust), digests=frozenset({gone[name]}))
        assert found == ({Code.DIGEST_REVOKED} if still_gone else set())


def test_another_digest_revokes_nothing(made: tuple[bytes, Trust]) -> None:
    assert revoked(made, digests=frozenset({digest(b"something else")})) == set()
