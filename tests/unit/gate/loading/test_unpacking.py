"""Archives are verified packed and served unpacked, as KServe does; never what climbs out."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.gate.loading import Limits
from support.loading import LoadingDesk, is_clean, listed

FILES = {"model/weights.bin": b"w" * 9000, "model/config.json": b"{}", "readme": b""}


@pytest.fixture
def desk(tmp_path: Path) -> LoadingDesk:
    return LoadingDesk(tmp_path / "desk")


def tarred(mode: str, *members: tuple[str, bytes | str]) -> bytes:
    """Members with bytes are files, those with text are links to it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            if isinstance(data, str):
                member.type, member.linkname = tarfile.SYMTYPE, data
                archive.addfile(member)
            else:
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def zipped(*members: tuple[str, bytes], mode: int = 0o100644) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, data)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.tar", tarred("w", *FILES.items())),
        ("model.tar.gz", tarred("w:gz", *FILES.items())),
        ("model.tgz", tarred("w:gz", *((f"./{n}", d) for n, d in FILES.items()))),
        ("model.tar.bz2", tarred("w:bz2", *FILES.items())),
        ("model.zip", zipped(*FILES.items())),
    ],
)
def test_an_archive_is_served_unpacked(desk: LoadingDesk, name: str, data: bytes) -> None:
    published = desk.publish(desk.file(name, data))
    (loaded,) = desk.load(published.model_uri, desk.target())
    assert listed(desk.target()) == FILES
    assert loaded.content.size == len(data)
    assert is_clean(desk.volume)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("m.tar", tarred("w", ("../out", b"x"))),
        ("m.tar", tarred("w", ("/etc/out", b"x"))),
        ("m.tar", tarred("w", ("a/../../out", b"x"))),
        ("m.tar", tarred("w", ("link", "/etc/passwd"))),
        ("m.tar", tarred("w", ("link", ".."), ("link/out", b"x"))),
        ("m.tar", tarred("w", ("twice", b"1"), ("twice", b"2"))),
        ("m.tar", tarred("w", ("a", b"1"), ("a/b", b"2"))),
        ("m.tar", tarred("w", ("line\nfeed", b"1"))),
        ("m.tar", tarred("w")),
        ("m.tar", b"no archive at all"),
        ("m.tar.gz", tarred("w:gz", ("a", bytes(range(256)) * 99))[:150]),
        ("m.tar.bz2", b"BZh9" + b"x" * 100),
        ("m.zip", zipped(("../out", b"x"))),
        ("m.zip", zipped(("link", b"/etc/passwd"), mode=0o120777)),
        ("m.zip", b"PK nothing"),
    ],
)
def test_an_archive_that_is_signed_and_evil(desk: LoadingDesk, name: str, data: bytes) -> None:
    published = desk.publish(desk.file(name, data))
    with pytest.raises(ProvenanceError) as error:
        desk.load(published.model_uri, desk.target())
    assert error.value.code is Code.LOAD_ARCHIVE_INVALID
    assert listed(desk.target()) == {}
    assert is_clean(desk.volume)
    assert not list(desk.folder.rglob("out"))


@pytest.mark.parametrize("limits", [Limits(size=100_000), Limits(files=2)])
def test_a_bomb(desk: LoadingDesk, limits: Limits) -> None:
    many = zipped(*((f"{n}", b"0" * 100_000) for n in range(3)))
    assert len(many) < 100_000
    published = desk.publish(desk.file("m.zip", many))
    desk.limits = limits
    with pytest.raises(ProvenanceError) as error:
        desk.load(published.model_uri, desk.target())
    assert error.value.code is Code.OBJECT_TOO_LARGE
    assert listed(desk.target()) == {}


def test_a_swapped_archive_is_not_even_opened(desk: LoadingDesk) -> None:
    published = desk.publish(desk.file("m.tar", tarred("w", ("a", b"1"))))
    Path(published.model_uri).write_bytes(tarred("w", ("../out", b"x")))
    with pytest.raises(ProvenanceError) as error:
        desk.load(published.model_uri, desk.target())
    assert error.value.code is Code.OBJECT_DIGEST_MISMATCH
