"""AWS KMS and IAM by moto on a loopback port: Amazon's own client talks to it over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.aws import forget_credentials
from support.interop import absent
from support.processes import loopback

_SETTINGS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "hunter2-hunter2",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_MAX_ATTEMPTS": "2",
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
}
_CLEARED = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_CA_BUNDLE")


@pytest.fixture(scope="session")
def aws_server() -> Iterator[str]:
    """Its address."""
    try:
        from moto.server import ThreadedMotoServer
    except ImportError:
        absent("moto is not installed")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        with pytest.MonkeyPatch.context() as patch:
            _sign_digests(patch)
            yield f"http://{host}:{port}"
    finally:
        server.stop()


def _sign_digests(patch: pytest.MonkeyPatch) -> None:
    """Give moto what it lacks: it hashes a digest again, as if it were the message.

    See https://github.com/getmoto/moto/pull/10202. securesystemslib sends digests only.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from moto.kms.utils import ECDSAPrivateKey

    def sign(self: Any, message: bytes, *_: object) -> bytes:
        signature: bytes = self.private_key.sign(message, ec.ECDSA(Prehashed(hashes.SHA256())))
        return signature

    patch.setattr(ECDSAPrivateKey, "sign", sign)


@pytest.fixture
def aws(aws_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The address of an empty account, which the environment names."""
    with loopback() as session:
        session.post(f"{aws_server}/moto-api/reset", timeout=30).raise_for_status()
    for name, value in _SETTINGS.items():
        monkeypatch.setenv(name, value)
    for name in _CLEARED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server)
    forget_credentials()
    return aws_server
