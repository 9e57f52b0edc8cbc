"""Where the lines of one chain are written, durably, and never changed again."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kfp_provenance.audit.naming import file_name
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuditError
from kfp_provenance.storage import open_storage, scheme_of
from kfp_provenance.storage.uris import file_path

SCHEMES = ("", "file", "gs")
MAX_FILE = 64 * 1024 * 1024
"""Bytes after which a chain goes on in a new file."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Sink(Protocol):
    """The files of one chain."""

    def write(self, kind: str, first: int, data: bytes) -> None:
        """Add whole lines; they are on stable storage when this returns.

        Args:
            kind: Kind of the file, of :mod:`kfp_provenance.audit.naming`.
            first: Number of the first line in ``data``.
            data: Lines, each with its newline.

        Raises:
            OSError: It is not known what of ``data`` was written.
            StorageError: Likewise, from a bucket.
        """

    def close(self) -> None:
        """Give back what is open."""

    def discard(self) -> None:
        """Remove what was written, in which nothing was ever recorded, and close."""


def new_sink(uri: str, chain: str) -> Sink:
    """A sink for a new chain.

    Raises:
        OSError: If a folder cannot be made.
        StorageError: URI_UNSUPPORTED if nothing writes to such a URI.
    """
    if scheme_of(uri) == "gs":
        return BucketSink(uri.rstrip("/"), chain)
    return FileSink(file_path(uri), chain)


def refuse_scheme(uri: str) -> None:
    """Refuse a URI that no trail is kept at.

    Raises:
        AuditError: URI_UNSUPPORTED.
    """
    scheme = scheme_of(uri)
    if scheme not in SCHEMES:
        raise AuditError(
            Code.URI_UNSUPPORTED,
            "no audit trail can be kept there",
            expected="a folder, or gs://BUCKET/PREFIX",
            found=f"{scheme}:",
            remedy="name a folder, or a bucket of Google Cloud Storage",
        )


@dataclass
class _OpenFile:
    name: str
    descriptor: int
    size: int = 0


class FileSink:
    """A folder with files of mode 0600 that are only appended to. Implements :class:`Sink`.

    The files are new, so no two processes ever write to one; links are not followed.

    Args:
        folder: Folder of the trail; made if it is missing.
        chain: Id of the chain.
    """

    def __init__(self, folder: Path, chain: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.mkdir(chain, mode=0o700, dir_fd=root)
            os.fsync(root)
            self._folder = os.open(chain, _FOLDER, dir_fd=root)
        finally:
            os.close(root)
        self._path = folder / chain
        self._files: dict[str, _OpenFile] = {}
        self._names: list[str] = []

    def write(self, kind: str, first: int, data: bytes) -> None:
        """Append, and wait for the disk."""
        file = self._files.get(kind)
        if file is None or file.size + len(data) > MAX_FILE:
            file = self._next(kind, first)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(file.descriptor, rest) :]
            os.fdatasync(file.descriptor)  # its size is part of what this waits for
        except OSError:
            self._abandon(self._files.pop(kind))
            raise
        file.size += len(data)

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            os.close(file.descriptor)
        self._files.clear()
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

    def discard(self) -> None:
        """Remove the folder again."""
        with suppress(OSError):  # what stays has no record, and the error is told already
            for name in self._names:
                os.unlink(name, dir_fd=self._folder)
            self._path.rmdir()
        self.close()

    def _abandon(self, file: _OpenFile) -> None:
        """Take back what nobody has a receipt for, as far as the file system lets us."""
        with suppress(OSError):
            os.ftruncate(file.descriptor, file.size)
            if file.size == 0:
                os.unlink(file.name, dir_fd=self._folder)
                self._names.remove(file.name)
        os.close(file.descriptor)

    def _next(self, kind: str, first: int) -> _OpenFile:
        name = file_name(kind, first)
        descriptor = os.open(name, _NEW, 0o600, dir_fd=self._folder)
        self._names.append(name)
        before = self._files.pop(kind, None)
        if before is not None:
            os.close(before.descriptor)
        self._files[kind] = _OpenFile(name, descriptor)
        os.fsync(self._folder)
        return self._files[kind]


class BucketSink:
    """Objects that are written once, each with the lines between two flushes.

    Implements :class:`Sink`. An object that is there already is never replaced.
    """

    def __init__(self, uri: str, chain: str) -> None:
        self._uri = f"{uri}/{chain}"

    def write(self, kind: str, first: int, data: bytes) -> None:
        """One new object."""
        storage = open_storage(f"{self._uri}/{file_name(kind, first)}")
        storage.replace_bytes(data, expected_version=None)

    def close(self) -> None:
        """Nothing is open."""

    def discard(self) -> None:
        """Nothing is removed: who writes the trail needs no right to delete."""
