"""Web servers: ``https:``, read only."""

from __future__ import annotations

import io
import ipaddress
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO, BinaryIO, NoReturn, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from kfp_provenance.codes import Code
from kfp_provenance.errors import StorageError
from kfp_provenance.hashing import Content
from kfp_provenance.storage.interface import ObjectBytes, ObjectInfo, StoredFile, Written
from kfp_provenance.storage.refusals import storage_error, too_large, too_many
from kfp_provenance.storage.staging import Hashed, HashedBeside, read_small, refuse_link, staged
from kfp_provenance.storage.uris import without_credentials

_PATIENCE = 60.0
"""Seconds that the server may be silent."""
_MOST_BYTES = 1 << 40
"""To be hashed; a server could go on for ever."""
_BLOCK = 256 * 1024
_GONE = frozenset({404, 410})
_PRINTABLE = re.compile(r"[!-~]+")


class HttpsStorage:
    """What a web server answers to GET. Implements :class:`Storage`; it cannot be written.

    Plain ``http:`` is only taken from this machine itself.
    """

    def __init__(self, uri: str) -> None:
        _check(uri, plain=True)
        self._address = uri  # may hold a signature: never shown
        self._uri = without_credentials(uri)

    def __repr__(self) -> str:
        return f"HttpsStorage({self._uri!r})"

    @property
    def uri(self) -> str:
        """Without the query, which may be a signature."""
        return self._uri

    def stat(self) -> ObjectInfo:
        """Size and entity tag, if the server tells them."""
        with self._get() as response:
            return ObjectInfo(self._uri, _size(response), response.headers.get("ETag", ""))

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Read the answer; an error if it ends early."""
        with self._get() as response:
            body = _Body(response, _size(response), self._uri)
            yield cast("BinaryIO", io.BufferedReader(body, _BLOCK))

    def download(self, target: Path, *, limit: int) -> Content:
        """Copy the answer."""
        refuse_link(target)
        with self.open() as body, staged(target) as part:
            content = _receive(body, Hashed(part.file, self._uri, limit))
            part.replace()
        return content

    def files(self, limit: int) -> tuple[StoredFile, ...]:
        """The answer; web servers have no directories."""
        if limit < 1:
            raise too_many(self._uri, limit)
        return (StoredFile("", None, self._copy),)

    def _copy(self, file: BinaryIO, limit: int) -> Content:
        with self.open() as body, HashedBeside(file, self._uri, limit) as target:
            return _receive(body, target)

    def hash(self) -> Content:
        """Hash the answer."""
        with self.open() as body:
            return _receive(body, Hashed(None, self._uri, _MOST_BYTES))

    def read_bytes(self, limit: int) -> ObjectBytes:
        """A small answer and its entity tag."""
        with self._get() as response:
            size = _size(response)
            if size is not None and size > limit:
                raise too_large(self._uri, limit)
            body = io.BufferedReader(_Body(response, size, self._uri), _BLOCK)
            data = read_small(cast("BinaryIO", body), self._uri, limit)
            return ObjectBytes(data, response.headers.get("ETag", ""))

    def names(self, limit: int) -> tuple[str, ...]:
        """Refused: web servers have no folders."""
        message = "a web server cannot be asked what lies in a folder"
        remedy = f"name the object itself, or use file: or gs: for up to {limit} of them"
        raise storage_error(Code.URI_UNSUPPORTED, message, self._uri, remedy=remedy)

    def put_once(self, source: Path) -> Written:
        """Refused."""
        raise self._read_only(str(source))

    def replace_bytes(self, data: bytes, *, expected_version: str | None) -> str:
        """Refused."""
        raise self._read_only(f"{len(data)} bytes for version {expected_version}")

    def _read_only(self, found: str) -> StorageError:
        message = "web servers are only read"
        remedy = "write to a path, file: or gs:"
        return storage_error(Code.URI_UNSUPPORTED, message, self._uri, found=found, remedy=remedy)

    @contextmanager
    def _get(self) -> Iterator[HTTPResponse]:
        opener = build_opener(_Redirects(plain=_is_plain(self._address)))
        request = Request(self._address, headers={"Accept-Encoding": "identity"})  # noqa: S310
        try:
            response: HTTPResponse = opener.open(request, timeout=_PATIENCE)
        except HTTPError as error:
            error.close()
            code = Code.OBJECT_MISSING if error.code in _GONE else Code.OBJECT_UNREACHABLE
            message = f"the server answered {error.code}"
            raise storage_error(code, message, self._uri) from error
        except (URLError, HTTPException, OSError, ValueError) as error:
            _unreachable(error, self._uri)
        with response:
            if response.headers.get("Content-Encoding", "identity") != "identity":
                message = "the server encoded the bytes although it was asked not to"
                raise storage_error(Code.OBJECT_UNREACHABLE, message, self._uri)
            yield response


class _Redirects(HTTPRedirectHandler):
    """Follows redirects to where a request may go in the first place."""

    def __init__(self, *, plain: bool) -> None:
        self._plain = plain

    def redirect_request(  # noqa: PLR0917 - as the base class calls it
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> Request | None:
        _check(newurl, plain=self._plain)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Body(io.RawIOBase):
    """The bytes of an answer. ``http.client`` does not mind if some are missing."""

    def __init__(self, response: HTTPResponse, size: int | None, uri: str) -> None:
        self._response = response
        self._left = size
        self._uri = uri

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # as BufferedReader calls it
        try:
            count = self._response.readinto(buffer)
        except (HTTPException, OSError) as error:
            _unreachable(error, self._uri)
        if self._left is not None:
            self._left -= count
            if self._left < 0 or (count == 0 and self._left):
                message = "the answer is not as long as announced"
                raise storage_error(Code.OBJECT_UNREACHABLE, message, self._uri)
        return count


def _receive(body: BinaryIO, target: Hashed) -> Content:
    while block := body.read(_BLOCK):
        target.write(block)
    return target.content


def _size(response: HTTPResponse) -> int | None:
    return response.length


def _is_plain(uri: str) -> bool:
    return urlsplit(uri).scheme == "http"


def _check(uri: str, *, plain: bool) -> None:
    """Refuse an address that must not be asked.

    Args:
        uri: The address.
        plain: Whether ``http:`` to this machine is good enough.
    """
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        message = "this is not a web address"
        raise storage_error(Code.URI_UNSUPPORTED, message, uri) from error
    if parts.username is not None or parts.password is not None:
        message = "a URI must not hold a user or password"
        raise storage_error(Code.URI_UNSUPPORTED, message, uri)
    if not host or parts.fragment or not _PRINTABLE.fullmatch(uri):
        message = "this is not a web address, or it is not percent-encoded"
        raise storage_error(Code.URI_UNSUPPORTED, message, uri)
    if parts.scheme != "https" and not (plain and parts.scheme == "http" and _is_here(host)):
        message = "bytes are only fetched by https:"
        raise storage_error(
            Code.URI_UNSUPPORTED, message, uri, expected="https:", found=f"{parts.scheme}:"
        )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _unreachable(error: Exception, uri: str) -> NoReturn:
    reason = error.reason if isinstance(error, URLError) else error
    message = f"the server cannot be read ({type(reason).__name__})"
    raise storage_error(Code.OBJECT_UNREACHABLE, message, uri) from error
