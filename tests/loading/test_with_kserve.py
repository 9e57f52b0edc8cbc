"""``s3:`` through KServe's own downloader: what lands is what was signed, or nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from kserve_storage import Storage

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.publishing import Published
from support.loading import LONG, MODEL, LoadingDesk, is_clean, listed
from support.processes import eventually, isolated

pytestmark = pytest.mark.interop

FILES = {"config.json": b"{}", "weights/part-0.bin": b"0" * 70_000, ".hidden": b"kept"}


@pytest.fixture(params=["model", LONG], ids=["beside", "inside"])
def target(request: pytest.FixtureRequest, desk: LoadingDesk) -> Path:
    return desk.target(request.param)


def claims(uri: str, published: Published) -> dict[str, str]:
    """Where the bundle is: a bucket of S3 is not read by ours."""
    block = {uri: {"signature": {"bundle": published.bundle_uri}}}
    return {"KPROV_VERIFICATION": json.dumps(block)}


def refused(desk: LoadingDesk, uri: str, target: Path, published: Published) -> Code:
    with pytest.raises(ProvenanceError) as error:
        desk.load(uri, target, environ=claims(uri, published))
    assert listed(target) == {}
    assert is_clean(desk.volume)
    assert "hunter2" not in str(error.value)
    return error.value.code


def test_a_file(desk, s3, target):
    published = desk.publish(desk.file())
    uri = s3.put("models/model.skops", desk.file())
    desk.load(uri, target, environ=claims(uri, published))
    assert listed(target) == {"model.skops": MODEL}
    assert (target / "model.skops").stat().st_mode & 0o777 == 0o644
    assert is_clean(desk.volume)


def test_a_directory_lands_as_kserve_lands_it(desk, s3, target, tmp_path):
    model = desk.directory(FILES)
    published = desk.publish(model)
    uri = s3.put("models/m", model)
    desk.load(uri, target, environ=claims(uri, published))
    assert listed(target) == FILES
    Storage.download(uri, str(tmp_path / "theirs"))
    assert listed(tmp_path / "theirs") == FILES


def test_an_archive_is_hashed_packed_and_served_unpacked(desk, s3, target, tmp_path):
    tree = desk.directory(FILES)
    archive = desk.file("model.tar.gz", b"")
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(tree, arcname=".")
    published = desk.publish(archive)
    uri = s3.put("models/model.tar.gz", archive)
    desk.load(uri, target, environ=claims(uri, published))
    assert listed(target) == FILES
    Storage.download(uri, str(tmp_path / "theirs"))
    assert listed(tmp_path / "theirs") == FILES


def test_content_addressed_in_s3(desk, s3, target):
    """The digest in the address must agree too; the bundle is named."""
    published = desk.publish(desk.file())
    key = f"sha256-{published.model_uri.split('sha256-')[1][:64]}/model.skops"
    uri = s3.put(f"models/{key}", desk.file())
    desk.load(uri, target, environ=claims(uri, published))
    assert listed(target) == {"model.skops": MODEL}
    wrong = s3.put(f"models/sha256-{'0' * 64}/model.skops", desk.file())
    assert refused(desk, wrong, target, published) is Code.SUBJECT_MISMATCH


@pytest.mark.parametrize("crime", ["swapped", "added", "removed"])
def test_tampering_in_the_bucket(desk, s3, target, crime):
    model = desk.directory(FILES)
    published = desk.publish(model)
    uri = s3.put("models/m", model)
    match crime:
        case "swapped":
            s3.client.put_object(Bucket=s3.bucket, Key="models/m/config.json", Body=b"[]")
        case "added":
            s3.client.put_object(Bucket=s3.bucket, Key="models/m/evil.py", Body=b"import os")
        case "removed":
            s3.client.delete_object(Bucket=s3.bucket, Key="models/m/config.json")
    assert refused(desk, uri, target, published) is Code.OBJECT_DIGEST_MISMATCH


def test_a_name_that_begins_like_another_is_not_mixed_in(desk, s3, target):
    """KServe lists by prefix: ``m`` finds ``m2/...`` too, and the digest says that it is not it."""
    model = desk.directory(FILES)
    published = desk.publish(model)
    uri = s3.put("models/m", model)
    s3.client.put_object(Bucket=s3.bucket, Key="models/m2/evil.py", Body=b"import os")
    assert refused(desk, uri, target, published) is Code.OBJECT_DIGEST_MISMATCH


def test_an_empty_file_is_left_out_by_kserve_and_refused(desk, s3, target):
    model = desk.directory({**FILES, "empty": b""})
    published = desk.publish(model)
    uri = s3.put("models/m", model)
    assert refused(desk, uri, target, published) is Code.OBJECT_DIGEST_MISMATCH


def test_nothing_there_and_nobody_there(desk, s3, target, monkeypatch):
    published = desk.publish(desk.file())
    missing = f"s3://{s3.bucket}/none"
    assert refused(desk, missing, target, published) is Code.LOAD_DOWNLOAD_FAILED
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("S3_MAX_ATTEMPTS", "1")
    assert refused(desk, missing, target, published) is Code.LOAD_DOWNLOAD_FAILED


@pytest.mark.parametrize("way", ["../../escaped", "../../../escaped", "../scratch/../../escaped"])
def test_a_key_that_climbs_out_stays_in(desk, s3, target, tmp_path, way):
    """The downloader joins keys to its folder as they are: it must not get beyond it."""
    published = desk.publish(desk.directory(FILES))
    uri = s3.put("models/m", desk.directory(FILES))
    s3.client.put_object(Bucket=s3.bucket, Key=f"models/m/{way}", Body=b"evil")
    assert refused(desk, uri, target, published) is Code.LOAD_DOWNLOAD_FAILED
    assert not list(tmp_path.rglob("escaped*"))


def test_the_downloader_alone_does_get_out(s3, desk, tmp_path):
    """Why: should this fail one day, KServe has mended it."""
    uri = s3.put("models/m", desk.file())
    s3.client.put_object(Bucket=s3.bucket, Key="models/m/../escaped", Body=b"evil")
    (tmp_path / "theirs").mkdir()
    Storage.download(uri + "/", str(tmp_path / "theirs"))
    assert (tmp_path / "escaped").read_bytes() == b"evil"


def test_as_kserve_starts_it(desk, s3):
    """Arguments and environment of the init container; two models, one of ours, one of S3."""
    one, other = desk.publish(desk.file()), desk.publish(desk.directory(FILES))
    uri = s3.put("models/m", desk.directory(FILES))
    process = start(desk, [one.model_uri, desk.target("a"), uri, desk.target("b")], uri, other, s3)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert listed(desk.target("a")) == {"model.skops": MODEL}
    assert listed(desk.target("b")) == FILES
    assert is_clean(desk.volume)
    assert json.loads((desk.folder / "log").read_text())["decision"] == "allowed"


def start(desk, words, uri, published, s3) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kfp_provenance", "gate", "load", *map(str, words)],
        cwd=desk.folder,
        env=isolated(
            desk.folder / "home",
            KPROV_KEY=str(desk.key),
            KPROV_TERMINATION_LOG=str(desk.folder / "log"),
            **s3.environ,
            **claims(uri, published),
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_killed_loader_takes_the_downloader_with_it(desk, s3, target):
    big = desk.file("m", os.urandom(64 * 1024 * 1024))
    published = desk.publish(big)
    uri = s3.put("models/m", big)
    process = start(desk, [uri, target], uri, published, s3)
    eventually(lambda: bool(children(process.pid)), "the downloader runs")
    found = children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=120)
    eventually(lambda: not any(map(alive, found)), "the downloader has ended")
    assert [p for p in target.rglob("*") if p.is_file() and "kprov-load" not in str(p)] == []
    process = start(desk, [uri, target], uri, published, s3)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert (target / "m").read_bytes() == big.read_bytes()
    assert is_clean(desk.volume)


def children(pid: int) -> list[int]:
    """Of a process; those that are started in a session of their own too."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
