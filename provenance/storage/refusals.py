"""The errors of storage, each with its remedy and never with a credential."""

from __future__ import annotations

from kfp_provenance.codes import Code
from kfp_provenance.errors import StorageError
from kfp_provenance.hashing import Content
from kfp_provenance.storage.uris import without_credentials

_REMEDIES = {
    Code.URI_UNSUPPORTED: "use a URI that this storage can serve",
    Code.OBJECT_MISSING: "check the URI; the object may have been moved or deleted",
    Code.OBJECT_UNREACHABLE: "check the network, the credentials and the rights, then try again",
    Code.OBJECT_TOO_LARGE: "raise the limit if this much is really expected",
    Code.OBJECT_EXISTS: "write under another name; what is there is never overwritten",
    Code.OBJECT_CHANGED: "read it again and repeat the change",
    Code.ARTIFACT_SYMLINK: "name the file itself, not a link to it",
}


def storage_error(
    code: Code, message: str, uri: str, *, expected: str = "", found: str = "", remedy: str = ""
) -> StorageError:
    """An error at ``uri``, with the remedy of its code unless a better one is given."""
    return StorageError(
        code,
        message,
        where=without_credentials(uri),
        expected=expected,
        found=found,
        remedy=remedy or _REMEDIES[code],
    )


def too_large(uri: str, limit: int) -> StorageError:
    """More bytes than the caller accepts."""
    message = "there are more bytes than accepted"
    return storage_error(
        Code.OBJECT_TOO_LARGE, message, uri, expected=f"at most {limit} bytes", found="more"
    )


def too_many(uri: str, limit: int) -> StorageError:
    """More files than the caller accepts."""
    message = "there are more files than accepted"
    return storage_error(
        Code.OBJECT_TOO_LARGE, message, uri, expected=f"at most {limit} files", found="more"
    )


def exists_differently(uri: str, new: Content, found: Content | None) -> StorageError:
    """There are other bytes where ``new`` was to be written once."""
    return storage_error(
        Code.OBJECT_EXISTS,
        "other bytes are stored here already",
        uri,
        expected=str(new.digest),
        found="nothing" if found is None else str(found.digest),
    )
