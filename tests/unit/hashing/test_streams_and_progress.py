"""Streams, progress, and what an import costs."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError
from kfp_provenance.facts import ArtifactKind
from kfp_provenance.hashing import hash_path, hash_stream, terminal_progress
from kfp_provenance.hashing import progress as progress_module


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 700_001])
def test_a_stream_is_its_bytes(size):
    data = os.urandom(size)
    content = hash_stream(io.BytesIO(data), limit=size)
    assert content.digest.hex == hashlib.sha256(data).hexdigest()
    assert (content.kind, content.size, content.files) == (ArtifactKind.FILE, size, 1)


def test_a_stream_above_the_limit_is_refused():
    with pytest.raises(ArtifactError) as caught:
        hash_stream(io.BytesIO(b"12345"), limit=4)
    assert caught.value.code is Code.OBJECT_TOO_LARGE


def test_a_stream_that_has_no_bytes_yet_is_not_an_empty_one():
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with (
        os.fdopen(writing, "wb"),
        os.fdopen(reading, "rb", buffering=0) as stream,
        pytest.raises(ArtifactError) as caught,
    ):
        hash_stream(stream)
    assert caught.value.code is Code.ARTIFACT_UNREADABLE


class Counting:
    total = done = 0
    stopped = False

    def start(self, total_bytes: int) -> None:
        self.total = total_bytes

    def advance(self, count: int) -> None:
        self.done += count

    def stop(self) -> None:
        self.stopped = True


def test_progress_is_told_of_every_byte(tmp_path):
    for name, size in (("a", 0), ("b", 1), ("c", 900_000)):
        (tmp_path / name).write_bytes(bytes(size))
    for path, threads, total in ((tmp_path, 1, 900_001), (tmp_path / "c", None, 900_000)):
        told = Counting()
        hash_path(path, threads=threads, progress=told)
        assert (told.total, told.done, told.stopped) == (total, total, True)


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], bytes]]:
    """Standard error is a real terminal; gives a function that reads what it shows."""
    ours, theirs = os.openpty()
    stderr = os.fdopen(theirs, "w", encoding="utf-8")

    def shown() -> bytes:
        # closed first: then the terminal hands over everything and ends with an error
        stderr.close()
        output = b""
        try:
            while block := os.read(ours, 100_000):
                output += block
        except OSError as end:
            if end.errno != errno.EIO:
                raise
        return output

    with stderr, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stderr)
        patch.setenv("TERM", "xterm")
        yield shown
    os.close(ours)


def test_long_work_shows_a_bar_on_a_terminal_and_takes_it_away(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(progress_module, "_PATIENCE", 0)
    (tmp_path / "file").write_bytes(bytes(900_000))
    with terminal(monkeypatch) as shown:
        hash_path(tmp_path / "file", progress=terminal_progress("reading the file"))
        output = shown()
    assert b"reading the file" in output
    assert b"878.9 KiB" in output
    assert output.endswith(b"\x1b[2K")
    assert capfd.readouterr().out == ""


def test_short_work_shows_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(bytes(900_000))
    with terminal(monkeypatch) as shown:
        hash_path(tmp_path / "file", progress=terminal_progress())
        assert shown() == b""


def test_without_a_terminal_nothing_is_shown(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(progress_module, "_PATIENCE", 0)
    (tmp_path / "file").write_bytes(bytes(900_000))
    hash_path(tmp_path / "file", progress=terminal_progress())
    assert capfd.readouterr() == ("", "")


def test_hashing_loads_no_library_that_a_task_does_not_need():
    code = (
        "import sys, kfp_provenance.hashing\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}"
        " & {'rich', 'rfc8785', 'pydantic', 'google', 'kfp', 'asyncio', 'ssl', 'urllib'}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
