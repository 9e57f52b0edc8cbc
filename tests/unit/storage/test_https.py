"""Web servers, on real sockets of this machine."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.storage import open_storage

DATA = bytes(range(256)) * 3000


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/data":
            self.reply(DATA, {"Content-Length": str(len(DATA)), "ETag": '"v1"'})
        elif path == "/short":
            self.reply(DATA[:-1], {"Content-Length": str(len(DATA))})
        elif path == "/unsized":
            self.reply(DATA, {})
        elif path == "/gzip":
            self.reply(b"x", {"Content-Length": "1", "Content-Encoding": "gzip"})
        elif path == "/to":
            self.send_response(302)
            self.send_header("Location", query)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.send_error(int(path.strip("/")))

    def reply(self, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def serve(context: ssl.SSLContext | None = None) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"{'http' if context is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def http() -> Iterator[str]:
    yield from serve()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture(scope="module")
def https(certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    yield from serve(context)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


def code_of(call, *args, **kwargs) -> Code:
    with pytest.raises(ProvenanceError) as caught:
        call(*args, **kwargs)
    assert caught.value.remedy
    assert "secret" not in str(caught.value)
    return caught.value.code


def test_read_in_every_way(https, certificate, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    stored = open_storage(f"{https}/data?signature=secret")
    assert stored.uri == f"{https}/data"
    assert "secret" not in repr(stored)
    info = stored.stat()
    assert (info.uri, info.size, info.version) == (stored.uri, len(DATA), '"v1"')
    content = stored.hash()
    assert content.digest.hex == hashlib.sha256(DATA).hexdigest()
    assert stored.download(tmp_path / "target", limit=len(DATA)) == content
    assert (tmp_path / "target").read_bytes() == DATA
    with stored.open() as file:
        assert file.read() == DATA
    assert stored.read_bytes(len(DATA)).data == DATA
    redirected = open_storage(f"{https}/to?{https}/data")
    assert redirected.hash() == content


def test_a_certificate_that_nobody_vouches_for(https, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert code_of(open_storage(f"{https}/data").hash) is Code.OBJECT_UNREACHABLE


def test_no_redirect_leads_out_of_tls(https, http, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    for goal in (
        f"{http}/data",
        "file:///etc/passwd",
        "ftp://127.0.0.1/a",
        "http://example.invalid",
    ):
        assert code_of(open_storage(f"{https}/to?{goal}").hash) in {
            Code.URI_UNSUPPORTED, Code.OBJECT_UNREACHABLE,
        }  # fmt: skip


def test_no_redirect_gets_a_password(http):
    goal = f"http://user:secret@{http.removeprefix('http://')}/data"
    assert code_of(open_storage(f"{http}/to?{goal}").hash) is Code.URI_UNSUPPORTED


def test_redirects_end(http):
    loop = f"{http}/to?/to?/to?/to?/to?/to?/to?/to?/to?/to?/to?/to?/to?/data"
    assert code_of(open_storage(loop).hash) is Code.OBJECT_UNREACHABLE


@pytest.mark.parametrize(
    "uri",
    ["http://example.invalid/a", "http://10.0.0.1/a", "https://user:secret@host/a",
     "https://secret@host/a", "https:///a", "https://host/a b", "https://host/a#b", "https:host",
     "https://host:port/a", "https://[::1/a", "http://localhost.example.invalid/a",
     "https://host/\r\nX: y"],
)  # fmt: skip
def test_addresses_that_are_not_asked(uri):
    assert code_of(open_storage, uri) is Code.URI_UNSUPPORTED


@pytest.mark.parametrize(("status", "code"), [
    (404, Code.OBJECT_MISSING), (410, Code.OBJECT_MISSING), (403, Code.OBJECT_UNREACHABLE),
    (500, Code.OBJECT_UNREACHABLE),
])  # fmt: skip
def test_answers_that_are_no_object(http, status, code):
    assert code_of(open_storage(f"{http}/{status}").hash) is code


def test_nobody_there():
    assert code_of(open_storage("http://127.0.0.1:9/a").hash) is Code.OBJECT_UNREACHABLE


def test_an_answer_that_ends_early_is_refused(http, tmp_path):
    stored = open_storage(f"{http}/short")
    assert code_of(stored.hash) is Code.OBJECT_UNREACHABLE
    assert code_of(stored.download, tmp_path / "t", limit=len(DATA)) is Code.OBJECT_UNREACHABLE
    assert code_of(stored.read_bytes, len(DATA)) is Code.OBJECT_UNREACHABLE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["data", "unsized"])
def test_more_bytes_than_accepted(http, tmp_path, path):
    stored = open_storage(f"{http}/{path}")
    limit = len(DATA) - 1
    assert code_of(stored.download, tmp_path / "t", limit=limit) is Code.OBJECT_TOO_LARGE
    assert code_of(stored.read_bytes, limit) is Code.OBJECT_TOO_LARGE
    assert list(tmp_path.iterdir()) == []
    assert stored.download(tmp_path / "t", limit=len(DATA)).size == len(DATA)


def test_encoded_bytes_are_not_taken_for_the_object(http):
    assert code_of(open_storage(f"{http}/gzip").hash) is Code.OBJECT_UNREACHABLE


def test_it_is_read_only(http, tmp_path):
    stored = open_storage(f"{http}/data")
    assert code_of(stored.put_once, tmp_path) is Code.URI_UNSUPPORTED
    assert code_of(stored.names, 10) is Code.URI_UNSUPPORTED
    assert code_of(stored.replace_bytes, b"", expected_version=None) is Code.URI_UNSUPPORTED
