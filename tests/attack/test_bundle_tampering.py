"""Tampering without the key: the file of a really signed bundle is edited."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_provenance.bundle import read_bundle_file
from kfp_provenance.codes import Code
from kfp_provenance.errors import BundleError
from support.chains import (
    digest,
)
from support.forge import (
    edit_line,
    forged,
    joined,
    lines_of,
    sign_statement,
    statements_of,
)
from support.forging_desk import INGEST, SUMMARY, TRAIN, Desk


def test_untouched_it_passes(desk: Desk) -> None:
    assert desk.verify(desk.bundle).verdict.passed
    assert desk.verify(desk.other_run, b"other model").verdict.passed


# --- without the key: the file --------------------------------------------------------


def test_other_bytes_are_not_the_model(desk: Desk) -> None:
    assert desk.codes(desk.bundle, b"model!") == {Code.SUBJECT_MISMATCH}


def test_an_older_good_bundle_does_not_fit_another_model(desk: Desk) -> None:
    assert desk.codes(desk.other_run) == {Code.SUBJECT_MISMATCH}


def test_an_intermediate_artifact_is_not_the_model(desk: Desk) -> None:
    assert desk.codes(desk.bundle, b"trainrun-1") == {Code.SUBJECT_MISMATCH}


@pytest.mark.parametrize("number", range(4))
def test_a_dropped_step_is_missed(desk: Desk, number: int) -> None:
    lines = lines_of(desk.bundle)
    del lines[number]
    assert Code.SUMMARY_MISMATCH in desk.codes(joined(lines))


def test_a_dropped_summary_is_missed(desk: Desk) -> None:
    assert desk.codes(joined(lines_of(desk.bundle)[:-1])) == {Code.SUMMARY_MISSING}


def test_swapped_lines_are_noticed(desk: Desk) -> None:
    lines = lines_of(desk.bundle)
    for one, other in ((0, 1), (3, 4)):
        swapped = list(lines)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        assert desk.codes(joined(swapped)) == {Code.SUMMARY_MISMATCH}


def test_a_line_twice_is_a_duplicate(desk: Desk) -> None:
    lines = lines_of(desk.bundle)
    assert desk.codes(joined([lines[0], *lines])) == {Code.CHAIN_STEP_DUPLICATE}
    assert desk.codes(joined([*lines, lines[-1]])) == {Code.SUMMARY_DUPLICATE}


def test_a_spliced_step_of_another_run_is_named(desk: Desk) -> None:
    lines, others = lines_of(desk.bundle), lines_of(desk.other_run)
    codes = desk.codes(joined([*lines[:-1], others[0], lines[-1]]))
    assert codes == {
        Code.SUMMARY_MISMATCH,
        Code.CHAIN_STEP_UNCONNECTED,
        Code.CHAIN_RUN_UNLINKED,
    }


def test_a_step_replaced_by_that_of_another_run_is_named(desk: Desk) -> None:
    lines, others = lines_of(desk.bundle), lines_of(desk.other_run)
    codes = desk.codes(joined([others[0], *lines[1:]]))
    assert {Code.SUMMARY_MISMATCH, Code.CHAIN_STEP_MISSING} <= codes


def test_the_summary_of_another_run_does_not_fit(desk: Desk) -> None:
    lines, others = lines_of(desk.bundle), lines_of(desk.other_run)
    codes = desk.codes(joined([*lines[:-1], others[-1]]), b"other model")
    assert {Code.SUMMARY_MISMATCH, Code.SUBJECT_UNKNOWN, Code.CHAIN_RUN_UNLINKED} <= codes


def test_what_the_bundle_says_cannot_write_on_the_terminal(desk: Desk) -> None:
    escape = "\x1b[2J\u202ePASS\n"
    for change in (
        lambda line: line["dsseEnvelope"].update(payloadType=escape * 1000),
        lambda line: line["verificationMaterial"]["publicKey"].update(hint=escape),
        lambda line: line.update({escape: 1}),
        lambda line: line.update(mediaType=escape),
    ):
        (finding,) = desk.verify(edit_line(desk.bundle, 0, change)).verdict.findings
        assert finding.found.isprintable()
        assert len(finding.found) < 1100


def test_two_bundles_in_one_file_are_refused(desk: Desk) -> None:
    assert desk.codes(desk.bundle + desk.other_run) == {Code.SUMMARY_DUPLICATE}


def change_payload(bundle: bytes, number: int, old: bytes, new: bytes) -> bytes:
    def change(line: dict[str, Any]) -> None:
        payload = base64.b64decode(line["dsseEnvelope"]["payload"])
        assert old in payload
        edited = payload.replace(old, new, 1)
        line["dsseEnvelope"]["payload"] = base64.b64encode(edited).decode()

    return edit_line(bundle, number, change)


@pytest.mark.parametrize(
    ("number", "old", "new"),
    [
        (TRAIN, b'"seed":7', b'"seed":8'),
        (TRAIN, digest(b"model").hex.encode(), digest(b"evil").hex.encode()),
        (SUMMARY, b"PASSED", b"FAILED"),
        (SUMMARY, digest(b"model").hex.encode(), digest(b"evil").hex.encode()),
    ],
)
def test_a_changed_payload_breaks_its_signature(
    desk: Desk, number: int, old: bytes, new: bytes
) -> None:
    tampered = change_payload(desk.bundle, number, old, new)
    assert desk.codes(tampered) == {Code.SIGNATURE_INVALID}


def test_the_payload_of_an_unsigned_line_is_never_interpreted(desk: Desk) -> None:
    tampered = change_payload(desk.bundle, SUMMARY, b"PASSED", b"\x1b[2J\xff")
    result = desk.verify(tampered)
    assert result.view is None
    assert [f.code for f in result.verdict.findings] == [Code.SIGNATURE_INVALID]


def signatures(line: dict[str, Any]) -> list[Any]:
    found: list[Any] = line["dsseEnvelope"]["signatures"]
    return found


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda line: signatures(line).clear(), Code.SIGNATURE_MISSING),
        (lambda line: signatures(line)[0].update(sig=""), Code.SIGNATURE_MISSING),
        (lambda line: signatures(line).append(signatures(line)[0]), Code.SIGNATURE_INVALID),
        (lambda line: signatures(line)[0].update(sig="AAAA"), Code.SIGNATURE_INVALID),
        (
            lambda line: line["dsseEnvelope"].update(payloadType="text/plain"),
            Code.MEDIA_TYPE_UNKNOWN,
        ),
        (lambda line: line.update(mediaType="text/plain"), Code.MEDIA_TYPE_UNKNOWN),
        (
            lambda line: line["verificationMaterial"]["publicKey"].update(hint="AAAA"),
            Code.SIGNER_UNTRUSTED,
        ),
        (
            lambda line: line["verificationMaterial"]["publicKey"].update(hint=None),
            Code.SIGNER_UNTRUSTED,
        ),
    ],
)
@pytest.mark.parametrize("number", [INGEST, SUMMARY])
def test_an_edited_envelope_is_refused(
    desk: Desk, number: int, change: Callable[[dict[str, Any]], None], code: Code
) -> None:
    assert desk.codes(edit_line(desk.bundle, number, change)) == {code}


def test_a_signature_of_another_line_does_not_fit(desk: Desk) -> None:
    signature = json.loads(lines_of(desk.bundle)[1])["dsseEnvelope"]["signatures"]
    tampered = edit_line(
        desk.bundle, 0, lambda line: line["dsseEnvelope"].update(signatures=signature)
    )
    assert desk.codes(tampered) == {Code.SIGNATURE_INVALID}


def test_another_key_is_not_trusted_for_one_line_or_all(desk: Desk) -> None:
    everything = forged(statements_of(desk.bundle), desk.stranger)
    assert desk.codes(everything) == {Code.SIGNER_UNTRUSTED}
    lines = lines_of(desk.bundle)
    lines[TRAIN] = sign_statement(statements_of(desk.bundle)[TRAIN], desk.stranger)
    assert desk.codes(joined(lines)) == {Code.SIGNER_UNTRUSTED}


def test_another_key_under_the_name_of_the_trusted_one(desk: Desk) -> None:
    def disguise(line: dict[str, Any]) -> None:
        line["verificationMaterial"]["publicKey"]["hint"] = desk.signer.hint

    bundle = forged(statements_of(desk.bundle), desk.stranger)
    for number in range(5):
        bundle = edit_line(bundle, number, disguise)
    assert desk.codes(bundle) == {Code.SIGNATURE_INVALID}


def test_a_step_dropped_and_the_rest_signed_with_another_key(desk: Desk) -> None:
    statements = statements_of(desk.bundle)
    del statements[INGEST]
    assert desk.codes(forged(statements, desk.stranger)) == {Code.SIGNER_UNTRUSTED}


def test_a_line_written_another_way_is_not_the_line(desk: Desk) -> None:
    lines = lines_of(desk.bundle)
    lines[0] = json.dumps(json.loads(lines[0]), indent=None).encode()
    assert desk.codes(joined(lines)) == {Code.SUMMARY_MISMATCH}


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"[" * 1_000_000,
        b'{"mediaType":' * 10_000,
        b'{"a":' + b"9" * 1_000_000 + b"}",
        b'{"a":1e999}',
        b'{"a":1,"a":2}',
        b"\x00" * 100,
        b"null",
    ],
    ids=lambda junk: repr(junk[:12]),
)
def test_junk_in_a_line_is_refused(desk: Desk, junk: bytes) -> None:
    lines = lines_of(desk.bundle)
    codes = desk.codes(joined([lines[0], junk, *lines[1:]]))
    assert codes <= {Code.BUNDLE_MALFORMED, Code.MEDIA_TYPE_UNKNOWN}


def test_100_mb_are_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "large.sigstore.jsonl"
    with path.open("wb") as stream:
        stream.truncate(100 * 1024 * 1024)
    start = time.monotonic()
    with pytest.raises(BundleError) as caught:
        read_bundle_file(path)
    assert caught.value.code is Code.BUNDLE_TOO_LARGE
    assert time.monotonic() - start < 1


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_no_mutation_makes_it_say_something_else(desk: Desk, data: st.DataObject) -> None:
    """A mutation is refused, or the signed statements are the same bytes as before."""
    bundle = bytearray(desk.bundle)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(bundle) - 1))
        action = data.draw(st.sampled_from(["flip", "drop", "insert", "copy"]))
        if action == "flip":
            bundle[at] ^= data.draw(st.integers(1, 255))
        elif action == "drop":
            del bundle[at : at + data.draw(st.integers(1, 50))]
        elif action == "insert":
            bundle[at:at] = data.draw(st.binary(min_size=1, max_size=4))
        else:
            bundle[at:at] = bundle[at : at + data.draw(st.integers(1, 3000))]
    result = desk.verify(bytes(bundle))
    if result.verdict.passed:
        assert statements_of(bytes(bundle)) == statements_of(desk.bundle)
