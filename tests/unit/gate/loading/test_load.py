"""Verified models land whole, or nothing does; on real files."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import LoadError, ProvenanceError
from kfp_provenance.gate import Decision, PromotionRule
from kfp_provenance.gate.loading import Limits
from kfp_provenance.gate.loading.target import open_target
from support.loading import LONG, MODEL, LoadingDesk, is_clean, listed, web_server

TREE = {
    "config.json": b"{}",
    "weights/part-0.bin": b"0" * 70_000,
    "weights/part-1.bin": b"",
    ".hidden": b"kept",
    "a b/\u00fcn\u00ef'c\u00f8de $(x).txt": b"name",
    "-rf": b"dash",
    ".kprov-load": b"like the staging folder",
}


@pytest.fixture
def desk(tmp_path: Path) -> LoadingDesk:
    return LoadingDesk(tmp_path / "desk")


@pytest.fixture(params=["model", LONG], ids=["beside", "inside"])
def target(request: pytest.FixtureRequest, desk: LoadingDesk) -> Path:
    """A target whose staging folder is beside it, and one that has it inside."""
    return desk.target(request.param)


def refused(desk: LoadingDesk, *words: object, **options: object) -> ProvenanceError:
    with pytest.raises(ProvenanceError) as error:
        desk.load(*words, **options)  # type: ignore[arg-type]
    for path in words[1::2]:
        assert not Path(str(path)).exists() or listed(Path(str(path))) == {}
    assert is_clean(desk.volume)
    assert [record.allowed for record in desk.records] in ([], [False])
    return error.value


def test_a_file_lands_below_its_name_readable_by_all(desk: LoadingDesk, target: Path) -> None:
    published = desk.publish(desk.file())
    before = os.umask(0o077)
    try:
        (loaded,) = desk.load(published.model_uri, target)
    finally:
        os.umask(before)
    assert listed(target) == {"model.skops": MODEL}
    assert stat.S_IMODE((target / "model.skops").stat().st_mode) == 0o644
    assert stat.S_IMODE(target.stat().st_mode) == 0o755
    assert is_clean(desk.volume)
    assert loaded.vouched.bundle == published.bundle_uri
    (record,) = desk.records
    assert record.allowed
    assert record.models[0].digest == loaded.content.digest


def test_a_directory_lands_in_the_target_itself(desk: LoadingDesk, target: Path) -> None:
    published = desk.publish(desk.directory(TREE))
    desk.load(published.model_uri, target)
    assert listed(target) == TREE
    modes = {stat.S_IMODE(path.stat().st_mode) for path in target.rglob("*") if path.is_dir()}
    assert modes == {0o755}


def test_many_files_and_a_trailing_slash(desk: LoadingDesk, target: Path) -> None:
    files = {f"{number % 7}/{number}.bin": str(number).encode() for number in range(500)}
    published = desk.publish(desk.directory(files))
    desk.load(f"{published.model_uri}/", target)
    assert listed(target) == files


def test_what_was_in_the_target_goes(desk: LoadingDesk, target: Path, tmp_path: Path) -> None:
    published = desk.publish(desk.file())
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "precious").write_text("not to be touched")
    (target / "old").mkdir(parents=True)
    (target / "old" / "model.skops").write_bytes(b"of an earlier try")
    (target / "link").symlink_to(kept)
    (target / "old" / "link").symlink_to(kept / "precious")
    desk.load(published.model_uri, target)
    assert listed(target) == {"model.skops": MODEL}
    assert listed(kept) == {"precious": b"not to be touched"}


def test_loading_again_loads_again(desk: LoadingDesk, target: Path) -> None:
    published = desk.publish(desk.directory(TREE))
    desk.load(published.model_uri, target)
    (target / "config.json").write_bytes(b"a model server wrote here")
    desk.load(published.model_uri, target)
    assert listed(target) == TREE


def test_two_models_land_together(desk: LoadingDesk) -> None:
    one, other = desk.publish(desk.file()), desk.publish(desk.directory(TREE))
    first, second = desk.target("base"), desk.target("adapters/a")
    desk.load(one.model_uri, first, other.model_uri, second)
    assert listed(first) == {"model.skops": MODEL}
    assert listed(second) == TREE


def test_one_bad_model_keeps_both_out(desk: LoadingDesk) -> None:
    one, other = desk.publish(desk.file()), desk.publish(desk.directory(TREE))
    (Path(other.model_uri) / "config.json").write_bytes(b"{ }")
    targets = desk.target("base"), desk.target("adapter")
    for target in targets:
        (target / "left").mkdir(parents=True)
        (target / "left" / "over").write_bytes(b"x")
    error = refused(desk, one.model_uri, targets[0], other.model_uri, targets[1])
    assert error.code is Code.OBJECT_DIGEST_MISMATCH


def test_a_model_that_waits_is_not_seen_while_the_other_is_fetched(desk: LoadingDesk) -> None:
    one, other = desk.publish(desk.file()), desk.publish(desk.directory(TREE))
    seen = []

    def look(text: str) -> None:
        seen.append(listed(desk.target("base")))

    desk.load(one.model_uri, desk.target("base"), other.model_uri, desk.target("b"), say=look)
    assert len(seen) == 4
    assert not any(seen)


@pytest.mark.parametrize("change", ["other bytes", "one more", "one less", "renamed", "emptied"])
def test_a_directory_that_changed_is_refused(desk: LoadingDesk, target: Path, change: str) -> None:
    published = desk.publish(desk.directory({"a": b"1", "b/c": b"2"}))
    stored = Path(published.model_uri)
    match change:
        case "other bytes":
            (stored / "a").write_bytes(b"x")
        case "one more":
            (stored / "b" / "d").write_bytes(b"3")
        case "one less":
            (stored / "a").unlink()
        case "renamed":
            (stored / "a").rename(stored / "z")
        case "emptied":
            (stored / "b" / "c").unlink()
    error = refused(desk, published.model_uri, target)
    expected = Code.ARTIFACT_EMPTY_DIRECTORY if change == "emptied" else Code.OBJECT_DIGEST_MISMATCH
    assert error.code is expected
    assert published.model_uri in error.where
    assert desk.records[0].findings[0].code is expected


def test_a_file_where_a_directory_was_signed(desk: LoadingDesk, target: Path) -> None:
    published = desk.publish(desk.directory({"a": b"1"}))
    stored = Path(published.model_uri)
    (stored / "a").unlink()
    stored.rmdir()
    stored.write_bytes(b"1")
    assert refused(desk, published.model_uri, target).code is Code.OBJECT_DIGEST_MISMATCH


def test_no_bundle_no_model(desk: LoadingDesk, target: Path) -> None:
    published = desk.publish(desk.file())
    Path(published.bundle_uri).unlink()
    assert refused(desk, published.model_uri, target).code is Code.BUNDLE_MISSING


def test_a_bundle_of_another_model(desk: LoadingDesk, target: Path) -> None:
    published = desk.publish(desk.file())
    other = desk.publish(desk.file("other.skops", b"other"))
    Path(published.bundle_uri).write_bytes(Path(other.bundle_uri).read_bytes())
    assert refused(desk, published.model_uri, target).code is Code.SUBJECT_MISMATCH


def test_a_bundle_of_a_stranger(desk: LoadingDesk, target: Path) -> None:
    published = desk.publish(desk.file(), signer=desk.stranger)
    error = refused(desk, published.model_uri, target)
    assert error.code is Code.SIGNER_UNTRUSTED


def test_nothing_is_downloaded_of_a_model_whose_chain_does_not_hold(desk: LoadingDesk) -> None:
    stranger = desk.publish(desk.file(), signer=desk.stranger)
    files = {
        "/m": Path(stranger.model_uri).read_bytes(),
        "/b": Path(stranger.bundle_uri).read_bytes(),
    }
    with web_server(files) as server:
        block = {"signature": {"bundle": f"{server.address}/b"}}
        environ = {"KPROV_VERIFICATION": json.dumps({f"{server.address}/m": block})}
        error = refused(desk, f"{server.address}/m", desk.target(), environ=environ)
        assert error.code is Code.SIGNER_UNTRUSTED
        assert server.asked == ["/b"]


def test_a_mutable_address_needs_a_named_bundle(desk: LoadingDesk, target: Path) -> None:
    published = desk.publish(desk.file())
    plain = desk.file("plain.skops")
    assert refused(desk, plain, target).code is Code.MODEL_URI_MUTABLE
    desk.records.clear()
    block = {"digest": None, "signature": {"bundle": published.bundle_uri}}
    environ = {"KPROV_VERIFICATION": json.dumps({str(plain): block})}
    desk.load(plain, target, environ=environ)
    assert listed(target) == {"plain.skops": MODEL}


def test_every_claim_must_agree(desk: LoadingDesk, target: Path) -> None:
    published = desk.publish(desk.file())
    right = published.model_uri.split("sha256-")[1][:64]
    uri = published.model_uri
    desk.load(uri, target, environ={"VERIFICATION_DIGEST": f"sha256:{right}"})
    desk.records.clear()
    wrong = {"VERIFICATION_DIGEST": "sha256:" + "0" * 64}
    assert refused(desk, uri, target, environ=wrong).code is Code.LOAD_CLAIM_MISMATCH
    desk.records.clear()
    block = {"KPROV_VERIFICATION": json.dumps({uri: {"digest": "0" * 64}})}
    assert refused(desk, uri, target, environ=block).code is Code.LOAD_CLAIM_MISMATCH
    # where no address says it: the bundle is not about the digest that is claimed
    desk.records.clear()
    plain = desk.file("plain.skops")
    named = {"signature": {"bundle": published.bundle_uri}}
    claims = {"KPROV_VERIFICATION": json.dumps({str(plain): named}), **wrong}
    assert refused(desk, plain, target, environ=claims).code is Code.SUBJECT_MISMATCH


def test_a_claimed_identity_that_did_not_sign(desk: LoadingDesk, target: Path) -> None:
    published = desk.publish(desk.file())
    who = {"identity": "dev@provenance.example", "oidcIssuer": "https://issuer.example"}
    environ = {"KPROV_VERIFICATION": json.dumps({published.model_uri: {"signature": who}})}
    error = refused(desk, published.model_uri, target, environ=environ)
    assert error.code is Code.LOAD_CLAIM_MISMATCH
    assert "dev@provenance.example" in error.expected


def test_a_second_signature_beside_it_is_enough(desk: LoadingDesk, target: Path) -> None:
    published = desk.publish(desk.file())
    folder = Path(published.bundle_uri).parent
    (folder / f"sha256-{'0' * 64}.sigstore.jsonl").write_bytes(b"{}\n")
    with (folder / f"sha256-{'1' * 64}.sigstore.jsonl").open("wb") as huge:
        huge.truncate(1 << 30)
    (folder / f"sha256-{'2' * 64}.sigstore.jsonl").symlink_to("/etc/passwd")
    (folder / f"sha256-{'3' * 64}.sigstore.jsonl").mkdir()
    desk.load(published.model_uri, target)
    assert listed(target) == {"model.skops": MODEL}


def test_sources_and_promotions_of_the_environment(desk: LoadingDesk, target: Path) -> None:
    published = desk.publish(desk.file())
    denied = refused(desk, published.model_uri, target, sources=("gs://models/",))
    assert denied.code is Code.MODEL_SOURCE_DENIED
    desk.records.clear()
    needed = PromotionRule(required=True)
    missing = refused(desk, published.model_uri, target, promotion=needed)
    assert missing.code is Code.PROMOTION_MISSING


def test_a_decision_that_cannot_be_recorded_is_a_refusal(desk: LoadingDesk, target: Path) -> None:
    published = desk.publish(desk.file())

    def fail(decision: Decision) -> None:
        assert decision.allowed
        assert not (target / "model.skops").exists()
        raise LoadError(Code.OBJECT_UNREACHABLE, "the trail cannot be written")

    with pytest.raises(LoadError, match="trail"):
        desk.load(published.model_uri, target, record=fail)
    assert listed(target) == {}
    assert is_clean(desk.volume)


def test_limits(desk: LoadingDesk, target: Path) -> None:
    published = desk.publish(desk.directory(TREE))
    desk.limits = Limits(size=1000)
    assert refused(desk, published.model_uri, target).code is Code.OBJECT_TOO_LARGE
    desk.records.clear()
    desk.limits = Limits(files=len(TREE) - 1)
    assert refused(desk, published.model_uri, target).code is Code.OBJECT_TOO_LARGE
    desk.records.clear()
    with web_server({"/big": MODEL, "/b": Path(published.bundle_uri).read_bytes()}) as server:
        single = desk.publish(desk.file("big"))
        block = {"signature": {"bundle": single.bundle_uri}}
        environ = {"KPROV_VERIFICATION": json.dumps({f"{server.address}/big": block})}
        desk.limits = Limits(size=len(MODEL) - 1)  # a size that nobody announced
        error = refused(desk, f"{server.address}/big", target, environ=environ)
        assert error.code is Code.OBJECT_TOO_LARGE


def test_two_loaders_do_not_share_a_target(desk: LoadingDesk, target: Path) -> None:
    published = desk.publish(desk.file())
    held = open_target(target)
    try:
        error = refused(desk, published.model_uri, target)
    finally:
        held.close()
    assert error.code is Code.LOAD_TARGET_BUSY
    desk.load(published.model_uri, target)
    assert threading.active_count() == 1
