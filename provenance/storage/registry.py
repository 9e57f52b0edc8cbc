"""URI schemes and what serves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kfp_provenance.codes import Code
from kfp_provenance.storage.interface import Storage
from kfp_provenance.storage.refusals import storage_error
from kfp_provenance.storage.uris import scheme_of


def _file(uri: str) -> Storage:
    from kfp_provenance.storage.files import FileStorage  # noqa: PLC0415

    return FileStorage(uri)


def _gs(uri: str) -> Storage:
    from kfp_provenance.storage.gs import GsStorage  # noqa: PLC0415 - its client loads slowly

    return GsStorage(uri)


def _https(uri: str) -> Storage:
    from kfp_provenance.storage.https import HttpsStorage  # noqa: PLC0415

    return HttpsStorage(uri)


_STORAGES: Mapping[str, Callable[[str], Storage]] = {
    "": _file,
    "file": _file,
    "gs": _gs,
    "https": _https,
    "http": _https,  # which takes it from this machine only
}


def supported_schemes() -> tuple[str, ...]:
    """Schemes that :func:`open_storage` takes, besides bare paths."""
    return tuple(scheme for scheme in _STORAGES if scheme not in ("", "http"))


def open_storage(uri: str) -> Storage:
    """The storage that serves ``uri``. Nothing is read yet.

    Raises:
        StorageError: URI_UNSUPPORTED for another scheme or a malformed URI;
            OBJECT_UNREACHABLE if there are no credentials for it.
    """
    scheme = scheme_of(uri)
    if scheme not in _STORAGES:
        names = ", ".join(f"{name}:" for name in supported_schemes())
        raise storage_error(
            Code.URI_UNSUPPORTED,
            f"no storage serves {scheme}:",
            uri,
            expected=f"a path, or a URI of {names}",
            found=f"{scheme}:",
            remedy="copy the object to a supported storage; write ./ before a path with a colon",
        )
    return _STORAGES[scheme](uri)
