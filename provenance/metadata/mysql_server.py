"""Make the database of a MySQL or MariaDB store ready: characters, lock, indexes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.metadata.credentials import store_password
from kfp_provenance.metadata.uri import StoreUri

_SECONDS = 30
_INDEXES = (
    ("Attribution", "kprov_attribution_artifact", "artifact_id"),
    ("Association", "kprov_association_execution", "execution_id"),
)


@contextmanager
def prepared_database(uri: StoreUri) -> Iterator[None]:
    """Hold the lock of the database while its tables are made; then add the indexes.

    The database is made if it is missing and the user may. Names are safe in SQL:
    :class:`StoreUri` lets no other characters pass than ``A-Z a-z 0-9 _``.

    Raises:
        StoreError: DEPENDENCY_MISSING, STORE_UNREACHABLE, or STORE_UNSUPPORTED for a
            character set that cannot hold every text.
    """
    try:
        import pymysql  # noqa: PLC0415 - only for MySQL
    except ImportError as error:
        raise StoreError(
            Code.DEPENDENCY_MISSING,
            "the preparation of a MySQL store needs PyMySQL",
            remedy="pip install 'kfp-provenance[mlmd]'",
        ) from error
    try:
        connection = pymysql.connect(
            host=uri.host, port=uri.port, user=uri.user, password=store_password(),
            connect_timeout=5, read_timeout=_SECONDS + 5, charset="utf8mb4", autocommit=True,
        )  # fmt: skip
        with connection, connection.cursor() as cursor:
            _make_database(cursor, uri)
            lock = f"kprov.{uri.database[:50]}"
            if _one(cursor, "SELECT GET_LOCK(%s, %s)", lock, _SECONDS) != 1:
                raise _unreachable(uri, "another process has been preparing it for too long")
            yield
            for table, name, column in _INDEXES:
                _make_index(cursor, uri.database, table, name, column)
    except pymysql.err.MySQLError as error:
        raise _unreachable(uri, f"error {error.args[0] if error.args else ''}") from error


def _make_database(cursor: Any, uri: StoreUri) -> None:
    there = "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = %s"
    if not _one(cursor, there, uri.database):
        # _bin: MLMD's comparisons then tell A from a
        cursor.execute(
            f"CREATE DATABASE IF NOT EXISTS `{uri.database}`"
            " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        )
    characters = (
        "SELECT default_character_set_name FROM information_schema.schemata WHERE schema_name = %s"
    )
    found = _one(cursor, characters, uri.database)
    if found != "utf8mb4":
        raise StoreError(
            Code.STORE_UNSUPPORTED,
            "the database cannot hold every text",
            where=str(uri),
            expected="character set utf8mb4",
            found=str(found),
            remedy="ALTER DATABASE ... CHARACTER SET utf8mb4 while it is empty",
        )


def _make_index(cursor: Any, database: str, table: str, name: str, column: str) -> None:
    there = (
        "SELECT COUNT(*) FROM information_schema.statistics"
        " WHERE table_schema = %s AND table_name = %s AND index_name = %s"
    )
    if not _one(cursor, there, database, table, name):
        cursor.execute(f"CREATE INDEX `{name}` ON `{database}`.`{table}` (`{column}`)")


def _one(cursor: Any, statement: str, *values: object) -> object:
    cursor.execute(statement, values)
    row = cursor.fetchone()
    return row[0] if row else None


def _unreachable(uri: StoreUri, message: str) -> StoreError:
    return StoreError(
        Code.STORE_UNREACHABLE,
        f"the MySQL database cannot be prepared: {message}",
        where=str(uri),
        remedy="see that the server runs, the password is right and the user may create tables",
    )
