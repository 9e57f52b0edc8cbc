"""Files: bare paths and ``file:`` URIs."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError
from kfp_provenance.facts import Digest
from kfp_provenance.hashing import (
    Content,
    Listing,
    hash_file,
    hash_path,
    list_directory,
    scan_directory,
)
from kfp_provenance.storage.interface import ObjectBytes, ObjectInfo, StoredFile, Written
from kfp_provenance.storage.refusals import exists_differently, storage_error, too_large, too_many
from kfp_provenance.storage.staging import (
    Bounded,
    from_os_error,
    is_directory,
    read_small,
    refuse_link,
    staged,
)
from kfp_provenance.storage.trees import limited_names, put_directory_once
from kfp_provenance.storage.uris import file_path

_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_LOOKS = 3


class FileStorage:
    """A file or a directory of this machine. Implements :class:`Storage`."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._path = file_path(uri)

    def __repr__(self) -> str:
        return f"FileStorage({self._uri!r})"

    @property
    def uri(self) -> str:
        """As it was given."""
        return self._uri

    def stat(self) -> ObjectInfo:
        """Size; files have no version."""
        refuse_link(self._path)
        try:
            status = self._path.lstat()
        except OSError as error:
            raise from_os_error(error, self._uri) from error
        return ObjectInfo(self._uri, None if stat.S_ISDIR(status.st_mode) else status.st_size, "")

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Read one regular file."""
        refuse_link(self._path)
        try:
            descriptor = os.open(self._path, _OPEN_FLAGS)
        except OSError as error:
            raise from_os_error(error, self._uri) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise storage_error(Code.URI_UNSUPPORTED, "this is not a regular file", self._uri)
        with os.fdopen(descriptor, "rb") as file:
            yield file

    def download(self, target: Path, *, limit: int) -> Content:
        """Copy one file."""
        size = self.stat().size
        if size is not None and size > limit:
            raise too_large(self._uri, limit)
        refuse_link(target)
        with self._as_object(), staged(target) as part:
            content = hash_file(self._path, copy_to=Bounded(part.file, self._uri, limit))
            part.replace()
        return content

    def files(self, limit: int) -> tuple[StoredFile, ...]:
        """One file, or all of a directory; each must be itself when it is copied."""
        if not is_directory(self._path):
            return (StoredFile("", self.stat().size, partial(self._copy, self._path)),)
        with self._as_object():
            found = scan_directory(self._path)
        if len(found) > limit:
            raise too_many(self._uri, limit)
        return tuple(
            StoredFile(name, seen[3], partial(self._copy, self._path / name))
            for name, seen in found.items()
        )

    def _copy(self, path: Path, file: BinaryIO, limit: int) -> Content:
        with self._as_object():
            return hash_file(path, copy_to=Bounded(file, str(path), limit))

    def hash(self) -> Content:
        """Hash the file or the directory."""
        with self._as_object():
            return hash_path(self._path)

    def put_once(self, source: Path) -> Written:
        """Write by a hard link, which never replaces anything."""
        if is_directory(source):
            return put_directory_once(source, self._uri, self._listing, self._put_below)
        refuse_link(self._path)
        if self._path.exists():
            return self._compare(hash_file(source))
        with staged(self._path) as part:
            content = hash_file(source, copy_to=Bounded(part.file, str(source), None))
            if part.link():
                return Written(created=True, version="", content=content)
        return self._compare(content)

    def names(self, limit: int) -> tuple[str, ...]:
        """Names in a directory, which is not a link."""
        refuse_link(self._path)
        try:
            with os.scandir(self._path) as entries:
                return limited_names((entry.name for entry in entries), limit, self._uri)
        except OSError as error:
            raise from_os_error(error, self._uri) from error

    def read_bytes(self, limit: int) -> ObjectBytes:
        """A small file; its version is its digest."""
        with self.open() as file:
            data = read_small(file, self._uri, limit)
        return ObjectBytes(data, _version(data))

    def replace_bytes(self, data: bytes, *, expected_version: str | None) -> str:
        """Replace a small file under a lock, which only this method takes."""
        with self._lock():
            found = self._version_now()
            if found != expected_version:
                code = Code.OBJECT_EXISTS if expected_version is None else Code.OBJECT_CHANGED
                raise storage_error(
                    code,
                    "someone else wrote the object",
                    self._uri,
                    expected=expected_version or "no object",
                    found=found or "no object",
                )
            with staged(self._path) as part:
                part.file.write(data)
                part.replace()
        return _version(data)

    def _version_now(self) -> str | None:
        refuse_link(self._path)
        if not self._path.exists():
            return None
        return str(hash_file(self._path).digest)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold ``.<name>.lock``. It stays: removing it would let two processes hold two."""
        path = self._path.with_name(f".{self._path.name}.lock")
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, flags, 0o666)
        except OSError as error:
            raise from_os_error(error, self._uri) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)  # which gives the lock back

    def _compare(self, content: Content) -> Written:
        found = self._hash_new()
        if found != content:
            raise exists_differently(self._uri, content, found)
        return Written(created=False, version="", content=content)

    def _hash_new(self) -> Content:
        """Hash a file that another writer may have made this moment.

        Its bytes are whole, but it loses the name of the part that it was linked from, which
        looks like a change while it is read.
        """
        for _ in range(_LOOKS - 1):
            try:
                return self.hash()
            except ArtifactError as error:
                if error.code is not Code.ARTIFACT_CHANGED_WHILE_READ:
                    raise
        return self.hash()

    def _listing(self) -> Listing | None:
        refuse_link(self._path)
        if not self._path.exists():
            return None
        if not is_directory(self._path):
            raise storage_error(Code.OBJECT_EXISTS, "there is a file already", self._uri)
        return list_directory(self._path)

    def _put_below(self, name: str, source: Path) -> Written:
        return FileStorage(str(self._path.absolute() / name)).put_once(source)

    @contextmanager
    def _as_object(self) -> Iterator[None]:
        """A file that is not there is a missing object."""
        try:
            yield
        except ArtifactError as error:
            if error.code is Code.ARTIFACT_MISSING:
                raise storage_error(Code.OBJECT_MISSING, "there is no object", self._uri) from error
            raise


def _version(data: bytes) -> str:
    return str(Digest.of(data))
