"""Google Cloud Storage: ``gs://bucket/object``.

``STORAGE_EMULATOR_HOST`` leads to an emulator, without credentials. All reads are of one
generation. Writes name the generation that they replace (0: none), which the service
checks; because an emulator may not, what was written once is read back.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from google.api_core.exceptions import PreconditionFailed

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError, StorageError
from kfp_provenance.hashing import Content, Listing, hash_file
from kfp_provenance.storage.files import FileStorage
from kfp_provenance.storage.gs_errors import mapped_errors
from kfp_provenance.storage.gs_objects import (
    CALL,
    Bucket,
    Version,
    client_for,
    files_below,
    find,
    list_below,
    names_below,
    receive,
)
from kfp_provenance.storage.interface import ObjectBytes, ObjectInfo, StoredFile, Written
from kfp_provenance.storage.refusals import exists_differently, storage_error, too_large
from kfp_provenance.storage.staging import Hashed, HashedBeside, is_directory, refuse_link, staged
from kfp_provenance.storage.trees import limited_names, put_directory_once

_URI = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])/([^/\r\n\0][^\r\n\0]*)")
_NAME_BYTES = 1024
_BLOCK = 1024 * 1024


class GsStorage:
    """An object of a bucket, or the objects below a prefix. Implements :class:`Storage`."""

    def __init__(self, uri: str) -> None:
        match = _URI.fullmatch(uri)
        if match is None or len(match[2].encode(errors="replace")) > _NAME_BYTES:
            raise storage_error(
                Code.URI_UNSUPPORTED,
                "this does not name an object",
                uri,
                expected="gs://bucket/object",
            )
        self._name = match[2].rstrip("/")
        self._uri = f"gs://{match[1]}/{self._name}"
        with mapped_errors(self._uri):
            client = client_for(os.environ.get("STORAGE_EMULATOR_HOST", ""))
            self._bucket: Bucket = client.bucket(match[1])

    def __repr__(self) -> str:
        return f"GsStorage({self._uri!r})"

    @property
    def uri(self) -> str:
        """Without a slash at the end."""
        return self._uri

    def stat(self) -> ObjectInfo:
        """Size and generation; a prefix has neither."""
        with mapped_errors(self._uri):
            version = find(self._bucket, self._name)
            if version is not None:
                return ObjectInfo(self._uri, version.size, str(version.generation))
            if self._has_objects_below():
                return ObjectInfo(self._uri, None, "")
        raise self._missing()

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Read one generation, a block at a time."""
        blob = self._version().blob
        with (
            mapped_errors(self._uri),
            blob.open("rb", chunk_size=_BLOCK, raw_download=True, **CALL) as file,
        ):
            yield file

    def download(self, target: Path, *, limit: int) -> Content:
        """Copy one generation."""
        version = self._version()
        if version.size > limit:
            raise too_large(self._uri, limit)
        refuse_link(target)
        with staged(target) as part:
            content = receive(version, Hashed(part.file, self._uri, limit), self._uri)
            part.replace()
        return content

    def files(self, limit: int) -> tuple[StoredFile, ...]:
        """One generation, or one of each object below the prefix."""
        with mapped_errors(self._uri):
            version = self._single()
            if version is not None:
                return (StoredFile("", version.size, partial(self._copy, version)),)
            below = files_below(self._bucket, f"{self._name}/", self._uri, limit)
        if not below:
            raise self._missing()
        return tuple(
            StoredFile(path, version.size, partial(self._copy, version))
            for path, version in below.items()
        )

    def _copy(self, version: Version, file: BinaryIO, limit: int) -> Content:
        if version.size > limit:
            raise too_large(self._uri, limit)
        with HashedBeside(file, self._uri, limit) as target:
            # The digest is compared with one that was signed: a second sum proves nothing more.
            return receive(version, target, self._uri, checksum=None)

    def hash(self) -> Content:
        """Hash one generation, or the listing of all objects below the prefix."""
        with mapped_errors(self._uri):
            version = self._single()
        if version is not None:
            return self._hash(version)
        listing = self._listing()
        if listing is None:
            raise self._missing()
        return listing.content

    def put_once(self, source: Path) -> Written:
        """Upload if no generation exists, and read back what is there then."""
        if is_directory(source):
            return put_directory_once(source, self._uri, self._listing, self._put_below)
        content = hash_file(source)
        with mapped_errors(self._uri):
            created = find(self._bucket, self._name) is None and self._upload(source)
        version = self._version()
        found = self._hash(version)
        if found != content:
            raise exists_differently(self._uri, content, found)
        return Written(created, str(version.generation), content)

    def names(self, limit: int) -> tuple[str, ...]:
        """Names of objects and prefixes directly below."""
        with mapped_errors(self._uri):
            names = limited_names(names_below(self._bucket, f"{self._name}/"), limit, self._uri)
        if not names and not self._has_objects_below():
            raise self._missing()
        return names

    def read_bytes(self, limit: int) -> ObjectBytes:
        """A small object and its generation."""
        version = self._version()
        if version.size > limit:
            raise too_large(self._uri, limit)
        with mapped_errors(self._uri):
            data = version.blob.download_as_bytes(raw_download=True, **CALL)
        if len(data) != version.size:
            raise storage_error(Code.OBJECT_UNREACHABLE, "bytes are missing", self._uri)
        return ObjectBytes(data, str(version.generation))

    def replace_bytes(self, data: bytes, *, expected_version: str | None) -> str:
        """Replace the generation ``expected_version``."""
        blob = self._bucket.blob(self._name)
        generation = int(expected_version or 0)
        try:
            with mapped_errors(self._uri):
                blob.upload_from_string(data, if_generation_match=generation, **CALL)
        except PreconditionFailed as error:
            found = self._version()
            if found.size == len(data) and self.read_bytes(len(data)).data == data:
                return str(found.generation)  # an answer was lost, and the client tried again
            code = Code.OBJECT_EXISTS if expected_version is None else Code.OBJECT_CHANGED
            raise storage_error(
                code,
                "someone else wrote the object",
                self._uri,
                expected=f"generation {generation}" if generation else "no object",
                found=f"generation {found.generation}",
            ) from error
        return str(blob.generation)

    def _upload(self, source: Path) -> bool:
        """True if this call made the object, False if there was one already."""
        blob = self._bucket.blob(self._name)
        with FileStorage(str(source.absolute())).open() as file:
            size = os.fstat(file.fileno()).st_size
            try:
                blob.upload_from_file(file, size=size, if_generation_match=0, **CALL)
            except PreconditionFailed:
                return False
        return True

    def _put_below(self, name: str, source: Path) -> Written:
        return GsStorage(f"{self._uri}/{name}").put_once(source)

    def _version(self) -> Version:
        with mapped_errors(self._uri):
            version = find(self._bucket, self._name)
        if version is None:
            raise self._missing()
        return version

    def _single(self) -> Version | None:
        """The object itself; None if there is none, an error if there are others below it."""
        version = find(self._bucket, self._name)
        if version is not None and self._has_objects_below():
            # which of the two a mount of the bucket shows is not ours to guess
            raise ArtifactError(
                Code.ARTIFACT_NAME_INVALID,
                "a path is both a file and a directory",
                where=self._uri,
                remedy="remove the object, or those below it",
            )
        return version

    def _hash(self, version: Version) -> Content:
        return receive(version, Hashed(None, self._uri, None), self._uri)

    def _listing(self) -> Listing | None:
        return list_below(self._bucket, f"{self._name}/", self._uri)

    def _has_objects_below(self) -> bool:
        found = self._bucket.list_blobs(prefix=f"{self._name}/", max_results=1, **CALL)
        return next(iter(found), None) is not None

    def _missing(self) -> StorageError:
        return storage_error(Code.OBJECT_MISSING, "there is no object", self._uri)
