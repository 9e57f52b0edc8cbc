"""Names of the objects below a prefix, where a storage can list them."""

from __future__ import annotations

import os

from kfp_provenance.codes import Code
from kfp_provenance.storage.refusals import storage_error
from kfp_provenance.storage.uris import scheme_of


def list_names(uri: str, *, folders: bool = False) -> list[str]:
    """Names right below ``uri``, without it: of objects, or of prefixes that hold some.

    Args:
        uri: ``gs://bucket/prefix``; or a bucket alone.
        folders: Name the prefixes, not the objects.

    Raises:
        StorageError: URI_UNSUPPORTED for a URI that is not of a bucket; OBJECT_MISSING if
            there is no such bucket; OBJECT_UNREACHABLE.
    """
    if scheme_of(uri) != "gs":
        raise storage_error(Code.URI_UNSUPPORTED, "only buckets are listed", uri)
    from kfp_provenance.storage.gs_errors import mapped_errors  # noqa: PLC0415 - loads slowly
    from kfp_provenance.storage.gs_objects import CALL, client_for  # noqa: PLC0415

    bucket, _, prefix = uri.removeprefix("gs://").rstrip("/").partition("/")
    below = f"{prefix}/" if prefix else ""
    with mapped_errors(uri):
        client = client_for(os.environ.get("STORAGE_EMULATOR_HOST", ""))
        found = client.list_blobs(bucket, prefix=below, delimiter="/", **CALL)
        objects = [str(blob.name) for blob in found]  # which also fills in the prefixes
        names = [str(name).rstrip("/") for name in found.prefixes] if folders else objects
    return sorted(name.removeprefix(below) for name in names)
