"""Bytes of the compared artifacts, as far as they are still those that were recorded."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Protocol

from kfp_provenance.codes import Code
from kfp_provenance.errors import StorageError
from kfp_provenance.facts import Artifact, ArtifactKind
from kfp_provenance.hashing import Content
from kfp_provenance.storage import local_path, open_storage, scheme_of, without_credentials

MAX_BYTES = 1024**3
TOTAL = 8
"""How many times the limit of one table all of them may have together."""
_SCHEMES = frozenset({"", "file", "gs"})
_GZIP = b"\x1f\x8b"
_CHUNK = 1024 * 1024


class DataSource(Protocol):
    """Where the bytes of artifacts are read."""

    def fetch(self, artifact: Artifact, target: Path) -> None:
        """Write the bytes of a file to ``target``; they are those that were recorded.

        Raises:
            ProvenanceError: If they cannot be read, are too many, or are other ones now.
        """


class StoredData:
    """Files of this machine and objects in GCS. Implements :class:`DataSource`.

    Web addresses are not asked: a store may have been written by anybody, and comparing
    must not make this machine call what somebody else named.

    Args:
        limit: Bytes that one artifact may have.
    """

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self._limit = limit
        self._left = limit * TOTAL
        self._unreachable: set[str] = set()

    def fetch(self, artifact: Artifact, target: Path) -> None:
        """Copy and hash in one pass; see the protocol."""
        if artifact.kind is not ArtifactKind.FILE:
            raise _unread(Code.URI_UNSUPPORTED, f"it is a {artifact.kind}", artifact)
        if max(artifact.size, 0) > self._left:
            raise _unread(Code.OBJECT_TOO_LARGE, "all tables together are too large", artifact)
        path = local_path(artifact.uri)
        if path is None and scheme_of(artifact.uri) not in _SCHEMES:
            message = f"{scheme_of(artifact.uri)}: is not read again"
            raise _unread(Code.URI_UNSUPPORTED, message, artifact)
        uri = artifact.uri if path is None else str(path.absolute())
        content = self._download(uri, target, artifact)
        self._left -= content.size
        if content.digest != artifact.digest:
            target.unlink()
            raise StorageError(
                Code.OBJECT_DIGEST_MISMATCH,
                "other bytes are there now",
                where=without_credentials(artifact.uri),
                expected=str(artifact.digest),
                found=str(content.digest),
                remedy="restore the bytes that the step read or wrote",
            )
        self._unpack(artifact, target)

    def _download(self, uri: str, target: Path, artifact: Artifact) -> Content:
        """Copy, unless its bucket did not answer before: each would be waited for again."""
        bucket = uri[: uri.find("/", uri.find("://") + 3)] if "://" in uri else ""
        if bucket in self._unreachable:
            raise _unread(Code.OBJECT_UNREACHABLE, f"{bucket} could not be reached", artifact)
        try:
            return open_storage(uri).download(target, limit=self._limit)
        except StorageError as error:
            if bucket and error.code is Code.OBJECT_UNREACHABLE:
                self._unreachable.add(bucket)
            raise

    def _unpack(self, artifact: Artifact, target: Path) -> None:
        """A ``.csv.gz`` as CSV; up to the limit, whatever its header promises."""
        with target.open("rb") as file:
            if file.read(len(_GZIP)) != _GZIP:
                return
        unpacked = target.with_name(f"{target.name}.unpacked")
        size = 0
        try:
            with gzip.open(target) as source, unpacked.open("wb") as sink:
                while chunk := source.read(_CHUNK):
                    size += len(chunk)
                    if size > self._limit:
                        raise _unread(Code.OBJECT_TOO_LARGE, "too large when unpacked", artifact)
                    sink.write(chunk)
        except (OSError, EOFError, zlib.error) as error:
            raise _unread(Code.DATA_UNREADABLE, "not a whole gzip file", artifact) from error
        unpacked.replace(target)


def _unread(code: Code, message: str, artifact: Artifact) -> StorageError:
    return StorageError(
        code,
        message,
        where=without_credentials(artifact.uri),
        remedy="raise the limit, or compare copies of the tables in files of this machine",
    )
