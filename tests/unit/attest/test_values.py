"""Parameter values keep their meaning in a statement, whatever reads it."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.attest.strict_json import MAX_INTEGER
from kfp_provenance.attest.values import decode_parameter, encode_parameter, same_parameter
from kfp_provenance.facts import Parameter

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "keyedDigest", "a", "b"]), inner, max_size=2)
    ),
    max_leaves=8,
)


@given(values)
def test_a_value_survives_the_statement(value: object) -> None:
    parameter = Parameter("p", value=json.dumps(value))
    carried = json.loads(rfc8785.dumps(encode_parameter(parameter)))
    back = decode_parameter("p", carried)
    assert back.keyed_digest == ""
    assert json.loads(back.value) == value
    assert same_parameter(parameter, back)


@pytest.mark.parametrize(
    "text",
    [
        str(MAX_INTEGER + 1),
        "[-99999999999999999999]",
        "NaN",
        '{"text":"x"}',
        '{"keyedDigest":"hmac-sha256:a:b"}',
        "[" * 40 + "]" * 40,
    ],
)
def test_what_others_might_read_otherwise_is_carried_as_text(text: str) -> None:
    encoded = encode_parameter(Parameter("p", value=text))
    assert encoded == {"text": text}
    assert decode_parameter("p", encoded) == Parameter("p", value=text)


def test_a_secret_is_only_a_keyed_digest() -> None:
    secret = Parameter("token", keyed_digest="hmac-sha256:0123:abcd")
    assert encode_parameter(secret) == {"keyedDigest": "hmac-sha256:0123:abcd"}
    assert decode_parameter("token", encode_parameter(secret)) == secret


def test_true_and_one_are_two_values_and_1_and_1_0_are_one() -> None:
    assert not same_parameter(Parameter("p", value="true"), Parameter("p", value="1"))
    assert same_parameter(Parameter("p", value="1.0"), Parameter("p", value="1"))


@pytest.mark.parametrize("value", [{"text": 1}, {"keyedDigest": None}, {"text": ["a"]}])
def test_a_reserved_form_with_something_else_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be a text"):
        decode_parameter("p", value)  # type: ignore[arg-type]
