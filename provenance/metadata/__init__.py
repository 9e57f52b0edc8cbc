"""The metadata store: record steps, read them back.

ML Metadata is loaded when a store is opened, not when this package is imported.
"""

from __future__ import annotations

from kfp_provenance.metadata.graph import LineageIndex
from kfp_provenance.metadata.interface import Attest, Reader, Recorder, RunSummary
from kfp_provenance.metadata.uri import StoreScheme, StoreUri
from kfp_provenance.retry import Patience

__all__ = [
    "Attest",
    "LineageIndex",
    "Patience",
    "Reader",
    "Recorder",
    "RunSummary",
    "StoreScheme",
    "StoreUri",
    "init_store",
    "open_index",
    "open_reader",
    "open_recorder",
]


def open_recorder(uri: StoreUri | str, patience: Patience | None = None) -> Recorder:
    """Open a store for recording; an SQLite file and its folder are made if missing.

    Args:
        uri: Where the store is.
        patience: How long to try again while other writers are at it; 30 s by default.

    Raises:
        StoreError: STORE_URI_INVALID, STORE_UNSUPPORTED, STORE_UNREACHABLE,
            STORE_CONFLICT, STORE_CORRUPT or DEPENDENCY_MISSING.
        SettingsError: SETTING_INVALID for a missing password or TLS file.
    """
    parsed = _parsed(uri)
    from kfp_provenance.metadata.mlmd_connection import connect_writer  # noqa: PLC0415
    from kfp_provenance.metadata.mlmd_recorder import MlmdRecorder  # noqa: PLC0415

    return MlmdRecorder(connect_writer(parsed, patience or Patience()))


def open_reader(uri: StoreUri | str, patience: Patience | None = None) -> Reader:
    """Open a store for reading; nothing is made.

    Raises:
        StoreError: As :func:`open_recorder`; STORE_UNREACHABLE for a missing file.
        SettingsError: Likewise.
    """
    parsed = _parsed(uri)
    from kfp_provenance.metadata.mlmd_connection import connect_reader  # noqa: PLC0415
    from kfp_provenance.metadata.mlmd_reader import MlmdReader  # noqa: PLC0415

    return MlmdReader(connect_reader(parsed, patience or Patience()))


def open_index(uri: StoreUri | str, patience: Patience | None = None) -> LineageIndex:
    """Open a store for questions about its lineage; nothing is made.

    SQLite, MariaDB and MySQL are read by SQL, without ML Metadata; a remote store through
    its API.

    Raises:
        StoreError: As :func:`open_reader`; STORE_CONFLICT if this process has the same
            SQLite file open through ML Metadata.
        SettingsError: Likewise.
    """
    parsed = _parsed(uri)
    if parsed.scheme in (StoreScheme.SQLITE, StoreScheme.MYSQL):
        from kfp_provenance.metadata.sql.connection import connect_sql  # noqa: PLC0415
        from kfp_provenance.metadata.sql.index import SqlIndex  # noqa: PLC0415

        return SqlIndex(connect_sql(parsed))
    from kfp_provenance.metadata.api.index import ApiIndex  # noqa: PLC0415
    from kfp_provenance.metadata.mlmd_connection import connect_reader  # noqa: PLC0415

    return ApiIndex(connect_reader(parsed, patience or Patience()))


def init_store(uri: StoreUri | str) -> None:
    """Make a store ready; again is a no-op.

    SQLite and gRPC stores are also made ready by the first recorder. A MySQL database
    is made here only (character set, indexes), once, before the first recorder.

    Raises:
        StoreError: As :func:`open_recorder`.
        SettingsError: Likewise.
    """
    parsed = _parsed(uri)
    if parsed.scheme is not StoreScheme.MYSQL:
        open_recorder(parsed).close()
        return
    from kfp_provenance.metadata.mysql_server import prepared_database  # noqa: PLC0415

    with prepared_database(parsed):
        open_recorder(parsed).close()


def _parsed(uri: StoreUri | str) -> StoreUri:
    return uri if isinstance(uri, StoreUri) else StoreUri.parse(uri)
