"""What a trust policy does not allow is refused, however well it is signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kfp_provenance.attest import IN_RUN_BUILDER, OPERATOR_BUILDER
from kfp_provenance.codes import Code
from kfp_provenance.facts import Digest
from kfp_provenance.verify import Trust
from support.chains import (
    NOW,
    digest,
    signed,
    tabular_run,
)
from support.forge import forged, forget_root, lines_of, set_digest, statements_of
from support.forging_desk import INGEST, Desk

# --- limits of the trust policy ---------------------------------------------------------


def limited(desk: Desk, **limits: Any) -> Trust:
    trust = Trust.for_key(desk.public)
    roots = limits.pop("roots", None)
    return Trust((replace(trust.signers[0], **limits),), roots)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"pipelines": frozenset({"other"})}, Code.PIPELINE_UNTRUSTED),
        ({"namespaces": frozenset({"team-b", ""})}, Code.NAMESPACE_UNTRUSTED),
        ({"roots": frozenset({str(digest(b"other"))})}, Code.ROOT_UNTRUSTED),
        ({"builders": frozenset({"https://example.com/notary"})}, Code.BUILDER_UNTRUSTED),
    ],
)
def test_beyond_its_limits_a_trusted_signer_is_refused(
    desk: Desk, limits: dict[str, Any], code: Code
) -> None:
    assert desk.codes(desk.bundle, trust=limited(desk, **limits)) == {code}


def test_a_key_that_may_sign_in_the_run_may_not_sign_from_outside(desk: Desk) -> None:
    outside = signed(tabular_run().chain(), desk.signer, builder=OPERATOR_BUILDER)
    assert desk.verify(outside).verdict.passed
    trust = limited(desk, builders=frozenset({IN_RUN_BUILDER}))
    assert desk.codes(outside, trust=trust) == {Code.BUILDER_UNTRUSTED}


def test_within_its_limits_it_passes(desk: Desk) -> None:
    trust = limited(
        desk,
        pipelines=frozenset({"tabular-training"}),
        namespaces=frozenset({"team-a"}),
        roots=frozenset({str(digest(b"raw"))}),
    )
    assert desk.verify(desk.bundle, trust=trust).verdict.passed


def test_a_second_trusted_key_does_not_lend_its_rights(desk: Desk, tmp_path: Path) -> None:
    own = Trust.for_key(desk.public).signers[0]
    other = Trust.for_key(desk.stranger.public_pem).signers[0]
    trust = Trust((own, replace(other, pipelines=frozenset({"other"}))))
    assert desk.verify(desk.bundle, trust=trust).verdict.passed
    lines, statements = lines_of(desk.bundle), statements_of(desk.bundle)
    steps = [*statements[:-1]]
    mixed = forged([*steps, statements[-1]], desk.stranger)
    assert desk.codes(mixed, trust=trust) == {Code.PIPELINE_UNTRUSTED}
    assert len(lines) == len(lines_of(mixed))


def test_a_bundle_from_the_future_is_refused(desk: Desk) -> None:
    early = NOW - timedelta(hours=1)
    assert desk.codes(desk.bundle, now=early) == {Code.TIME_INVALID}


def test_a_subject_that_the_bundle_does_not_have(desk: Desk) -> None:
    assert desk.codes(desk.bundle, subject_name="weights") == {Code.SUBJECT_UNKNOWN}


def test_all_that_is_wrong_is_said_at_once(desk: Desk) -> None:
    statements = statements_of(desk.bundle)
    set_digest(statements[INGEST], b"evil")
    forget_root(statements)
    codes = desk.codes(forged(statements, desk.signer), b"other bytes")
    assert codes == {
        Code.SUBJECT_MISMATCH,
        Code.CHAIN_INPUT_MISMATCH,
        Code.SUMMARY_MISMATCH,
    }


def test_a_finding_says_where_and_what(desk: Desk) -> None:
    statements = statements_of(desk.bundle)
    set_digest(statements[INGEST], b"evil")
    (finding,) = desk.verify(forged(statements, desk.signer)).verdict.findings
    assert finding.step == "preprocess (run-1/preprocess)"
    assert finding.artifact == "table"
    assert str(digest(b"evil")) in finding.expected
    assert str(Digest(digest(b"tableraw").hex)) in finding.found
