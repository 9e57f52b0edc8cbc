"""MLMD's own service over a store, in a process of its own.

MLMD and Python have a copy of SQLite each, and one process must not open a file with both.
So a test that reads a file by SQL asks about it through a server that is another process.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]


@contextmanager
def served(uri: str, *, prepared: bool = True) -> Iterator[str]:
    """Serve a store; its ``grpc://`` URI.

    Args:
        uri: The store.
        prepared: Whether it is first made ready for this package, or is as MLMD makes it.
    """
    program = f"import sys; sys.path.insert(0, {str(_TESTS)!r}); from support.lineage_front"
    command = [sys.executable, "-c", f"{program} import serve; serve({uri!r}, {prepared})"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port = process.stdout.readline().strip()
            assert port.isdecimal(), "the server did not start"
            yield f"grpc://127.0.0.1:{port}"
        finally:
            process.stdin.close()  # the sign to end
            process.wait(60)


def serve(uri: str, prepared: bool) -> None:
    """Serve a store until stdin ends; prints the port."""
    import grpc
    from ml_metadata.metadata_store.pywrap.metadata_store_extension import (
        metadata_store as native,
    )
    from ml_metadata.proto import metadata_store_pb2 as pb

    from kfp_provenance.metadata import StoreUri, init_store
    from kfp_provenance.metadata.credentials import store_password
    from support.mlmd_grpc import _Front

    if prepared:
        init_store(uri)
    place = StoreUri.parse(uri)
    config = pb.ConnectionConfig(retry_options=pb.RetryOptions(max_num_retries=1))
    if place.path is not None:
        config.sqlite.filename_uri = str(place.path)
        config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    else:
        config.mysql.host, config.mysql.port = place.host, place.port
        config.mysql.user, config.mysql.database = place.user, place.database
        config.mysql.password, config.mysql.skip_db_creation = store_password(), True
    store = native.CreateMetadataStore(
        config.SerializeToString(), pb.MigrationOptions().SerializeToString()
    )
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((_Front(store, []),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(None).wait()
