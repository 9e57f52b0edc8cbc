"""JSON from outside has one meaning or is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.attest.strict_json import MAX_DEPTH, MAX_INTEGER, StrictJsonError, loads

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(values)
def test_plain_json_is_read_as_python_reads_it(value: object) -> None:
    text = json.dumps(value)
    try:
        assert loads(text.encode()) == value
    except StrictJsonError:
        assert "\\ud" in text  # a key may hold lone surrogates


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff",
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b'{"a":1,"a":1}',
        b'{"x":{"a":1,"b":2,"a":3}}',
        b'{"a":1,"\\u0061":2}',
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e999]",
        b"[9007199254740992]",
        b"[-9007199254740992]",
        b"[" + b"9" * 5000 + b"]",
        b"[0." + b"1" * 5000 + b"]",
        b'["\\ud800"]',
        b'{"\\udfff":1}',
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"[" * 1_000_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"{} {}",
    ],
    ids=lambda data: repr(data[:24]),
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(StrictJsonError):
        loads(data)


def test_the_limits_themselves_are_accepted() -> None:
    nested = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert loads(nested)
    assert loads(str(MAX_INTEGER)) == MAX_INTEGER
