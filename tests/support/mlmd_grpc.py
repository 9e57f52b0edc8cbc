"""A real gRPC metadata server on loopback: MLMD's own service over an in-process store.

Requests go through as the bytes they are, so that the stock client and its messages
are what is tested.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from support.interop import absent

try:
    from ml_metadata.metadata_store.pywrap.metadata_store_extension import (
        metadata_store as native,
    )
    from ml_metadata.proto import metadata_store_pb2 as pb
except ImportError:
    absent("ML Metadata is not installed; it has wheels up to Python 3.11")

_SERVICE = "/ml_metadata.MetadataStoreService/"
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class _Front(grpc.GenericRpcHandler):
    def __init__(self, store: Any, fail: list[grpc.StatusCode]) -> None:
        self._store = store
        self._fail = fail

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method = details.method.removeprefix(_SERVICE)
        function = getattr(native, method, None)
        if method == details.method or function is None:
            return None

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            if method.startswith("Put") and self._fail:
                # the write is done, but its answer is lost
                function(self._store, request)
                context.abort(self._fail.pop(), "lost on the way")
            response, message, code = function(self._store, request)
            if code:
                context.abort(_CODES[code], message.decode("utf-8", "replace"))
            return bytes(response)

        return grpc.unary_unary_rpc_method_handler(answer)


@contextmanager
def running_front(
    path: Path,
    *,
    fail: list[grpc.StatusCode] | None = None,
    tls: grpc.ServerCredentials | None = None,
) -> Iterator[int]:
    """Serve the SQLite store at ``path``; the port.

    Args:
        path: File of the store.
        fail: Statuses to answer the next writes with, although they were done.
        tls: The server's certificate, for ``grpcs://``.
    """
    config = pb.ConnectionConfig(retry_options=pb.RetryOptions(max_num_retries=1))
    config.sqlite.filename_uri = str(path)
    config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    store = native.CreateMetadataStore(
        config.SerializeToString(), pb.MigrationOptions().SerializeToString()
    )
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((_Front(store, fail if fail is not None else []),))
    address = "127.0.0.1:0"
    port = server.add_secure_port(address, tls) if tls else server.add_insecure_port(address)
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()
