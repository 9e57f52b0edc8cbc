"""Reading a trail: its chains, their files, their lines."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol

from kfp_provenance.audit.encoding import MAX_LINE
from kfp_provenance.audit.naming import file_kind, first_number, is_chain
from kfp_provenance.audit.sinks import refuse_scheme
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuditError, StorageError
from kfp_provenance.storage import open_storage, scheme_of, without_credentials
from kfp_provenance.storage.uris import file_path

_MAX_OBJECT = 80 * 1024 * 1024
_MOST_NAMES = 1_000_000
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Source(Protocol):
    """A trail to be read. Its methods raise :class:`AuditError` or :class:`StorageError`."""

    @property
    def uri(self) -> str:
        """Where it is, without credentials."""

    def chains(self) -> list[str]:
        """Ids of all chains, the oldest first; empty if there is no trail."""

    def files(self, chain: str, kind: str) -> list[str]:
        """Names of the files of one kind, in the order of their lines."""

    def open(self, chain: str, name: str) -> AbstractContextManager[BinaryIO]:
        """Bytes of one file."""


def open_source(uri: str) -> Source:
    """The trail at a URI.

    Raises:
        AuditError: URI_UNSUPPORTED.
    """
    refuse_scheme(uri)
    if scheme_of(uri) == "gs":
        return BucketSource(uri.rstrip("/"))
    return FileSource(file_path(uri))


def ordered(names: list[str], kind: str) -> list[str]:
    """Of ``names`` the files of ``kind``, in order."""
    return sorted((n for n in names if file_kind(n) == kind), key=first_number)


class FileSource:
    """A folder. Links below it are not followed. Implements :class:`Source`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def uri(self) -> str:
        """Its path."""
        return str(self._folder)

    def chains(self) -> list[str]:
        """Folders with the name of a chain."""
        try:
            return sorted(
                entry.name
                for entry in os.scandir(self._folder)
                if is_chain(entry.name) and entry.is_dir(follow_symlinks=False)
            )
        except FileNotFoundError:
            return []
        except OSError as error:
            raise unreadable(str(self._folder), error) from error

    def files(self, chain: str, kind: str) -> list[str]:
        """Files with the name of ``kind``."""
        try:
            return ordered([entry.name for entry in os.scandir(self._folder / chain)], kind)
        except OSError as error:
            raise unreadable(str(self._folder / chain), error) from error

    @contextmanager
    def open(self, chain: str, name: str) -> Iterator[BinaryIO]:
        """A regular file."""
        path = self._folder / chain / name
        try:
            with os.fdopen(os.open(path, _FILE), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise OSError("it is not a regular file")
                yield file
        except OSError as error:
            raise unreadable(str(path), error) from error


class BucketSource:
    """Objects below a prefix. Implements :class:`Source`."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    @property
    def uri(self) -> str:
        """Of the prefix."""
        return without_credentials(self._uri)

    def chains(self) -> list[str]:
        """Prefixes with the name of a chain."""
        try:
            return sorted(filter(is_chain, open_storage(self._uri).names(_MOST_NAMES)))
        except StorageError as error:
            if error.code is Code.OBJECT_MISSING:  # also without a bucket: nothing can be written
                return []
            raise

    def files(self, chain: str, kind: str) -> list[str]:
        """Objects with the name of ``kind``."""
        return ordered(list(open_storage(f"{self._uri}/{chain}").names(_MOST_NAMES)), kind)

    @contextmanager
    def open(self, chain: str, name: str) -> Iterator[BinaryIO]:
        """One object, which is small."""
        data = open_storage(f"{self._uri}/{chain}/{name}").read_bytes(_MAX_OBJECT).data
        yield BytesIO(data)


def read_lines(file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Lines without their newline, and whether they had one.

    A line longer than any is given in pieces, each of which no reader accepts.
    """
    while line := file.readline(MAX_LINE + 2):
        whole = line.endswith(b"\n")
        yield (line[:-1], True) if whole else (line, len(line) > MAX_LINE)


def last_line(source: Source, chain: str, kind: str) -> bytes | None:
    """The last whole line of a chain's files of one kind; None if there is none."""
    for name in reversed(source.files(chain, kind)):
        with source.open(chain, name) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 2 * MAX_LINE))
            lines = file.read().split(b"\n")[:-1]  # what follows the last newline is torn
        if lines:
            return lines[-1]
    return None


def unreadable(where: str, error: OSError) -> AuditError:
    """What is there cannot be read."""
    return AuditError(
        Code.AUDIT_TRAIL_UNREADABLE,
        "the audit trail cannot be read",
        where=where,
        found=error.strerror or str(error) or type(error).__name__,
        remedy="check the path and the rights, then try again",
    )
