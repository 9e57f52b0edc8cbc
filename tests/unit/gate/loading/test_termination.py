"""The reason reaches the kubelet, whatever it is, in 4096 bytes."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.codes import Code
from kfp_provenance.errors import LoadError
from kfp_provenance.facts import Finding
from kfp_provenance.gate.loading import refusal_message, write_message
from kfp_provenance.gate.loading.refusing import refused
from kfp_provenance.gate.loading.termination import LIMIT

TEXT = st.text(max_size=6000)


@given(TEXT, TEXT, TEXT, st.lists(TEXT, max_size=40))
def test_a_message_always_fits_and_always_says_the_code(
    where: str, expected: str, found: str, more: list[str]
) -> None:
    findings = [
        Finding(Code.SUBJECT_MISMATCH, where, expected=expected, found=found, remedy=where),
        *(Finding(Code.DIGEST_REVOKED, text, artifact=text) for text in more),
    ]
    message = refusal_message(refused(findings))
    assert len(message.encode()) <= LIMIT
    said = json.loads(message)
    assert (said["decision"], said["code"]) == ("refused", "SUBJECT_MISMATCH")


def test_short_reasons_are_whole() -> None:
    error = LoadError(
        Code.OBJECT_DIGEST_MISMATCH, "not it", where="gs://b/m", expected="a", found="b", remedy="r"
    )
    assert json.loads(refusal_message(error)) == {"decision": "refused", **error.to_json()}


def test_findings_that_do_not_fit_are_counted() -> None:
    said = json.loads(
        refusal_message(refused([Finding(Code.DIGEST_REVOKED, "m" * 300, found="f")] * 60))
    )
    assert len(said["findings"]) + said["more_findings"] == 59


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("kept")
    link = tmp_path / "log"
    link.symlink_to(other)
    assert write_message("x", {"KPROV_TERMINATION_LOG": str(link)})
    assert other.read_text() == "kept"
    path = tmp_path / "new"
    assert write_message("reason", {"KPROV_TERMINATION_LOG": str(path)}) == ""
    assert path.read_text() == "reason"
