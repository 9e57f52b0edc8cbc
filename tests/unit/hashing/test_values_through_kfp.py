"""Metadata keeps its digest on KFP's way through ML Metadata to the next task."""

from __future__ import annotations

import math
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from kfp_provenance.hashing import hash_values


@pytest.fixture(scope="module")
def store() -> metadata_store.MetadataStore:
    config = mlmd.ConnectionConfig()
    config.fake_database.SetInParent()  # SQLite in memory
    made = metadata_store.MetadataStore(config)
    made.put_artifact_type(mlmd.ArtifactType(name="system.Metrics"))
    return made


def through_kfp(store: metadata_store.MetadataStore, metadata: dict[str, Any]) -> dict[str, Any]:
    """What KFP's launcher stores, read back and handed to the next task."""
    (kind,) = store.get_artifact_types()
    artifact = mlmd.Artifact(type_id=kind.id, uri="minio://b/k")
    for key, value in metadata.items():
        target = artifact.custom_properties[key]
        if isinstance(value, bool):
            target.int_value = int(value)
        elif isinstance(value, int | float):
            target.double_value = float(value)
        elif isinstance(value, str):
            target.string_value = value
        else:
            wrapper = "list" if isinstance(value, list) else "struct"
            json_format.ParseDict({wrapper: value}, target.struct_value)
    artifact.custom_properties["display_name"].string_value = "metrics"
    artifact.custom_properties["store_session_info"].string_value = '{"Provider":"minio"}'
    (number,) = store.put_artifacts([artifact])
    (found,) = store.get_artifacts_by_id([number])
    received: dict[str, Any] = {}
    for key, value in found.custom_properties.items():
        field = value.WhichOneof("value")
        content = getattr(value, field)
        if field == "struct_value":
            received[key] = json_format.MessageToDict(content)
        else:
            received[key] = float(content) if field == "int_value" else content
    return received


def test_the_store_really_rounds_and_wraps(store: metadata_store.MetadataStore) -> None:
    received = through_kfp(store, {"auc": 0.93171234567, "roc": [0.5], "flag": True})
    assert received["auc"] == pytest.approx(0.931712, abs=1e-12)
    assert received["roc"] == {"list": [0.5]}
    assert received["flag"] == 1.0


NUMBERS = st.one_of(
    st.booleans(), st.integers(-(2**53), 2**53), st.floats(-1e12, 1e12).filter(math.isfinite)
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20).filter(
    lambda text: text != "__MLMD_NULL__" and not text.startswith("mlmd-struct::")
)
NESTED = st.recursive(
    NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
KEYS = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True).filter(
    lambda key: key not in ("display_name", "store_session_info")
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(metadata=st.dictionaries(KEYS, NESTED, max_size=5))
def test_digest_is_the_same_before_and_after(
    store: metadata_store.MetadataStore, metadata: dict[str, Any]
) -> None:
    assert hash_values(through_kfp(store, metadata)) == hash_values(metadata)


def test_another_value_still_has_another_digest(store: metadata_store.MetadataStore) -> None:
    honest, forged = {"auc": 0.931712}, {"auc": 0.931713}
    assert hash_values(through_kfp(store, honest)) != hash_values(forged)
