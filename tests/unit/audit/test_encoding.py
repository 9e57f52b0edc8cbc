"""Records of any size and content become lines of bounded size that read back the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_provenance.audit import JudgedModel, Outcome, Place, Record, Requester, Target
from kfp_provenance.audit.encoding import MAX_LINE, bounded, canonical_json, encode_record
from kfp_provenance.audit.lines import decision_content, make_line, parse_line
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuditError
from kfp_provenance.facts import Digest, Finding
from support.audit import NOON, record

_CHAIN = "20260301T120000Z-gate-0-0123456789abcdef"
_TEXT = st.text(max_size=40)
_DIGEST = st.none() | st.just(Digest("e" * 64))
_RECORDS = st.builds(
    Record,
    place=st.sampled_from(Place),
    outcome=st.sampled_from(Outcome),
    time=st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1)),  # noqa: DTZ001
    requester=st.builds(Requester, _TEXT, st.lists(_TEXT, max_size=5).map(tuple)),
    target=st.builds(Target, _TEXT, _TEXT, _TEXT, _TEXT, st.booleans()),
    request_id=_TEXT,
    environment=_TEXT,
    enforced=st.booleans(),
    findings=st.lists(
        st.builds(Finding, st.sampled_from(Code), _TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT),
        max_size=4,
    ).map(tuple),
    models=st.lists(
        st.builds(JudgedModel, _TEXT, _TEXT, _DIGEST, _DIGEST, _DIGEST, st.lists(_TEXT).map(tuple)),
        max_size=4,
    ).map(tuple),
    policy_revision=_TEXT,
    revocation_revision=_TEXT,
    opa_decision_ids=st.lists(_TEXT, max_size=5).map(tuple),
    gate_version=_TEXT,
    duration=st.integers(0, 10**12),
)


def _line(one: Record) -> bytes:
    previous = Digest("f" * 64)
    return make_line(_CHAIN, 1, previous, NOON, decision_content(encode_record(one)))


@given(_RECORDS)
def test_any_record_reads_back_as_it_was(one: Record) -> None:
    line = _line(one)
    assert rfc8785.dumps(json.loads(line)) == line
    assert parse_line(line).content == one


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
                    lambda c: st.lists(c) | st.dictionaries(st.text("abcxyz_0"), c)))  # fmt: skip
def test_the_fast_encoder_writes_what_rfc8785_says(value: object) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["a", "é", "\ud800", "\x00", "😀", '"']), st.integers(1, 500))
def test_the_largest_record_is_cut_and_its_lists_are_counted(letter: str, many: int) -> None:
    text = letter * 5000
    finding = Finding(Code.USAGE, text, text, text, text, text, text)
    model = JudgedModel(text, text, None, None, None, (text,) * many)
    one = record(
        requester=Requester(text, (text,) * many),
        target=Target(text, text, text, text),
        findings=(finding,) * many,
        models=(model,) * many,
        opa_decision_ids=(text,) * many,
        policy_revision=text,
        revocation_revision=text,
        gate_version=text,
        environment=text,
        request_id=text,
    )
    line = _line(one)
    assert len(line) <= MAX_LINE
    read = parse_line(line).content
    assert isinstance(read, Record)
    assert len(read.findings) + read.omitted.get("findings", 0) == many
    assert len(read.models) + read.omitted.get("models", 0) == many
    assert len(read.requester.groups) + read.omitted.get("groups", 0) == many
    assert "5000 characters" in read.findings[0].message
    assert _line(read) == line  # what was cut once stays as it is


def test_a_cut_text_says_how_long_it_was() -> None:
    assert bounded("x" * 1024) == "x" * 1024
    assert bounded("x" * 1025) == "x" * 1024 + " [cut, 1025 characters in all]"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"version":1', b'"version":2'),
        (b'"version":1', b'"version":true'),
        (b'"sequence":1', b'"sequence":-1'),
        (b'"sequence":1', b'"sequence":1.5'),
        (b'"sequence":1', b'"sequence":"1"'),
        (b'"outcome":"refused"', b'"outcome":"maybe"'),
        (b'"sequence":1', b'"sequence": 1'),
        (b'"version":1', b'"version":1,"version":1'),
        (b'"version":1', b'"version":1,"x":1'),
        (b'"previous":"sha256:', b'"previous":"sha512:'),
        (b"2026-03-01T12:00:00.000000Z", b"2026-03-01T12:00:00Z"),
        (b"2026-03-01T12:00:00.000000Z", b"2026-13-01T12:00:00.000000Z"),
        (b'"previous":"sha256:' + b"f" * 64 + b'"', b'"previous":null'),
        (_CHAIN.encode(), b"../../etc"),
    ],
)
def test_a_line_that_the_trail_does_not_write_is_malformed(old: bytes, new: bytes) -> None:
    line = _line(record())
    assert old in line
    with pytest.raises(AuditError) as caught:
        parse_line(line.replace(old, new))
    assert caught.value.code is Code.AUDIT_RECORD_MALFORMED
