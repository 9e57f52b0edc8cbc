"""Objects of a bucket, each pinned to one generation."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError, StorageError
from kfp_provenance.hashing import Content, Listing, ListingEntry
from kfp_provenance.storage.gs_errors import mapped_errors
from kfp_provenance.storage.refusals import storage_error, too_many
from kfp_provenance.storage.staging import Hashed

# The Google client ships no types for these.
Bucket: TypeAlias = Any
_Blob: TypeAlias = Any

_PATIENCE = 60.0
CALL: dict[str, Any] = {"timeout": _PATIENCE, "retry": DEFAULT_RETRY.with_timeout(_PATIENCE)}
"""Seconds per request, and for all tries of one call."""

_MOST_OBJECTS = 1_000_000
_THREADS = 8
_PAGE = 1000


@dataclass(frozen=True)
class Version:
    """One generation of one object: name, generation, bytes, and the client's handle."""

    name: str
    generation: int
    size: int
    blob: _Blob


@cache
def client_for(emulator: str) -> Any:
    """A client for the service, or for the emulator that the environment names."""
    return storage.Client.create_anonymous_client() if emulator else storage.Client()


def find(bucket: Bucket, name: str) -> Version | None:
    """The live generation of an object, if there is one."""
    blob = bucket.get_blob(name, **CALL)
    return None if blob is None else _version(bucket, blob)


def receive(version: Version, target: Hashed, uri: str, **options: Any) -> Content:
    """Read one generation, as it is stored, into ``target``.

    Args:
        version: What to read.
        target: Where to.
        uri: How errors name it.
        options: Of the client.

    Raises:
        StorageError: OBJECT_CHANGED if the generation is gone; OBJECT_UNREACHABLE.
    """
    try:
        with mapped_errors(uri):
            version.blob.download_to_file(target, raw_download=True, **CALL, **options)
    except StorageError as error:
        if error.code is Code.OBJECT_MISSING:
            raise _changed(uri) from error
        raise
    if target.size != version.size:
        raise storage_error(
            Code.OBJECT_UNREACHABLE,
            "not all bytes arrived",
            uri,
            expected=f"{version.size} bytes",
            found=f"{target.size} bytes",
        )
    return target.content


def list_below(bucket: Bucket, prefix: str, uri: str) -> Listing | None:
    """Hash all objects below ``prefix``; None if there are none.

    Raises:
        ArtifactError: What is there is not a directory.
        StorageError: OBJECT_CHANGED if it was written to meanwhile; OBJECT_TOO_LARGE for more
            than a million objects; OBJECT_UNREACHABLE.
    """
    with mapped_errors(uri):
        before = _versions(bucket, prefix, uri)
    if not before:
        return None
    files = _files(before, prefix, uri)

    def entry(version: Version) -> ListingEntry:
        content = receive(version, Hashed(None, uri, None), uri)
        return ListingEntry(version.name.removeprefix(prefix), content.digest, content.size)

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="gs") as pool:
        entries = list(pool.map(entry, files))
    with mapped_errors(uri):
        after = _versions(bucket, prefix, uri)
    if {(v.name, v.generation) for v in before} != {(v.name, v.generation) for v in after}:
        raise _changed(uri)
    return Listing(entries)


def files_below(bucket: Bucket, prefix: str, uri: str, limit: int) -> dict[str, Version]:
    """One generation of every object below ``prefix``, by its path from there.

    Raises:
        ArtifactError: What is there is not a directory.
        StorageError: OBJECT_TOO_LARGE for more than ``limit`` objects; OBJECT_UNREACHABLE.
    """
    found = _files(_versions(bucket, prefix, uri, limit), prefix, uri)
    return {version.name.removeprefix(prefix): version for version in found}


def names_below(bucket: Bucket, prefix: str) -> Iterator[str]:
    """Names directly below ``prefix``; page by page, a name more than once perhaps."""
    found = bucket.list_blobs(prefix=prefix, delimiter="/", page_size=_PAGE, **CALL)
    for page in found.pages:
        names = (*(blob.name for blob in page), *found.prefixes)
        yield from (name.removeprefix(prefix).rstrip("/") for name in names)


def _versions(bucket: Bucket, prefix: str, uri: str, limit: int = _MOST_OBJECTS) -> list[Version]:
    blobs = bucket.list_blobs(prefix=prefix, max_results=limit + 1, **CALL)
    found = [_version(bucket, blob) for blob in blobs]
    if len(found) > limit:
        raise too_many(uri, limit)
    return found


def _files(versions: list[Version], prefix: str, uri: str) -> list[Version]:
    """Without the empty objects that stand for folders; those must have files below."""
    files = [version for version in versions if not version.name.endswith("/")]
    folders = {
        "/".join(f.name.split("/")[:n]) + "/" for f in files for n in range(f.name.count("/") + 1)
    }
    for version in versions:
        if not version.name.endswith("/") or (version.name == prefix and not version.size):
            continue
        if version.size or version.name not in folders:
            code = Code.ARTIFACT_NAME_INVALID if version.size else Code.ARTIFACT_EMPTY_DIRECTORY
            raise ArtifactError(
                code,
                "an object stands for a folder but has bytes, or no files below it",
                where=f"{uri}/{version.name.removeprefix(prefix)}",
                remedy="remove the object",
            )
    return files


def _version(bucket: Bucket, blob: _Blob) -> Version:
    # A new handle: the one that came holds the address that the server wants to be read at.
    pinned = bucket.blob(blob.name, generation=blob.generation)
    return Version(str(blob.name), int(blob.generation), int(blob.size), pinned)


def _changed(uri: str) -> StorageError:
    return storage_error(Code.OBJECT_CHANGED, "the object was written to while it was read", uri)
