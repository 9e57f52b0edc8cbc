"""What the project asks of a storage."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from kfp_provenance.hashing import Content


@dataclass(frozen=True)
class ObjectInfo:
    """What is at a URI.

    Attributes:
        uri: Without credentials.
        size: Bytes, if known; None for a directory.
        version: Changes with the bytes: generation in GCS, entity tag of a web server;
            empty where there is none (files, directories).
    """

    uri: str
    size: int | None
    version: str


@dataclass(frozen=True)
class ObjectBytes:
    """The bytes of a small object, and the version that they are of."""

    data: bytes
    version: str


@dataclass(frozen=True)
class Written:
    """What :meth:`Storage.put_once` found or made.

    Attributes:
        created: False if the equal bytes were there already.
        version: As in :class:`ObjectInfo`.
        content: What is there now.
    """

    created: bool
    version: str
    content: Content


@dataclass(frozen=True)
class StoredFile:
    """One file of what is at a URI.

    Attributes:
        path: Relative to the directory; empty for a single object.
        size: Bytes, if known.
        copy_to: Writes the bytes into an open file while they are hashed. Takes the file
            and the most bytes to accept; raises as :meth:`Storage.download`. Only the
            digest shows whether they arrived as they were stored.
    """

    path: str
    size: int | None
    copy_to: Callable[[BinaryIO, int], Content]


class Storage(Protocol):
    """One object, or one directory of objects.

    Every method raises :class:`StorageError`: OBJECT_MISSING, OBJECT_UNREACHABLE,
    OBJECT_TOO_LARGE, OBJECT_CHANGED (someone else wrote meanwhile), OBJECT_EXISTS, or
    URI_UNSUPPORTED for what this kind of storage cannot do. Bytes that cannot be an
    artifact raise :class:`ArtifactError`, as in :mod:`kfp_provenance.hashing`.
    """

    @property
    def uri(self) -> str:
        """Where it is, without credentials."""

    def stat(self) -> ObjectInfo:
        """Size and version."""

    def open(self) -> AbstractContextManager[BinaryIO]:
        """Read the bytes of one object, all of one version."""

    def download(self, target: Path, *, limit: int) -> Content:
        """Copy one object to the file ``target``, whole or not at all.

        Args:
            target: Is replaced if it is there; must not be a link.
            limit: Most bytes to accept.
        """

    def files(self, limit: int) -> tuple[StoredFile, ...]:
        """What is there, to be copied file by file: one object, or all of a directory.

        In a bucket every file is the version that was there when this was called.

        Args:
            limit: Most files; more are refused, never cut short.
        """

    def hash(self) -> Content:
        """Hash the object, or the directory of objects, without keeping it."""

    def put_once(self, source: Path) -> Written:
        """Store a file or a directory, unless other bytes are there already.

        A file appears whole or not at all. A directory appears file by file; after an
        interruption, the same call completes it.

        Raises:
            StorageError: OBJECT_EXISTS if there are other bytes.
        """

    def names(self, limit: int) -> tuple[str, ...]:
        """Names of what lies in a folder, files and folders alike, sorted.

        Only its direct children, without those whose name begins with a dot: locks and
        files that are being written. It is one look at what others write to meanwhile.

        Args:
            limit: Most names; a folder with more is refused, never cut short.

        Raises:
            StorageError: OBJECT_MISSING if there is no such folder, OBJECT_TOO_LARGE for
                more names than ``limit``, URI_UNSUPPORTED where folders cannot be listed.
        """

    def read_bytes(self, limit: int) -> ObjectBytes:
        """A small object of at most ``limit`` bytes."""

    def replace_bytes(self, data: bytes, *, expected_version: str | None) -> str:
        """Replace a small object if it still is of ``expected_version``.

        Args:
            data: The new bytes.
            expected_version: From :meth:`read_bytes`; None if there must be no object yet.

        Returns:
            The new version.

        Raises:
            StorageError: OBJECT_CHANGED, or OBJECT_EXISTS for None, if it is not.
        """
