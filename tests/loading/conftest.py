"""The initializer's own environment: KServe's downloader, real storages on this machine."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from support.loading import LoadingDesk

pytest_plugins = ["support.gcs"]


@dataclass(frozen=True)
class S3:
    """A bucket of moto, and the client that fills it."""

    client: Any
    bucket: str
    environ: dict[str, str]

    def put(self, key: str, model: Path) -> str:
        """Upload a file or a directory; its URI."""
        files = [model] if model.is_file() else [p for p in model.rglob("*") if p.is_file()]
        for path in files:
            name = key if path == model else f"{key}/{path.relative_to(model)}"
            self.client.put_object(Bucket=self.bucket, Key=name, Body=path.read_bytes())
        return f"s3://{self.bucket}/{key}"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> S3:
    """As KServe's webhook sets the credentials of a service account in the init container."""
    import boto3

    environ = {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=s3_server)
    name = f"kprov-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=name)
    return S3(client, name, environ)


@pytest.fixture
def desk(tmp_path: Path) -> LoadingDesk:
    return LoadingDesk(tmp_path / "desk")
