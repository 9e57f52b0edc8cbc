"""The identity of artifacts without bytes."""

from __future__ import annotations

import hashlib
import json

import pytest
from google.protobuf import json_format, struct_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError
from kfp_provenance.facts import ArtifactKind
from kfp_provenance.hashing import hash_values

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(texts, below, max_size=3),
    max_leaves=10,
)
metadata = st.dictionaries(texts.filter(lambda key: not key.startswith("kprov_")), values)


def through_kfp(value: dict[str, object]) -> dict[str, object]:
    """As KFP hands metadata to the next task: through a protobuf Struct and JSON."""
    struct = struct_pb2.Struct()
    json_format.ParseDict(value, struct)
    return json.loads(json_format.MessageToJson(struct))


@given(metadata)
@unhurried
def test_the_way_through_kfp_does_not_count(given_values):
    assert hash_values(through_kfp(given_values)) == hash_values(given_values)


@given(metadata)
@unhurried
def test_order_does_not_count_and_the_text_is_what_is_hashed(given_values):
    content, text = hash_values(given_values)
    reversed_keys = dict(reversed(given_values.items()))
    assert hash_values(reversed_keys) == (content, text)
    assert content.digest.hex == hashlib.sha256(text.encode()).hexdigest()
    assert (content.kind, content.size, content.files) == (
        ArtifactKind.VALUES, len(text.encode()), 0,
    )  # fmt: skip


@given(metadata, texts, st.text("abc", min_size=1))
@unhurried
def test_a_changed_value_counts(given_values, key, value):
    before = hash_values({**given_values, f"x{key}": ""})
    assert hash_values({**given_values, f"x{key}": value})[0].digest != before[0].digest


@pytest.mark.parametrize(("one", "other"), [(2, 2.0), (True, 1), (False, 0.0), (0.0, -0.0)])
def test_numbers_and_booleans_that_kfp_confuses_are_equal(one, other):
    assert hash_values({"a": [{"b": one}]}) == hash_values({"a": [{"b": other}]})


@pytest.mark.parametrize(("one", "other"), [(1, "1"), (None, 0), ("", None), ([], {}), (0.1, 0.2)])
def test_other_types_are_not(one, other):
    assert hash_values({"a": one})[0] != hash_values({"a": other})[0]


def test_what_is_added_on_the_way_does_not_count():
    plain = hash_values({"accuracy": 0.9})
    assert plain[1] == '{"accuracy":0.9}'
    added = {"kprov_artifact": "x", "store_session_info": {"secret": "s"}, "_kfp_workspace": True}
    assert hash_values({"accuracy": 0.9, **added}) == plain


def test_only_the_top_level_is_ours():
    assert hash_values({"a": {"kprov_b": 1}}) != hash_values({"a": {}})


def nested(depth: int) -> object:
    return [nested(depth - 1)] if depth else 1


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), -float("inf"), 10**400, "\ud800", {"\ud800": 1}, {1: 2}, b"x",
     {1, 2}, object(), nested(100)],
)  # fmt: skip
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(ArtifactError) as caught:
        hash_values({"a": value})
    assert caught.value.code is Code.ARTIFACT_VALUES_INVALID
    assert caught.value.remedy
    with pytest.raises(ArtifactError):
        hash_values({"list": [{"a": value}]})
