"""Files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Self

from kfp_provenance.codes import Code
from kfp_provenance.errors import StorageError
from kfp_provenance.facts import ArtifactKind, Digest
from kfp_provenance.hashing import Content
from kfp_provenance.storage.refusals import storage_error, too_large

_BESIDE = 1024 * 1024
"""Bytes that a thread is given to hash at a time."""
_BEHIND = 4
"""Blocks that hashing may be behind: memory for each download."""


class Bounded:
    """Writes at most ``limit`` bytes, then refuses.

    Args:
        file: Where to; None only counts.
        uri: Where the bytes come from, for the error.
        limit: Most bytes to accept; None accepts all.
    """

    def __init__(self, file: BinaryIO | None, uri: str, limit: int | None) -> None:
        self._file = file
        self._uri = uri
        self._limit = limit
        self.size = 0

    def write(self, data: bytes | memoryview) -> int:
        """Write all of ``data``."""
        self.size += len(data)
        if self._limit is not None and self.size > self._limit:
            raise too_large(self._uri, self._limit)
        if self._file is not None:
            self._file.write(data)
        return len(data)

    def seek(self, offset: int) -> None:
        """Begin again: a client library does so when it must repeat a download."""
        if offset != 0:
            raise ValueError(offset)
        self.size = 0
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()


class Hashed(Bounded):
    """Hashes what it writes."""

    def __init__(self, file: BinaryIO | None, uri: str, limit: int | None) -> None:
        super().__init__(file, uri, limit)
        self._hasher = hashlib.sha256()

    def write(self, data: bytes | memoryview) -> int:
        """Write all of ``data``."""
        count = super().write(data)
        self._hasher.update(data)
        return count

    def seek(self, offset: int) -> None:
        """Begin again."""
        super().seek(offset)
        self._hasher = hashlib.sha256()

    @property
    def content(self) -> Content:
        """Of all that was written."""
        digest = Digest(self._hasher.hexdigest())
        return Content(digest, ArtifactKind.FILE, self.size, 1)


class HashedBeside(Hashed):
    """Hashes in a thread of its own what this one receives and writes.

    Args:
        file: Where to.
        uri: Where the bytes come from, for the error.
        limit: Most bytes to accept.
    """

    def __init__(self, file: BinaryIO, uri: str, limit: int) -> None:
        super().__init__(None, uri, limit)
        self._target = file
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="hash")
        self._parts: list[bytes] = []  # clients hand over 8 KiB at a time: too little for a thread
        self._held = 0
        self._hashing: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def write(self, data: bytes | memoryview) -> int:
        """Take all of ``data``; it is written by the time :attr:`content` is known."""
        count = Bounded.write(self, data)
        self._parts.append(bytes(data))  # no copy of what cannot change
        self._held += count
        if self._held >= _BESIDE:
            self._pass_on()
        return count

    def seek(self, offset: int) -> None:
        """Begin again."""
        self._settle()
        super().seek(offset)
        self._target.seek(0)
        self._target.truncate()

    @property
    def content(self) -> Content:
        """Of all that was written."""
        self._settle()
        return super().content

    def _pass_on(self) -> None:
        block = b"".join(self._parts)
        self._parts, self._held = [], 0
        self._hashing.append(self._pool.submit(self._hasher.update, block))
        if len(self._hashing) > _BEHIND:
            self._hashing.popleft().result()
        self._target.write(block)

    def _settle(self) -> None:
        if self._parts:
            self._pass_on()
        while self._hashing:
            self._hashing.popleft().result()


class Staged:
    """A hidden file beside its target; gone at the end unless it was put in place."""

    def __init__(self, target: Path, file: BinaryIO, hidden: Path) -> None:
        self.file = file
        self._target = target
        self._hidden = hidden

    def replace(self) -> None:
        """Take the target's place, whatever file is there."""
        self._flush()
        refuse_link(self._target)
        self._hidden.replace(self._target)
        _sync_folder(self._target.parent)

    def link(self) -> bool:
        """Take the target's place if nothing is there; False if something is."""
        self._flush()
        try:
            os.link(self._hidden, self._target, follow_symlinks=False)
        except FileExistsError:
            return False
        _sync_folder(self._target.parent)
        return True

    def _flush(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())


@contextmanager
def staged(target: Path) -> Iterator[Staged]:
    """Write a file that becomes ``target``; folders above it are made.

    Raises:
        StorageError: OBJECT_UNREACHABLE if it cannot be written.
    """
    hidden = target.parent / f".kprov-{secrets.token_hex(8)}.part"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(hidden, flags, 0o666)  # less the umask, as any new file
        try:
            with os.fdopen(descriptor, "w+b") as file:
                yield Staged(target, file, hidden)
        finally:
            hidden.unlink(missing_ok=True)
    except OSError as error:
        raise from_os_error(error, str(target)) from error


def refuse_link(path: Path) -> None:
    """Refuse a link.

    Raises:
        StorageError: ARTIFACT_SYMLINK.
    """
    if path.is_symlink():
        message = "a symbolic link is neither followed nor replaced"
        raise storage_error(Code.ARTIFACT_SYMLINK, message, str(path))


def from_os_error(error: OSError, where: str) -> StorageError:
    """What an operating system error at ``where`` means for an object."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return storage_error(Code.OBJECT_MISSING, "there is no object", where)
    reason = error.strerror or type(error).__name__
    return storage_error(
        Code.OBJECT_UNREACHABLE,
        f"the file system refused: {reason}",
        where,
        remedy="check rights, free space, and that the file system knows hard links",
    )


def read_small(file: BinaryIO, uri: str, limit: int) -> bytes:
    """All of a stream of at most ``limit`` bytes.

    Raises:
        StorageError: OBJECT_TOO_LARGE.
    """
    data = file.read(limit + 1)
    if len(data) > limit:
        raise too_large(uri, limit)
    return data


def is_directory(path: Path) -> bool:
    """True for a directory itself, False for anything else, also for a link to one.

    Raises:
        StorageError: OBJECT_MISSING or OBJECT_UNREACHABLE.
    """
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError as error:
        raise from_os_error(error, str(path)) from error


def _sync_folder(folder: Path) -> None:
    """Make a new name in ``folder`` survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
