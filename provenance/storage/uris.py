"""URIs: what they name, and what of them may be written down."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kfp_provenance.codes import Code
from kfp_provenance.errors import StorageError

MOUNTS: Mapping[str, Path] = {
    "gs": Path("/gcs"),
    "s3": Path("/s3"),
    "minio": Path("/minio"),
}
"""Where KFP's launcher mounts or copies what a URI of each scheme names."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_AUTHORITY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
_QUERY = re.compile(r"[?#].*", re.DOTALL)
_NAMES_HOLD_QUERY_SIGNS = frozenset({"gs", "file"})


def scheme_of(uri: str) -> str:
    """Scheme in lower case; empty for a bare path.

    A path whose first part holds a colon is written with ``./`` before it.
    """
    match = _SCHEME.match(uri)
    return match[1].lower() if match else ""


def without_credentials(uri: str) -> str:
    """``uri`` as it may be recorded and shown.

    User and password are cut out. So is everything behind ``?`` and ``#``, because signed
    URLs carry their signature there under names that nobody can list; only object names
    of ``gs:`` and paths keep these signs, which have no such meaning there.
    """
    match = _AUTHORITY.fullmatch(uri)
    if match is None:
        return uri
    scheme, authority, rest = match.groups()
    host = authority.rpartition("@")[2]
    if scheme.lower() not in _NAMES_HOLD_QUERY_SIGNS:
        rest = _QUERY.sub("", rest)
    return f"{scheme}://{host}{rest}"


def file_path(uri: str) -> Path:
    """Path that a ``file:`` URI (RFC 8089) or a bare path names.

    Raises:
        StorageError: URI_UNSUPPORTED for another host, a query, a relative ``file:`` URI or
            characters that no path holds.
    """
    if scheme_of(uri) != "file":
        return _usable(uri, uri)
    if "?" in uri or "#" in uri:
        raise _unsupported("a file: URI has no query; write %3F for ? and %23 for #", uri)
    try:
        parts = urlsplit(uri)
        path = unquote(parts.path, errors="strict")
    except ValueError as error:  # also a UnicodeDecodeError
        raise _unsupported("this is not a file: URI", uri) from error
    if parts.netloc not in ("", "localhost"):
        raise _unsupported("a file: URI names a file of this machine", uri)
    if not path.startswith("/"):
        raise _unsupported("a file: URI has an absolute path", uri)
    return _usable(path, uri)


def local_path(uri: str, mounts: Mapping[str, Path] = MOUNTS) -> Path | None:
    """Where the bytes of ``uri`` are on this machine, if they are.

    Args:
        uri: ``file:`` URIs and bare paths are taken as they are, whether they exist or
            not; others only if KFP's launcher put them below its mount.
        mounts: Folder by scheme.

    Raises:
        StorageError: URI_UNSUPPORTED if the URI leads out of the mount.
    """
    scheme = scheme_of(uri)
    if scheme in ("", "file"):
        return file_path(uri)
    if scheme not in mounts:
        return None
    name = uri[len(scheme) + 1 :].removeprefix("//").rstrip("/")
    if not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise _unsupported("the URI has empty parts, or leads out of its bucket", uri)
    root = mounts[scheme]
    path = _usable(str(root / name), uri)
    if not path.parent.resolve().is_relative_to(root.resolve()):
        raise _unsupported("a link on the way leads out of the mount", uri)
    return path if path.exists() or path.is_symlink() else None


def _usable(path: str, uri: str) -> Path:
    if not path or "\0" in path:
        raise _unsupported("this is not a path", uri)
    return Path(path)


def _unsupported(message: str, uri: str) -> StorageError:
    return StorageError(
        Code.URI_UNSUPPORTED,
        message,
        where=without_credentials(uri),
        remedy="correct the URI",
    )
