"""Files and streams to digests."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import Protocol

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError
from kfp_provenance.facts import ArtifactKind, Digest
from kfp_provenance.hashing.content import Content
from kfp_provenance.hashing.progress import Progress
from kfp_provenance.hashing.refusals import changed, from_os_error, refusal, special_file

BLOCK = 256 * 1024
"""Bytes per read: small enough for a core's second-level cache (benchmarks/hashing.py)."""

_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
# O_NONBLOCK: a pipe put in place of a file must not block the open; files ignore it.

Stamp = tuple[int, int, int, int, int, int]
"""What must hold still: device, inode, mode, size, and times of change in nanoseconds."""


class Readable(Protocol):
    """A binary stream; ``read`` returns ``b""`` at its end."""

    def read(self, size: int, /) -> bytes | None:
        """At most ``size`` bytes."""


class Writable(Protocol):
    """Takes a copy of the bytes while they are hashed, whole or with an error."""

    def write(self, data: memoryview, /) -> object:
        """Take ``data``, which is only valid during the call."""


def stamp(status: os.stat_result) -> Stamp:
    """The fields of ``status`` that must hold still while a file is read."""
    return (
        status.st_dev,
        status.st_ino,
        status.st_mode,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def status_of(path: str) -> os.stat_result:
    """Status of ``path`` itself, not of what a link points to.

    Raises:
        ArtifactError: ARTIFACT_MISSING or ARTIFACT_UNREADABLE.
    """
    try:
        return os.lstat(path)
    except OSError as error:
        raise from_os_error(error, path) from error
    except ValueError as error:  # a NUL in the path
        raise refusal(Code.ARTIFACT_MISSING, "this is no path", path) from error


def hash_file(
    path: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
    copy_to: Writable | None = None,
) -> Content:
    """Hash one regular file.

    Args:
        path: The file; neither a link nor a special file.
        progress: Told of the bytes as they are read.
        copy_to: Is given the bytes that are hashed.

    Raises:
        ArtifactError: The file cannot be an artifact, cannot be read, or changed meanwhile.
    """
    name = as_text(path)
    expected = stamp(status_of(name))
    if progress is None:
        digest = hash_stamped(name, expected, new_block(), copy_to=copy_to)
    else:
        progress.start(expected[3])
        try:
            digest = hash_stamped(name, expected, new_block(), progress, copy_to)
        finally:
            progress.stop()
    return Content(digest, ArtifactKind.FILE, expected[3], 1)


def hash_stream(stream: Readable, *, limit: int | None = None) -> Content:
    """Hash what is left of a binary stream.

    Args:
        stream: Is read to its end.
        limit: Most bytes to accept.

    Raises:
        ArtifactError: OBJECT_TOO_LARGE above the limit; ARTIFACT_UNREADABLE for a stream
            that has no bytes yet (non-blocking): its end is not known.
    """
    hasher = hashlib.sha256()
    size = 0
    while (block := stream.read(BLOCK)) != b"":
        if block is None:
            message = "the stream is non-blocking and has no bytes yet"
            raise refusal(Code.ARTIFACT_UNREADABLE, message, "stream")
        size += len(block)
        if limit is not None and size > limit:
            raise too_large("stream", limit)
        hasher.update(block)
    return Content(Digest(hasher.hexdigest()), ArtifactKind.FILE, size, 1)


def too_large(where: str, limit: int) -> ArtifactError:
    """More bytes than the caller accepts."""
    return refusal(
        Code.OBJECT_TOO_LARGE,
        "there are more bytes than accepted",
        where,
        expected=f"at most {limit} bytes",
        found=f"more than {limit} bytes",
    )


def as_text(path: str | os.PathLike[str]) -> str:
    """``path`` without slashes at its end: with them, ``lstat`` would follow a link."""
    name = os.fspath(path)
    return name.rstrip("/") or name[:1]


def new_block() -> memoryview:
    """A buffer for :func:`hash_stamped`; every thread has its own."""
    return memoryview(bytearray(BLOCK))


def hash_stamped(
    path: str,
    expected: Stamp,
    block: memoryview,
    progress: Progress | None = None,
    copy_to: Writable | None = None,
) -> Digest:
    """Hash a file that must be, and stay, the one that ``expected`` was taken of.

    So it does not matter whether a folder above it was replaced by a link meanwhile.

    Raises:
        ArtifactError: As :func:`hash_file`.
    """
    if not stat.S_ISREG(expected[2]):
        raise special_file(path, expected[2])
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise changed(path, "it was removed") from error
    except OSError as error:
        raise from_os_error(error, path) from error
    try:
        if stamp(os.fstat(descriptor)) != expected:
            raise changed(path, "it is another file, or was written to, since it was listed")
        digest = _read(descriptor, path, expected[3], block, progress=progress, copy_to=copy_to)
        if stamp(os.fstat(descriptor)) != expected:
            raise changed(path, "it was written to")
    finally:
        os.close(descriptor)
    return digest


def _read(
    descriptor: int,
    path: str,
    size: int,
    block: memoryview,
    *,
    progress: Progress | None,
    copy_to: Writable | None,
) -> Digest:
    hasher = hashlib.sha256()
    buffers = [block]
    left = size
    if size > BLOCK:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    while count := _read_block(descriptor, buffers, path):
        left -= count
        if left < 0:  # do not chase a file that grows
            raise changed(path, "it grew")
        data = block if count == BLOCK else block[:count]
        hasher.update(data)
        if copy_to is not None:
            copy_to.write(data)
        if progress is not None:
            progress.advance(count)
    if left:
        raise changed(path, "it shrank")
    return Digest(hasher.hexdigest())


def _read_block(descriptor: int, buffers: list[memoryview], path: str) -> int:
    try:
        return os.readv(descriptor, buffers)
    except OSError as error:
        raise from_os_error(error, path) from error
