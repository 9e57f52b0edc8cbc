"""Directories written once, file by file; the same for every kind of storage."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from kfp_provenance.codes import Code
from kfp_provenance.hashing import Listing, list_directory
from kfp_provenance.storage.interface import Written
from kfp_provenance.storage.refusals import exists_differently, storage_error


def limited_names(names: Iterable[str], limit: int, uri: str) -> tuple[str, ...]:
    """Names in a folder, each once, sorted; without hidden ones.

    Raises:
        StorageError: OBJECT_TOO_LARGE for more than ``limit``.
    """
    found: set[str] = set()
    for name in names:
        if name and not name.startswith("."):
            found.add(name)
        if len(found) > limit:
            raise storage_error(
                Code.OBJECT_TOO_LARGE,
                "there are more names in the folder than accepted",
                uri,
                expected=f"at most {limit}",
                found="more",
            )
    return tuple(sorted(found))


def put_directory_once(
    source: Path,
    uri: str,
    stored: Callable[[], Listing | None],
    put_file: Callable[[str, Path], Written],
) -> Written:
    """Store what is missing of the directory ``source``.

    Args:
        source: The directory.
        uri: Where to, for errors.
        stored: Lists what is there; None if nothing is.
        put_file: Stores one file once under its relative path.

    Raises:
        StorageError: OBJECT_EXISTS if there is any other file, or other bytes in one.
    """
    wanted = list_directory(source)
    before = stored()
    found = {} if before is None else {entry.path: entry.digest for entry in before.entries}
    digests = {entry.path: entry.digest for entry in wanted.entries}
    if before is not None and not found.items() <= digests.items():
        raise exists_differently(uri, wanted.content, before.content)
    for path in digests.keys() - found.keys():
        put_file(path, source / path)
    after = before if len(found) == len(digests) else stored()
    if after is None or after.digest != wanted.digest:
        raise exists_differently(uri, wanted.content, None if after is None else after.content)
    return Written(len(found) < len(digests), "", wanted.content)
