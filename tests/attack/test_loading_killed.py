"""The loader is killed at any moment: no unverified byte at the target, and the next try works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from support.loading import LONG, LoadingDesk, WebServer, is_clean, listed, web_server
from support.processes import eventually, isolated

PARTS = {f"{n:03}/part.bin": os.urandom(3000) for n in range(150)}
MODEL = os.urandom(3 * 1024 * 1024)


@pytest.fixture
def desk(tmp_path: Path) -> LoadingDesk:
    return LoadingDesk(tmp_path / "desk")


def start(desk: LoadingDesk, words: list[str], claims: dict[str, object]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kfp_provenance", "gate", "load", *words, "--key", str(desk.key)],
        cwd=desk.folder,
        env=isolated(desk.folder / "home", KPROV_VERIFICATION=json.dumps(claims)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def visible(target: Path) -> dict[str, bytes]:
    """What is at the target; the folder that only its owner may enter is not."""
    for folder in target.glob(".kprov-load*"):
        assert folder.stat().st_mode & 0o077 == 0
    files = listed(target) if target.is_dir() else {}
    return {name: data for name, data in files.items() if not name.startswith(".kprov-load")}


@pytest.mark.parametrize("name", ["model", LONG], ids=["beside", "inside"])
def test_killed_while_it_downloads(desk: LoadingDesk, name: str) -> None:
    target = desk.target(name)
    published = desk.publish(desk.file("m", MODEL))
    files = {"/m": MODEL, "/b": Path(published.bundle_uri).read_bytes()}
    with web_server(files) as server:
        claims: dict[str, object] = {
            f"{server.address}/m": {"signature": {"bundle": f"{server.address}/b"}}
        }
        words = [f"{server.address}/m", str(target)]
        last = (len(MODEL) - 1) // server.block * server.block
        for path, sent in (("/b", 0), ("/m", 0), ("/m", server.block * 20), ("/m", last)):
            _kill_when(desk, server, (path, sent), words, claims)
            assert visible(target) == {}
        server.before = lambda _path, _sent: None
        with start(desk, words, claims) as process:
            output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
    assert listed(target) == {"m": MODEL}
    assert is_clean(desk.volume)


def _kill_when(
    desk: LoadingDesk,
    server: WebServer,
    moment: tuple[str, int],
    words: list[str],
    claims: dict[str, object],
) -> None:
    """Kill the loader when this block of this path is to be sent."""
    running: list[subprocess.Popen[str]] = []

    def kill(path: str, sent: int) -> None:
        if (path, sent) == moment:
            eventually(lambda: bool(running), "the process is known")
            running[0].send_signal(signal.SIGKILL)

    server.before = kill
    with start(desk, words, claims) as process:
        running.append(process)
        process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("name", ["model", LONG], ids=["beside", "inside"])
def test_killed_while_it_moves(desk: LoadingDesk, name: str) -> None:
    """The moves of a directory inside its target are many: any number of them may be done."""
    target = desk.target(name)
    published = desk.publish(desk.directory(PARTS))
    words = [published.model_uri, str(target)]
    seen = set()
    for wanted in (1, 40, 149):
        with start(desk, words, {}) as process:
            eventually(partial(arrived, process, target, wanted), "some files are in place")
            process.kill()
            process.communicate(timeout=120)
        found = visible(target)
        seen.add(len(found))
        assert all(PARTS[path] == data for path, data in found.items())
    with start(desk, words, {}) as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert listed(target) == PARTS
    assert is_clean(desk.volume)
    assert max(seen) > 0


def arrived(process: subprocess.Popen[str], target: Path, wanted: int) -> bool:
    return process.poll() is not None or len(visible_names(target)) >= wanted


def visible_names(target: Path) -> list[str]:
    try:
        names = (path.name for path in target.iterdir())
        return [name for name in names if not name.startswith(".kprov-load")]
    except FileNotFoundError:
        return []
