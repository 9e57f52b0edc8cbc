"""What the specifications say is what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

import kfp_provenance.attest.identifiers as names
from kfp_provenance.attest.policy import CHAIN_POLICY_TEXT
from kfp_provenance.codes import Code

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
BUNDLE = (REFERENCE / "bundle.md").read_text(encoding="utf-8")
STEP = (REFERENCE / "kfp-step-v1.md").read_text(encoding="utf-8")


def test_the_policy_is_printed_exactly() -> None:
    assert f"```text\n{CHAIN_POLICY_TEXT}```" in BUNDLE


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        (STEP, names.BUILD_TYPE),
        (STEP, names.IN_RUN_BUILDER),
        (STEP, names.OPERATOR_BUILDER),
        (STEP, names.STEP_BUILDER),
        (STEP, names.COLLECTOR_BUILDER),
        (BUNDLE, names.CHAIN_EXTENSION),
        (BUNDLE, names.CHAIN_POLICY),
        (BUNDLE, names.SUMMARY_TYPE),
    ],
)
def test_every_identifier_is_specified(text: str, uri: str) -> None:
    assert f"`{uri}`" in text


@pytest.mark.parametrize(
    "prefix", ["CHAIN_", "SUMMARY_", "SUBJECT_", "SIGN", "BUNDLE_M", "BUNDLE_T"]
)
def test_every_code_of_a_verdict_is_in_the_table(prefix: str) -> None:
    not_of_the_verifier = {
        Code.CHAIN_STEP_FAILED,
        Code.SIGNER_URI_INVALID,
        Code.SIGNER_UNREACHABLE,
        Code.SIGNER_DENIED,
    }
    for code in set(Code) - not_of_the_verifier:
        if code.startswith(prefix) and code is not Code.BUNDLE_MISSING:
            assert f"`{code}`" in BUNDLE
