"""The pointer of a published model: a small JSON object that says where its bytes are."""

from __future__ import annotations

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError, StorageError
from kfp_provenance.storage import open_storage

POINTER_LIMIT = 64 * 1024
"""Most bytes of a pointer."""
_ATTEMPTS = 5


def move_pointer(uri: str, data: bytes) -> None:
    """Compare and swap; only a writer at the same moment makes it try again.

    Raises:
        StorageError: If it cannot be read or written, or others keep moving it.
    """
    storage = open_storage(uri)
    for attempt in range(_ATTEMPTS):
        try:
            version: str | None
            try:
                there = storage.read_bytes(POINTER_LIMIT)
                if there.data == data:
                    return
                version = there.version
            except StorageError as error:
                if error.code is not Code.OBJECT_MISSING:
                    raise
                version = None
            storage.replace_bytes(data, expected_version=version)
        except ProvenanceError as error:
            moved = error.code in (Code.OBJECT_CHANGED, Code.OBJECT_EXISTS)
            if not moved or attempt == _ATTEMPTS - 1:
                raise
        else:
            return
