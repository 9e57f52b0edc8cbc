"""How a digest travels from a producer to its consumers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import StorageError, TaskError
from kfp_provenance.facts import ArtifactKind, Input, InputOrigin, Output
from kfp_provenance.runtime.artifacts import (
    ANNOUNCEMENT,
    metadata_with_announcement,
    read_input,
    read_output,
)
from kfp_provenance.runtime.executor_input import RuntimeArtifact, parse_artifact


def artifact(
    uri: object, metadata: dict[str, object] | None = None, **more: object
) -> RuntimeArtifact:
    fields = {"uri": str(uri), "metadata": metadata or {}, **more}
    return parse_artifact(fields, "test")


def produced(
    path: Path, metadata: dict[str, object] | None = None
) -> tuple[Output, dict[str, object]]:
    given = artifact(path, metadata, type={"schemaTitle": "system.Dataset"})
    output = read_output("data", 2, given)
    assert output is not None
    return output, metadata_with_announcement(given.metadata, output, "step-1")


def test_consumer_sees_what_the_producer_made(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("x")
    output, metadata = produced(file, {"rows": 1, "tested": True})
    # a cluster hands on no type, and numbers for booleans
    received = artifact(file, {**metadata, "rows": 1.0, "tested": 1, "display_name": "data"},
                        type={"instanceSchema": ""})  # fmt: skip
    assert read_input("table", 0, received) == Input(
        "table", 0, output.artifact, InputOrigin.STEP, "step-1", "data", 2
    )
    assert output.artifact.type == "system.Dataset"


def test_announcement_is_made_of_strings_only(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    _, metadata = produced(tmp_path / "data")
    text = metadata[ANNOUNCEMENT]
    assert isinstance(text, str)
    assert all(isinstance(value, str) for value in json.loads(text).values())


@pytest.mark.parametrize("change", ["x", "other", None])
def test_other_kind_or_no_bytes(tmp_path: Path, change: str | None) -> None:
    file = tmp_path / "data"
    file.write_text("x")
    _, metadata = produced(file, {"a": 1})
    file.unlink()
    if change is not None:
        file.mkdir()
        (file / "data").write_text(change)
    with pytest.raises(TaskError) as caught:
        read_input("table", 0, artifact(file, metadata))
    expected = Code.INPUT_MISSING if change is None else Code.INPUT_DIGEST_MISMATCH
    assert caught.value.code is expected


def test_values_are_compared_too() -> None:
    output, metadata = produced(Path("/nonexistent/metrics"), {"accuracy": 0.5})
    assert output.artifact.kind is ArtifactKind.VALUES
    assert read_input("m", 0, artifact("/nonexistent/metrics", metadata)) is not None
    with pytest.raises(TaskError) as caught:
        read_input("m", 0, artifact("/nonexistent/metrics", {**metadata, "accuracy": 0.9}))
    assert caught.value.code is Code.INPUT_DIGEST_MISMATCH


def test_neither_bytes_nor_metadata_is_no_artifact() -> None:
    nothing = artifact("/nonexistent/x", {"store_session_info": "s", "display_name": "d"})
    assert read_input("x", 0, nothing) is None
    assert read_output("x", 0, nothing) is None


def test_imported_object_that_nobody_can_read_is_no_silent_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("KFP_POD_NAME", raising=False)
    # locally nothing downloads it, and user code may read it by its URI
    with pytest.raises(StorageError) as caught:
        read_input("x", 0, artifact("s3://no-such-bucket-here/raw.csv"))
    assert caught.value.code is Code.URI_UNSUPPORTED
    # in a cluster the launcher has downloaded whatever there is
    monkeypatch.setenv("KFP_POD_NAME", "p")
    assert read_input("x", 0, artifact("s3://no-such-bucket-here/raw.csv")) is None


def test_custom_path_is_where_the_bytes_are(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("x")
    for key in ("custom_path", "customPath"):
        given = artifact("gs://b/data", **{key: f"{tmp_path}/own"})
        output = read_output("data", 0, given)
        assert output is not None
        assert (output.artifact.uri, output.artifact.size) == ("gs://b/data", 1)


def test_credentials_in_a_uri_are_not_recorded(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("x")
    uri = "https://user:" + "pw@host/data?sig=abc"
    output = read_output("data", 0, artifact(uri, custom_path=f"{tmp_path}/own"))
    assert output is not None
    assert output.artifact.uri == "https://host/data"
