"""A connection to ML Metadata: configuration, types, errors, retries.

Imported only when a store is opened: this and the modules ``mlmd_recorder`` and
``mlmd_reader`` are the only ones that import ``ml_metadata``.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.metadata import schema
from kfp_provenance.metadata.credentials import read_pem, store_password
from kfp_provenance.metadata.one_library import Library, claim
from kfp_provenance.metadata.sqlite_file import check_file, creation_lock, prepare_file
from kfp_provenance.metadata.uri import StoreScheme, StoreUri
from kfp_provenance.retry import Patience

try:
    from ml_metadata import errors, metadata_store
    from ml_metadata.proto import metadata_store_pb2 as pb
except ImportError as missing:
    raise StoreError(
        Code.DEPENDENCY_MISSING,
        "the metadata store needs ML Metadata, which is not installed",
        found=f"no module {missing.name}",
        remedy="pip install 'kfp-provenance[mlmd]' on Python 3.11, the last with wheels of it",
    ) from missing

_CONNECT_SECONDS = 5.0
_CALL_SECONDS = 30.0
_MESSAGE_LIMIT = 256 * 1024 * 1024
_AGAIN = (errors.AbortedError, errors.UnavailableError, errors.DeadlineExceededError)
_LOST = ("Lost connection", "server has gone away")
_NO_ACCESS = ("mysql_real_connect failed", "Access denied", "Unknown database")


def _not_of_mlmd(record: logging.LogRecord) -> bool:
    return "ml_metadata" not in record.pathname


# MLMD logs an ERROR for each write that another writer made it give up; we try again.
logging.getLogger("absl").addFilter(_not_of_mlmd)


def _passes(error: Exception) -> bool:
    """Whether the error is one of the moment: another writer, or a lost connection."""
    if isinstance(error, errors.InternalError):  # MLMD connects to MySQL again on the next call
        return any(text in str(error) for text in _LOST)
    return isinstance(error, _AGAIN)


def _nothing() -> None:
    """No file is claimed."""


class Connection:
    """One open store. Node types are looked up once.

    Args:
        store: ``ml_metadata.MetadataStore`` (Any: it ships no type information).
        where: URI for messages, without secrets.
        patience: How long to try again.
    """

    def __init__(self, store: Any, where: str, patience: Patience) -> None:
        self._store = store
        self._patience = patience
        self.where = where
        self.types: dict[str, int] = {}
        self.claimed: Callable[[], object] = _nothing  # ends the claim on a file

    def attach(self, store: Any) -> None:
        """Use this store, which was opened after the connection was made."""
        self._store = store

    def call(self, method: str, *args: Any, **options: Any) -> Any:
        """Call MLMD; tried again while it is busy or away, which is safe for all our calls.

        Raises:
            errors.StatusError: What MLMD says in the end; see :meth:`translated`.
        """
        return self._patience.retry(
            lambda: getattr(self._store, method)(*args, **options), errors.StatusError, _passes
        )

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn MLMD's errors into ours. Their text repeats whole records: not shown."""
        try:
            yield
        except errors.ResourceExhaustedError as error:
            raise StoreError(
                Code.STORE_VALUE_REFUSED,
                "a message is larger than the metadata server or this client accepts",
                where=self.where,
                remedy="raise the server's message limit, or put large values into artifacts",
            ) from error
        except errors.StatusError as error:
            raise StoreError(
                Code.STORE_UNREACHABLE,
                f"the metadata store does not answer as it should ({type(error).__name__})",
                where=self.where,
                remedy="see whether the store runs, is not overloaded and is of MLMD 1.17",
            ) from error

    def load_types(self) -> bool:
        """Look up our node types; False if one is missing or lacks a property."""
        complete = True
        for kind, wanted in _TYPES.items():
            stored = {t.name: t for t in self.call(f"get_{kind}_types") if not t.version}
            for name, properties in wanted.items():
                if name not in stored:
                    complete = False
                    continue
                self._check_type(stored[name], properties)
                self.types[name] = stored[name].id
                complete = complete and all(p in stored[name].properties for p in properties)
        return complete

    def put_types(self) -> None:
        """Add our node types, or what they lack. Unknown properties of theirs stay."""
        classes = {
            "execution": pb.ExecutionType,
            "artifact": pb.ArtifactType,
            "context": pb.ContextType,
        }
        for kind, wanted in _TYPES.items():
            for name, properties in wanted.items():
                # MLMD's types are not unique by name, only by external id: without it
                # two processes at once leave two types
                node = classes[kind](name=name, external_id=name)
                for item in properties:
                    node.properties[item] = pb.STRING
                try:
                    self.call(f"put_{kind}_type", node, can_add_fields=True, can_omit_fields=True)
                except errors.AlreadyExistsError:
                    continue  # by another process, just now: load_types decides
        if not self.load_types():
            raise StoreError(
                Code.STORE_CONFLICT,
                "the store's node types cannot be completed",
                where=self.where,
                remedy="use a store of its own for this package",
            )

    def _check_type(self, node: Any, properties: tuple[str, ...]) -> None:
        wrong = [p for p in properties if node.properties.get(p, pb.STRING) != pb.STRING]
        if wrong:
            raise StoreError(
                Code.STORE_CONFLICT,
                f"the store has another node type named {node.name}",
                where=self.where,
                expected="string properties",
                found=", ".join(wrong),
                remedy="use a store of its own for this package",
            )

    def close(self) -> None:
        """Let the connection go; MLMD closes it when nothing refers to it."""
        self._store = None
        self.claimed()


_TYPES: dict[str, dict[str, tuple[str, ...]]] = {
    "execution": {schema.STEP_TYPE: schema.STEP_PROPERTIES},
    "artifact": {schema.ARTIFACT_TYPE: schema.ARTIFACT_PROPERTIES},
    "context": dict(schema.CONTEXT_PROPERTIES),
}


def connect_writer(uri: StoreUri, patience: Patience) -> Connection:
    """Open a store for recording; make what is missing.

    Raises:
        StoreError: If it cannot be used.
    """
    if uri.path is None:
        connection = _connect_server(uri, patience)
        with connection.translated():
            if not connection.load_types():
                connection.put_types()
        return connection
    check_file(uri.path, must_exist=False)
    with creation_lock(uri.path, patience):
        connection = _connect_sqlite(uri.path, pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE,
                                     patience)  # fmt: skip
        with connection.translated():
            if not connection.load_types():
                prepare_file(uri.path)
                connection.put_types()
    return connection


def connect_reader(uri: StoreUri, patience: Patience) -> Connection:
    """Open a store for reading; never makes anything in a file.

    Raises:
        StoreError: If it cannot be used.
    """
    if uri.path is None:
        connection = _connect_server(uri, patience)
    else:
        check_file(uri.path, must_exist=True)
        connection = _connect_sqlite(uri.path, pb.SqliteMetadataSourceConfig.READONLY, patience)
    with connection.translated():
        connection.load_types()
    return connection


def _connect_sqlite(path: Path, mode: int, patience: Patience) -> Connection:
    config = pb.ConnectionConfig(retry_options=pb.RetryOptions(max_num_retries=1))
    config.sqlite.filename_uri = str(path)
    config.sqlite.connection_mode = mode
    connection = Connection(None, f"sqlite:{path}", patience)
    # before MLMD opens it: to close it again would drop the locks of the other library
    connection.claimed = claim(path, Library.MLMD, connection)
    try:
        connection.attach(
            patience.retry(
                lambda: metadata_store.MetadataStore(config),
                RuntimeError,
                lambda error: "locked" in str(error),
            )
        )
    except RuntimeError as error:
        connection.close()
        if "file is not a database" in str(error) or "malformed" in str(error):
            code, message = Code.STORE_CORRUPT, "the file is not an SQLite database"
        elif "readonly database" in str(error):
            code = Code.STORE_UNREACHABLE
            message = "the file holds no metadata store, or its folder is not writable"
        else:
            code, message = Code.STORE_UNREACHABLE, "the file cannot be opened"
        raise StoreError(
            code, message, where=str(path), remedy="give the path of a store made by kprov"
        ) from error
    return connection


def _connect_server(uri: StoreUri, patience: Patience) -> Connection:
    """Connect to MySQL or gRPC, after a look whether anything listens there."""
    try:
        socket.create_connection((uri.host, uri.port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise StoreError(
            Code.STORE_UNREACHABLE,
            f"no metadata server answers: {error.strerror or type(error).__name__}",
            where=str(uri),
            remedy="see whether the server runs and can be reached from here",
        ) from error
    if uri.scheme is not StoreScheme.MYSQL:
        return Connection(metadata_store.MetadataStore(_grpc_config(uri)), str(uri), patience)
    config = pb.ConnectionConfig(retry_options=pb.RetryOptions(max_num_retries=1))
    config.mysql.CopyFrom(
        pb.MySQLDatabaseConfig(
            host=uri.host,
            port=uri.port,
            user=uri.user,
            database=uri.database,
            password=store_password(),
            skip_db_creation=True,
        )
    )

    def unfinished(error: Exception) -> bool:
        # several processes that make the tables at once get in each other's way
        return not any(text in str(error) for text in _NO_ACCESS)

    try:
        store = patience.retry(
            lambda: metadata_store.MetadataStore(config), RuntimeError, unfinished
        )
    except RuntimeError as error:
        raise StoreError(
            Code.STORE_UNREACHABLE,
            "the MySQL server does not let this user use this database",
            where=str(uri),
            remedy="see that KPROV_STORE_PASSWORD is right, that the database exists "
            "(`kprov store init`) and that the user authenticates by mysql_native_password",
        ) from error
    return Connection(store, str(uri), patience)


def _grpc_config(uri: StoreUri) -> Any:
    # dns:/// keeps gRPC from taking a host such as "unix" for a scheme of its own
    host = f"[{uri.host}]" if ":" in uri.host else uri.host
    config = pb.MetadataStoreClientConfig(
        host=f"dns:///{host}", port=uri.port, client_timeout_sec=_CALL_SECONDS
    )
    config.channel_arguments.max_receive_message_length = _MESSAGE_LIMIT
    if uri.scheme is StoreScheme.GRPCS:
        config.ssl_config.SetInParent()
        if uri.ca:
            config.ssl_config.custom_ca = read_pem(uri.ca)
        if uri.cert and uri.key:
            # MLMD names the client's certificate chain server_cert
            config.ssl_config.server_cert = read_pem(uri.cert)
            config.ssl_config.client_key = read_pem(uri.key)
    return config
