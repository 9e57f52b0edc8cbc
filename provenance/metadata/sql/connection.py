"""A read-only SQL connection to MLMD's own tables, for lineage.

Recursive SQL answers in milliseconds what takes MLMD's API seconds, and it does not stop
after a hundred hops. ML Metadata itself is not loaded: analysts need no wheel of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.metadata.credentials import store_password
from kfp_provenance.metadata.one_library import Library, claim
from kfp_provenance.metadata.sql import tables
from kfp_provenance.metadata.sqlite_file import check_file
from kfp_provenance.metadata.uri import StoreUri

_BUSY_SECONDS = 30
_DEPTH = 1_000_000
"""Rounds of a recursive query. MariaDB would stop after 1,000 of them without an error."""
_NO_LOG = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
"""Errors of a file whose log this user may not make."""
_CHUNK = 5_000
"""Row ids in one statement: their text stays far below SQLite's limit of 1 MB."""


class SqlConnection:
    """One connection, for one thread at a time; made again if a server has ended it.

    Args:
        engine: SQLAlchemy's, with one connection.
        where: URI for messages, without secrets.
    """

    def __init__(self, engine: sa.Engine, where: str) -> None:
        self._engine = engine
        self._connection: sa.Connection | None = None
        self.where = where

    @property
    def dialect(self) -> str:
        """``sqlite``, or ``mysql`` for MariaDB too."""
        return self._engine.dialect.name

    def rows(
        self, statement: sa.Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Any]:
        """Run one query; its rows are tuples of what it selects.

        Raises:
            StoreError: STORE_UNREACHABLE or STORE_CORRUPT.
        """
        with self._translated():
            try:
                return self._execute(statement, values or {})
            except UnicodeEncodeError:
                return []  # half a character: nothing that a store can hold
            except sa.exc.DBAPIError as error:
                self._let_go()
                if not error.connection_invalidated or "timed out" in str(error.orig):
                    raise
            return self._execute(statement, values or {})

    def rows_of(
        self, statement: sa.Select[Any], ids: Sequence[int] | Sequence[str]
    ) -> Iterator[Any]:
        """Run a query with the parameter :data:`IDS` once for every few thousand ids."""
        for start in range(0, len(ids), _CHUNK):
            yield from self.rows(statement, {"ids": list(ids[start : start + _CHUNK])})

    def close(self) -> None:
        """Close it; again is a no-op."""
        self._let_go()
        self._engine.dispose()

    def _execute(self, statement: sa.Executable, values: Mapping[str, object]) -> Sequence[Any]:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection.execute(statement, values).fetchall()

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sa.exc.DBAPIError):  # the server may have ended it
                connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLAlchemy's errors, whose text repeats statements and values, as ours."""
        try:
            yield
        except UnicodeDecodeError as error:
            raise StoreError(
                Code.STORE_CORRUPT, "a text is not as ML Metadata writes it", where=self.where,
                remedy="see that the server takes the character set that a client asks for",
            ) from error  # fmt: skip
        except sa.exc.DBAPIError as error:
            text = str(error.orig)
            if "not a database" in text or "malformed" in text:
                raise StoreError(
                    Code.STORE_CORRUPT, "the file is damaged, or no SQLite database at all",
                    where=self.where,
                    remedy="give the path of a store made by kprov, or restore a copy",
                ) from error  # fmt: skip
            raise StoreError(
                Code.STORE_UNREACHABLE,
                f"the metadata store cannot be read ({type(error.orig).__name__})",
                where=self.where,
                found=text[:200] if self.dialect == "sqlite" else _number(error.orig),
                remedy="see whether it is a store of MLMD 1.17 that this user may read"
                + (
                    ""
                    if self.dialect == "sqlite"
                    else ", the server runs, and the password is right"
                ),
            ) from error


IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True, literal_execute=True)
"""Row ids, written into the statement: they are numbers, and may be thousands."""


def connect_sql(uri: StoreUri) -> SqlConnection:
    """Open a store for lineage; nothing is ever written.

    Raises:
        StoreError: STORE_UNREACHABLE, STORE_CORRUPT, STORE_URI_INVALID, STORE_CONFLICT,
            STORE_UNSUPPORTED for another version of MLMD's tables, or DEPENDENCY_MISSING.
        SettingsError: SETTING_INVALID for a missing password.
    """
    connection = _sqlite(uri.path) if uri.path is not None else _mysql(uri)
    try:
        _check_version(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _sqlite(path: Path) -> SqlConnection:
    check_file(path, must_exist=True)
    return _SqliteConnection(path)


class _Database(sqlite3.Connection):
    """Keeps the claim on its file as long as it is open, and ends with it."""

    holder: _Holder | None = None
    seen: object = None
    """State of a file that is not expected to change; see :func:`_state`."""

    def close(self) -> None:
        super().close()
        if self.holder is not None:
            self.holder.released()


class _Holder:
    released: Callable[[], object]


class _SqliteConnection(SqlConnection):
    def __init__(self, path: Path) -> None:
        engine = sa.create_engine("sqlite://", creator=lambda: _claimed(path), poolclass=StaticPool)
        super().__init__(engine, f"sqlite:{path}")
        self._path = path

    def _execute(self, statement: sa.Executable, values: Mapping[str, object]) -> Sequence[Any]:
        if self._connection is not None:
            database: Any = self._connection.connection.dbapi_connection
            if database.seen is not None and database.seen != _state(self._path):
                self._let_go()
                self._engine.dispose()
        rows = super()._execute(statement, values)
        self._check_kinds(statement, rows)
        return rows

    def _check_kinds(self, statement: Any, rows: Sequence[Any]) -> None:
        """SQLite lets a row hold values of another kind than their columns say."""
        for column, found in zip(statement.selected_columns, zip(*rows, strict=True), strict=False):
            others = set(map(type, found)) - {column.type.python_type, type(None)}
            if others:
                raise StoreError(
                    Code.STORE_CORRUPT, "a row holds a value of another kind than its column",
                    where=self.where, expected=column.type.python_type.__name__,
                    found=", ".join(sorted(kind.__name__ for kind in others)),
                    remedy="the store was changed by something else than MLMD: restore a copy",
                )  # fmt: skip


def _claimed(path: Path) -> _Database:
    holder = _Holder()
    holder.released = claim(path, Library.PYTHON, holder)
    try:
        database = _open(path)
    except BaseException:
        holder.released()
        raise
    database.holder = holder
    return database


def _open(path: Path) -> _Database:
    """Read only; where this user may not write, a file without a log is taken as it is."""
    address = f"{path.as_uri()}?mode=ro"
    try:
        return _connected(address)
    except sqlite3.OperationalError as error:
        state = _state(path)
        if error.sqlite_errorcode & 0xFF not in _NO_LOG or state[1:] != (False, False):
            raise
    database = _connected(f"{address}&immutable=1")
    database.seen = state
    return database


def _state(path: Path) -> tuple[object, bool, bool]:
    """What changes when others write: the file, and its logs (WAL, and without it)."""
    try:
        file = path.stat()
        of_file = (file.st_mtime_ns, file.st_size, file.st_ino)
    except OSError:
        of_file = (0, 0, 0)
    wal, journal = (path.with_name(f"{path.name}-{ending}") for ending in ("wal", "journal"))
    return of_file, wal.exists(), journal.exists()


def _connected(address: str) -> _Database:
    database = sqlite3.connect(
        address, uri=True, timeout=_BUSY_SECONDS, check_same_thread=False, factory=_Database
    )
    try:
        database.execute("PRAGMA query_only=ON")
        database.execute("PRAGMA trusted_schema=OFF")  # a file from outside runs no function
        database.execute("PRAGMA cache_size=-65536")
        database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database


def _mysql(uri: StoreUri) -> SqlConnection:
    try:
        import pymysql  # noqa: F401, PLC0415 - only for MySQL
    except ImportError as error:
        raise StoreError(
            Code.DEPENDENCY_MISSING, "lineage in a MySQL store needs PyMySQL",
            remedy="pip install 'kfp-provenance[mlmd]'",
        ) from error  # fmt: skip
    address = sa.URL.create(
        "mysql+pymysql", username=uri.user, password=store_password(), host=uri.host,
        port=uri.port, database=uri.database, query={"charset": "utf8mb4"},
    )  # fmt: skip
    engine = sa.create_engine(
        address,
        pool_pre_ping=True,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
        connect_args={"connect_timeout": 5, "read_timeout": 120},
    )
    sa.event.listen(engine, "connect", _prepare_mysql)
    return SqlConnection(engine, str(uri))


def _prepare_mysql(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        maria = "mariadb" in str(cursor.fetchone()[0]).lower()
        name = "max_recursive_iterations" if maria else "cte_max_recursion_depth"
        cursor.execute(f"SET SESSION {name} = {_DEPTH}")
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        # MLMD sends UTF-8 over a connection that says latin1, and the server stores each byte
        # as a character: only a connection that says the same gets the text back
        cursor.execute("SET NAMES latin1")


def _check_version(connection: SqlConnection) -> None:
    versions = [row[0] for row in connection.rows(sa.select(tables.environment.c.schema_version))]
    if versions != [tables.SCHEMA_VERSION]:
        raise StoreError(
            Code.STORE_UNSUPPORTED,
            "the tables are not those of the MLMD that this package knows",
            where=connection.where,
            expected=f"schema version {tables.SCHEMA_VERSION} (MLMD 1.17)",
            found=f"schema version {', '.join(map(str, versions)) or 'none'}"[:100],
            remedy="upgrade the store with MLMD 1.17, or read it through its server (grpc://)",
        )


def _number(error: object) -> str:
    """MySQL's error number: its text may repeat values."""
    arguments = getattr(error, "args", ())
    return f"error {arguments[0]}" if arguments and isinstance(arguments[0], int) else ""
