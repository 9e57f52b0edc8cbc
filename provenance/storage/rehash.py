"""Hash stored bytes again: what was mounted, what is in a file, what is in GCS."""

from __future__ import annotations

from kfp_provenance.codes import Code
from kfp_provenance.errors import StorageError
from kfp_provenance.facts import ArtifactKind
from kfp_provenance.hashing import Content, hash_path
from kfp_provenance.storage.registry import open_storage
from kfp_provenance.storage.uris import local_path, scheme_of, without_credentials

_READABLE = frozenset({"", "file", "gs"})


def hash_stored(uri: str, kind: ArtifactKind) -> Content:
    """Digest of what is at ``uri`` now.

    Args:
        uri: Where a step recorded its artifact.
        kind: What it recorded; a directory of objects is told from an object by it.

    Raises:
        StorageError: URI_UNSUPPORTED for what is neither mounted nor in a file or GCS,
            OBJECT_MISSING if nothing is there.
        ArtifactError: If what is there cannot be an artifact.
    """
    path = local_path(uri)
    if path is not None and (path.exists() or path.is_symlink()):
        return hash_path(path)
    if path is None and scheme_of(uri) in _READABLE:
        as_directory = kind is ArtifactKind.DIRECTORY and not uri.endswith("/")
        return open_storage(f"{uri}/" if as_directory else uri).hash()
    missing = path is not None
    raise StorageError(
        Code.OBJECT_MISSING if missing else Code.URI_UNSUPPORTED,
        "nothing is stored there" if missing else "these bytes cannot be read from here",
        where=without_credentials(uri),
        remedy="restore the bytes" if missing else "hand the artifact to the task as an input",
    )
