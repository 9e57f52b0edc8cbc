"""A stock MLMD client against a real server on loopback, with and without TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError, StoreError
from kfp_provenance.metadata import Patience, open_reader, open_recorder
from support.mlmd_grpc import running_front
from support.recording import sqlite_sql
from support.steps import ENVIRONMENT, step
from support.store_contract import StoreContract
from support.store_defence import StoreDefence
from support.store_fixtures import Store, reader, recorder

__all__ = ["reader", "recorder"]  # fixtures of the contract


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    path = tmp_path / "served.db"
    # the front holds the file open here, so WAL is set by a process that ends first
    sqlite_sql(path, "PRAGMA journal_mode=WAL")
    with running_front(path) as port:
        yield Store(f"grpc://127.0.0.1:{port}", lambda *statements: sqlite_sql(path, *statements))


class TestGrpc(StoreContract, StoreDefence):
    examples = 25


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
def test_a_lost_answer_does_not_make_a_second_step(tmp_path: Path, status: grpc.StatusCode) -> None:
    fail: list[grpc.StatusCode] = []
    with running_front(tmp_path / "m.db", fail=fail) as port:
        uri = f"grpc://127.0.0.1:{port}"
        pauses: list[float] = []
        with closing(open_recorder(uri, Patience(sleep=pauses.append))) as recorder:
            fail.append(status)
            recorder.record(step(), ENVIRONMENT)
        with closing(open_reader(uri)) as reader:
            assert reader.run("run-1").steps == (step(),)
    assert len(pauses) == 1


def test_a_server_that_goes_away(tmp_path: Path) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with running_front(tmp_path / "m.db") as port:
        recorder = open_recorder(
            f"grpc://127.0.0.1:{port}", Patience(clock=lambda: now[0], sleep=sleep)
        )
    with closing(recorder), pytest.raises(StoreError) as raised:
        recorder.record(step(), ENVIRONMENT)
    assert raised.value.code is Code.STORE_UNREACHABLE
    with pytest.raises(StoreError) as raised:
        open_reader(f"grpc://127.0.0.1:{port}")
    assert raised.value.code is Code.STORE_UNREACHABLE


def test_a_server_that_is_no_metadata_store() -> None:
    server = grpc.server(None)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with pytest.raises(StoreError) as raised:
            open_reader(f"grpc://127.0.0.1:{port}")
    finally:
        server.stop(None).wait()
    assert raised.value.code is Code.STORE_UNREACHABLE


@dataclass(frozen=True)
class Pki:
    """PEM files of an authority and of two certificates that it signed."""

    ca: Path
    server: tuple[Path, Path]
    client: tuple[Path, Path]


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder = tmp_path_factory.mktemp("pki")
    now = datetime.now(UTC)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])

    def issue(name: str, *, is_ca: bool = False) -> tuple[Path, Path]:
        key = ca_key if is_ca else ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(ca_name if is_ca else subject)
            .issuer_name(ca_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        certificate_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
        certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate_file, key_file

    return Pki(issue("ca", is_ca=True)[0], issue("server"), issue("client"))


@pytest.fixture
def tls_port(pki: Pki, tmp_path: Path) -> Iterator[int]:
    certificate, key = pki.server
    credentials = grpc.ssl_server_credentials(
        [(key.read_bytes(), certificate.read_bytes())],
        root_certificates=pki.ca.read_bytes(),
        require_client_auth=True,
    )
    with running_front(tmp_path / "m.db", tls=credentials) as port:
        yield port


def test_mutual_tls(pki: Pki, tls_port: int) -> None:
    certificate, key = pki.client
    uri = f"grpcs://localhost:{tls_port}?ca={pki.ca}&cert={certificate}&key={key}"
    with closing(open_recorder(uri)) as recorder:
        recorder.record(step(), ENVIRONMENT)
    with closing(open_reader(uri)) as reader:
        assert reader.step(step().id) == step()


def test_tls_that_does_not_hold(pki: Pki, tls_port: int) -> None:
    impatient = Patience(total=0.0)
    certificate, key = pki.client
    for uri in (
        f"grpc://localhost:{tls_port}",
        f"grpcs://localhost:{tls_port}?ca={pki.ca}",
        f"grpcs://localhost:{tls_port}?cert={certificate}&key={key}",
        f"grpcs://127.0.0.1:{tls_port}?ca={pki.ca}&cert={certificate}&key={key}",
    ):
        with pytest.raises(StoreError) as raised:
            open_reader(uri, impatient)
        assert raised.value.code is Code.STORE_UNREACHABLE


def test_tls_files_that_are_none(pki: Pki, tls_port: int, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "large").write_text("-----BEGIN x" + "x" * 2**20)
    for name in ("missing", "text", "large"):
        with pytest.raises(SettingsError) as raised:
            open_reader(f"grpcs://localhost:{tls_port}?ca={tmp_path / name}")
        assert raised.value.code is Code.SETTING_INVALID
