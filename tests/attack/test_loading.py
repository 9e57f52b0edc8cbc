"""Attacks on the loader from inside the pod: a volume that others write to while it works."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.gate import Decision
from support.loading import LONG, MODEL, LoadingDesk, is_clean, listed, web_server

FILES = {f"part-{number}": bytes([number]) * 20_000 for number in range(4)}


@pytest.fixture
def desk(tmp_path: Path) -> LoadingDesk:
    return LoadingDesk(tmp_path / "desk")


@pytest.fixture(params=["model", LONG], ids=["beside", "inside"])
def target(request: pytest.FixtureRequest, desk: LoadingDesk) -> Path:
    return desk.target(request.param)


def staging(desk: LoadingDesk) -> Path:
    """The folder of the loader that is at work."""
    (found,) = (path for path in desk.volume.rglob("*kprov-load*") if path.is_dir())
    return found


def attack(desk: LoadingDesk, target: Path, act: Callable[[], None], when: str) -> Code:
    """Load a directory, and do something bad at one moment; what came of it."""
    published = desk.publish(desk.directory(FILES))

    def say(text: str) -> None:
        if when in text:
            act()

    decisions = []

    def record(decision: Decision) -> None:
        decisions.append(decision.allowed)
        if when == "decided" and decision.allowed:
            act()

    with pytest.raises(ProvenanceError) as error:
        desk.load(published.model_uri, target, say=say, record=record)
    assert decisions == [True, False]  # what was allowed and did not come to pass is recorded too
    return error.value.code


@pytest.mark.parametrize("moment", ["verified the bytes", "decided"])
@pytest.mark.parametrize(
    "crime", ["write", "same size", "add", "remove", "replace", "link", "hard link", "old time"]
)
def test_files_that_change_between_hash_and_move(
    desk: LoadingDesk, target: Path, tmp_path: Path, crime: str, moment: str
) -> None:
    def act() -> None:
        path = staging(desk) / "model" / "part-1"
        before = path.stat()
        match crime:
            case "write":
                path.write_bytes(b"evil")
            case "same size" | "old time":
                with path.open("r+b") as file:
                    file.write(b"evil")
                if crime == "old time":
                    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            case "add":
                (path.parent / "sitecustomize.py").write_bytes(b"evil")
            case "remove":
                path.unlink()
            case "replace":
                path.unlink()
                path.write_bytes(FILES["part-1"])
            case "link":
                path.unlink()
                path.symlink_to("/etc/passwd")
            case "hard link":
                os.link(path, tmp_path / "second-name")

    assert attack(desk, target, act, moment) is Code.LOAD_TARGET_CHANGED
    assert listed(target) == {}
    assert is_clean(desk.volume)


def test_something_appears_in_the_target(desk: LoadingDesk, target: Path) -> None:
    def act() -> None:
        (target / "part-1").write_bytes(b"evil")

    assert attack(desk, target, act, "decided") is Code.LOAD_TARGET_CHANGED
    assert listed(target) == {}


def test_the_target_is_swapped_for_a_link(desk: LoadingDesk, tmp_path: Path) -> None:
    target, elsewhere = desk.target(), tmp_path / "elsewhere"
    elsewhere.mkdir()

    def act() -> None:
        target.rmdir()
        target.symlink_to(elsewhere)

    code = attack(desk, target, act, "decided")
    assert code in (Code.LOAD_TARGET_CHANGED, Code.LOAD_TARGET_UNWRITABLE)
    assert listed(elsewhere) == {}


def test_the_staging_folder_is_swapped_for_a_link(
    desk: LoadingDesk, target: Path, tmp_path: Path
) -> None:
    """Not in the folder's power: whoever may write to the volume may rename what is on it."""
    trap = tmp_path / "trap"
    trap.mkdir()
    (trap / "model").mkdir()
    (trap / "model" / "kept").write_bytes(b"not the loader's")
    published = desk.publish(desk.file())
    moved = []

    def swap(path: str, sent: int) -> None:
        if path == "/m" and not moved:
            folder = staging(desk)
            moved.append(folder.rename(tmp_path / "stolen"))
            folder.symlink_to(trap)

    files = {"/m": MODEL * 20, "/b": b""}
    big = desk.publish(desk.file("m", MODEL * 20))
    files["/b"] = Path(big.bundle_uri).read_bytes()
    with web_server(files) as server:
        server.before = swap
        block = {"signature": {"bundle": f"{server.address}/b"}}
        environ = {"KPROV_VERIFICATION": json.dumps({f"{server.address}/m": block})}
        desk.load(f"{server.address}/m", target, environ=environ)
    assert moved
    assert listed(target) == {"m": MODEL * 20}  # all of it, and where it belongs
    assert listed(trap) == {"model/kept": b"not the loader's"}
    assert published.model_uri


def test_bytes_that_are_swapped_while_they_are_sent(desk: LoadingDesk, target: Path) -> None:
    big = desk.publish(desk.file("m", MODEL * 20))
    files = {"/m": MODEL * 20, "/b": Path(big.bundle_uri).read_bytes()}
    with web_server(files) as server:

        def swap(path: str, sent: int) -> None:
            if path == "/m" and sent > len(MODEL) * 10:
                server.files["/m"] = b"evil!!!!" * 4096 * 20

        server.before = swap
        block = {"signature": {"bundle": f"{server.address}/b"}}
        environ = {"KPROV_VERIFICATION": json.dumps({f"{server.address}/m": block})}
        with pytest.raises(ProvenanceError) as error:
            desk.load(f"{server.address}/m", target, environ=environ)
    assert error.value.code is Code.OBJECT_DIGEST_MISMATCH
    assert listed(target) == {}


@pytest.mark.parametrize("trap", ["link", "dangling", "file", "link on the way"])
def test_a_target_that_is_a_trap(desk: LoadingDesk, tmp_path: Path, trap: str) -> None:
    published = desk.publish(desk.file())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_bytes(b"kept")
    target = desk.target()
    match trap:
        case "link":
            target.symlink_to(elsewhere)
        case "dangling":
            target.symlink_to(tmp_path / "nothing")
        case "file":
            target.write_bytes(b"a file")
        case "link on the way":
            target.symlink_to(elsewhere)
            target = target / "below"
    with pytest.raises(ProvenanceError) as error:
        desk.load(published.model_uri, target)
    assert error.value.code is Code.LOAD_TARGET_INVALID
    assert listed(elsewhere) == {"kept": b"kept"}
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("planted", ["link", "pipe", "socket folder"])
def test_a_stored_directory_with_a_trap_in_it(
    desk: LoadingDesk, target: Path, planted: str
) -> None:
    published = desk.publish(desk.directory(FILES))
    trap = Path(published.model_uri) / "trap"
    match planted:
        case "link":
            trap.symlink_to("/etc/passwd")
        case "pipe":
            os.mkfifo(trap)
        case "socket folder":
            trap.symlink_to("/proc/self")
    with pytest.raises(ProvenanceError) as error:
        desk.load(published.model_uri, target)
    assert error.value.code in (Code.ARTIFACT_SYMLINK, Code.ARTIFACT_SPECIAL_FILE)
    assert listed(target) == {}
