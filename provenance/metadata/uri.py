"""Where a metadata store is: parsed and checked before anything connects.

MLMD ends the whole process (SIGABRT) on some bad server configurations and puts the
name of a database into SQL as it is, so every part has to match a narrow pattern
here. A password is never part of a URI, and never shown if somebody put one there.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Never, Self

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError

_LIMIT = 4096
_FORMS = (
    "sqlite:PATH, mysql://USER@HOST:PORT/DATABASE, grpc://HOST:PORT "
    "or grpcs://HOST:PORT?ca=FILE&cert=FILE&key=FILE"
)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_SERVER = re.compile(
    rf"(?P<host>(?:{_LABEL}\.)*{_LABEL}|\[[0-9A-Fa-f:.]{{2,45}}\]):(?P<port>[0-9]{{1,5}})"
)
_USER = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?")
_DATABASE = re.compile(r"[A-Za-z0-9_]{1,64}")
_MAX_PORT = 65535
_TLS_FILES = ("ca", "cert", "key")


class StoreScheme(StrEnum):
    """Kinds of stores that this package can use."""

    SQLITE = "sqlite"
    MYSQL = "mysql"
    GRPC = "grpc"
    GRPCS = "grpcs"


@dataclass(frozen=True)
class StoreUri:
    """Where a store is, without secrets.

    Attributes:
        scheme: Which kind.
        path: Absolute path of the SQLite file; None for servers.
        host: Name or address of the server, without brackets; empty for SQLite.
        port: 1 to 65535; 0 for SQLite.
        user: MySQL user.
        database: MySQL database.
        ca: PEM file of the authorities that the server's certificate is checked
            against; None takes those of the gRPC library.
        cert: PEM file of the client's certificate chain, for mutual TLS.
        key: PEM file of the client's private key.
    """

    scheme: StoreScheme
    path: Path | None = None
    host: str = ""
    port: int = 0
    user: str = ""
    database: str = ""
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a store URI.

        A relative path of ``sqlite:`` is taken from the current folder, once, here.

        Raises:
            StoreError: STORE_URI_INVALID or STORE_UNSUPPORTED. Neither repeats the
                text, which may hold a password.
        """
        scheme, colon, rest = text.partition(":")
        if len(text) > _LIMIT or not text.isprintable() or not colon:
            _invalid("a store URI is one printable line that begins with its scheme")
        if scheme in ("postgresql", "postgres"):
            raise StoreError(
                Code.STORE_UNSUPPORTED,
                "MLMD's PostgreSQL backend lets any value with a backslash inject SQL",
                where="store URI",
                expected=_FORMS,
                found=scheme,
                remedy="use sqlite:, mysql:// or grpc://",
            )
        if scheme not in tuple(StoreScheme):
            raise StoreError(
                Code.STORE_UNSUPPORTED,
                "no store has this scheme",
                where="store URI",
                expected=_FORMS,
                found=repr(scheme) if re.fullmatch(r"[a-z][a-z0-9+.-]{0,20}", scheme) else "",
                remedy="use sqlite:, mysql:// or grpc://",
            )
        kind = StoreScheme(scheme)
        if kind is StoreScheme.SQLITE:
            return cls(kind, path=_sqlite_path(rest))
        if not rest.startswith("//"):
            _invalid(f"{kind}: is followed by //")
        if kind is StoreScheme.MYSQL:
            return cls._mysql(rest[2:])
        return cls._grpc(kind, rest[2:])

    @classmethod
    def _mysql(cls, rest: str) -> Self:
        account, at, place = rest.rpartition("@")
        if ":" in account or "@" in account:
            _invalid("a store URI never carries a password")
        server, _, database = place.partition("/")
        if not at or not _USER.fullmatch(account):
            _invalid("the MySQL user is missing or has other characters than A-Z a-z 0-9 _ . -")
        if not _DATABASE.fullmatch(database):
            _invalid("the MySQL database is missing or has other characters than A-Z a-z 0-9 _")
        host, port = _server(server)
        return cls(StoreScheme.MYSQL, host=host, port=port, user=account, database=database)

    @classmethod
    def _grpc(cls, kind: StoreScheme, rest: str) -> Self:
        if "@" in rest.partition("?")[0]:
            _invalid("a gRPC store URI has no user and never carries a password")
        server, question, query = rest.partition("?")
        host, port = _server(server.removesuffix("/"))
        if kind is StoreScheme.GRPC and question:
            _invalid("grpc:// has no settings; those of TLS belong to grpcs://")
        files: dict[str, Path] = {}
        for pair in query.split("&") if question else ():
            name, _, value = pair.partition("=")
            if name not in _TLS_FILES or name in files or not value:
                _invalid("grpcs:// takes ca=FILE, cert=FILE and key=FILE, each once")
            files[name] = _absolute(value)
        if ("cert" in files) != ("key" in files):
            _invalid("mutual TLS needs cert=FILE and key=FILE")
        return cls(
            kind,
            host=host,
            port=port,
            ca=files.get("ca"),
            cert=files.get("cert"),
            key=files.get("key"),
        )

    @property
    def address(self) -> str:
        """``host:port``, with brackets around an IPv6 address."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        if self.scheme is StoreScheme.SQLITE:
            return f"sqlite:{self.path}"
        if self.scheme is StoreScheme.MYSQL:
            return f"mysql://{self.user}@{self.address}/{self.database}"
        files = [(name, getattr(self, name)) for name in _TLS_FILES]
        query = "&".join(f"{name}={path}" for name, path in files if path)
        return f"{self.scheme}://{self.address}" + (f"?{query}" if query else "")


def _sqlite_path(text: str) -> Path:
    if not text or text.endswith("/"):
        _invalid("sqlite: is followed by the path of a file")
    if text.startswith(("//", "~")):
        _invalid("sqlite: is followed by a plain path, absolute or relative to the current folder")
    if ":memory:" in text:
        _invalid("a store in memory would be lost with its process")
    return _absolute(text)


def _absolute(text: str) -> Path:
    # abspath, not resolve: a symlink is found, and refused, when the file is opened
    return Path(os.path.abspath(text))  # noqa: PTH100


def _server(text: str) -> tuple[str, int]:
    match = _SERVER.fullmatch(text)
    if not match or not 1 <= int(match["port"]) <= _MAX_PORT:
        _invalid("a server is HOST:PORT, with a port from 1 to 65535")
    return match["host"].strip("[]"), int(match["port"])


def _invalid(message: str) -> Never:
    raise StoreError(
        Code.STORE_URI_INVALID,
        message,
        where="store URI",
        expected=_FORMS,
        remedy="correct the URI; the password of a MySQL store belongs into "
        "KPROV_STORE_PASSWORD or the file named by KPROV_STORE_PASSWORD_FILE",
    )
