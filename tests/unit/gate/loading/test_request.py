"""What KServe passes, and what is not taken from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.facts import Digest
from kfp_provenance.gate.loading import parse_request
from kfp_provenance.gate.loading.downloads import file_name, is_served_here
from kfp_provenance.gate.loading.target import open_target
from kfp_provenance.verify import Identity

HEX = "ab" * 32
ADDRESSED = f"gs://models/sha256-{HEX}/model.skops"


def code(words: list[str], environ: dict[str, str] | None = None) -> Code:
    with pytest.raises(ProvenanceError) as error:
        parse_request(words, environ or {})
    assert error.value.remedy
    return error.value.code


def test_pairs_and_the_digest_of_the_address() -> None:
    one, other = parse_request([ADDRESSED, "/mnt/models/a", "s3://b/m", "/mnt/models/b"], {})
    assert one.claims.digests == {"the address": Digest(HEX)}
    assert (other.claims.digests, other.target) == ({}, Path("/mnt/models/b"))


def test_the_block_of_kserve_5789_and_the_digest_of_pull_6051() -> None:
    block = {
        "digest": f"sha256:{HEX}",
        "signature": {"bundle": "gs://b/x.jsonl", "identity": "a@b.c", "oidcIssuer": "https://i"},
    }
    environ = {"KPROV_VERIFICATION": json.dumps({"s3://b/m": block}), "VERIFICATION_DIGEST": HEX}
    (model,) = parse_request(["s3://b/m", "/mnt/models"], environ)
    assert model.claims.digests == {
        "KPROV_VERIFICATION": Digest(HEX),
        "VERIFICATION_DIGEST": Digest(HEX),
    }
    assert model.claims.bundle == "gs://b/x.jsonl"
    assert model.claims.identity == Identity("a@b.c", "https://i")


@pytest.mark.parametrize("words", [[], ["gs://a/b"], ["gs://a/b", "/x", "gs://a/c"]])
def test_words_that_are_no_pairs(words: list[str]) -> None:
    assert code(words) is Code.USAGE


@pytest.mark.parametrize("path", ["", "/", "models", "/mnt/../etc", "/mnt/\0"])
def test_paths_that_are_no_targets(path: str) -> None:
    assert code([ADDRESSED, path]) is Code.LOAD_TARGET_INVALID


@pytest.mark.parametrize("other", ["/mnt/models", "/mnt/models/", "/mnt/models/a", "/mnt"])
def test_targets_that_overlap(other: str) -> None:
    assert code([ADDRESSED, "/mnt/models", ADDRESSED, other]) is Code.LOAD_TARGET_INVALID


@pytest.mark.parametrize(
    "environ",
    [
        {"VERIFICATION_DIGEST": "md5:1"},
        {"VERIFICATION_DIGEST": HEX.upper()},
        {"KPROV_VERIFICATION": "{"},
        {"KPROV_VERIFICATION": "[]"},
        {"KPROV_VERIFICATION": json.dumps({"s3://other/m": {}})},
        {"KPROV_VERIFICATION": json.dumps({ADDRESSED: {"mode": "warn"}})},
        {"KPROV_VERIFICATION": json.dumps({ADDRESSED: {"digest": 1}})},
        {"KPROV_VERIFICATION": json.dumps({ADDRESSED: {"signature": {"identity": "a"}}})},
        {"KPROV_VERIFICATION": json.dumps({ADDRESSED: {"digest": "x" * 70_000}})},
    ],
)
def test_claims_that_cannot_be_read_are_not_ignored(environ: dict[str, str]) -> None:
    assert code([ADDRESSED, "/mnt/models"], environ) is Code.LOAD_CLAIM_INVALID


def test_one_digest_for_two_models() -> None:
    words = [ADDRESSED, "/mnt/a", ADDRESSED, "/mnt/b"]
    assert code(words, {"VERIFICATION_DIGEST": HEX}) is Code.LOAD_CLAIM_INVALID


@pytest.mark.parametrize(
    "name", ["STORAGE_ALLOW_PATTERNS", "STORAGE_IGNORE_PATTERNS", "CONFIDENTIAL_ENABLED"]
)
def test_settings_that_would_change_the_bytes(name: str) -> None:
    assert code([ADDRESSED, "/mnt/models"], {name: "true"}) is Code.SETTING_INVALID


def test_confidential_serving_that_is_off() -> None:
    assert parse_request([ADDRESSED, "/mnt/models"], {"CONFIDENTIAL_ENABLED": "false"})


@pytest.mark.parametrize(
    ("uri", "ours"),
    [
        ("gs://b/m", True),
        ("file:///m", True),
        ("/mnt/pvc/m", True),
        ("https://host/m.zip", True),
        ("s3://b/m", False),
        ("hf://owner/model:rev", False),
        ("https://account.blob.core.windows.net/c/m", False),
        ("https://account.z1.blob.storage.azure.net/c/m", False),
        ("https://host/team/model.git", False),
        ("https://private/m", False),
    ],
)
def test_who_downloads(uri: str, *, ours: bool) -> None:
    assert is_served_here(uri, {"private-headers": '{"Authorization": "x"}'}) is ours


def test_the_name_of_a_file() -> None:
    assert file_name("https://host/a/model.onnx?sig=a/b") == "model.onnx"
    assert file_name("gs://b/model?.bin") == "model?.bin"
    with pytest.raises(ProvenanceError):
        file_name("https://host/?x")


def test_a_target_must_not_hold_what_somebody_lives_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home / "work")
    for path in (home, tmp_path, home / "work"):
        with pytest.raises(ProvenanceError) as error:
            open_target(path)
        assert error.value.code is Code.LOAD_TARGET_INVALID
    open_target(home / "work" / "models").close()
