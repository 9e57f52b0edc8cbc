"""Stand-ins for the key services of Google and Microsoft, which have no emulator.

The clients are the real ones and find their way by a proxy: what is shown is that requests
and answers of these libraries fit together with ours, not that the services are like this.
"""

from __future__ import annotations

import base64
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_WR, create_connection, socket
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from support.tls import Authority

_NONE: Mapping[str, str] = MappingProxyType({})
_DIGEST = ec.ECDSA(Prehashed(hashes.SHA256()))


@dataclass
class KeyService:
    """What a stand-in holds; a test changes it between requests.

    Attributes:
        key: What it tells of and signs with.
        signs_with: Another key, for a service that does not keep its word.
        fails: Status that it answers with, by the kind of request: ``get`` or ``sign``.
    """

    key: ec.EllipticCurvePrivateKey
    signs_with: ec.EllipticCurvePrivateKey | None = None
    fails: dict[str, Any] = field(default_factory=dict)

    def sign(self, digest: bytes) -> bytes:
        return (self.signs_with or self.key).sign(digest, _DIGEST)

    @property
    def pem(self) -> str:
        form = PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(Encoding.PEM, form).decode()


@contextmanager
def proxy(port: int) -> Iterator[str]:
    """A proxy that leads every connection to ``port`` of this machine; its address."""

    class Tunnel(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            with create_connection(("127.0.0.1", port)) as there:
                back = threading.Thread(target=_pump, args=(there, self.connection))
                back.start()
                _pump(self.connection, there)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Tunnel) as server, _served(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


def _pump(source: socket, target: socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(SHUT_WR)


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


# --- Google Cloud KMS


@contextmanager
def google_kms(service: KeyService, authority: Authority, folder: Path) -> Iterator[dict[str, str]]:
    """Serve; the environment of a client."""
    import grpc
    from google.cloud.kms_v1 import types

    def get(request: Any, context: Any) -> Any:
        if "get" in service.fails:
            context.abort(*service.fails["get"])
        kind = types.CryptoKeyVersion.CryptoKeyVersionAlgorithm
        names = {256: kind.EC_SIGN_P256_SHA256, 384: kind.EC_SIGN_P384_SHA384}
        pem = service.pem
        return types.PublicKey(
            pem=pem,
            public_key=types.ChecksummedData(data=pem.encode()),
            algorithm=names[service.key.key_size],
        )

    def sign(request: Any, context: Any) -> Any:
        if "sign" in service.fails:
            context.abort(*service.fails["sign"])
        return types.AsymmetricSignResponse(signature=service.sign(request.digest.sha256))

    def handler(call: Any, request: Any, response: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(call, request.deserialize, response.serialize)

    name = "google.cloud.kms.v1.KeyManagementService"
    methods = {
        "GetPublicKey": handler(get, types.GetPublicKeyRequest, types.PublicKey),
        "AsymmetricSign": handler(sign, types.AsymmetricSignRequest, types.AsymmetricSignResponse),
    }
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, methods),))
    certificate, key = authority.issue(folder, "cloudkms.googleapis.com")
    pair = (key.read_bytes(), certificate.read_bytes())
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    try:
        with proxy(port) as address:
            yield {
                "https_proxy": address,
                "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(authority.path),
                "GOOGLE_APPLICATION_CREDENTIALS": str(_service_account(folder)),
            }
    finally:
        server.stop(None).wait()


def _service_account(folder: Path) -> Path:
    """Credentials with which a client signs its own tokens, and asks nobody for them."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    path = folder / "account.json"
    account = {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "1",
        "private_key": pem,
        "client_email": "signer@p.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    path.write_text(json.dumps(account))
    return path


# --- Azure Key Vault


@contextmanager
def azure_vault(
    service: KeyService, authority: Authority, folder: Path, host: str
) -> Iterator[dict[str, str]]:
    """Serve as ``host``; the environment of a client."""

    class Vault(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.startswith("/token"):  # of a managed identity
                self._answer(200, {"access_token": "t", "expires_on": "4102444800",
                                   "resource": "r", "token_type": "Bearer"})  # fmt: skip
                return
            public = service.key.public_key().public_numbers()
            size = (service.key.key_size + 7) // 8
            jwk = {
                "kid": f"https://{host}{self.path.partition('?')[0]}",
                "kty": "EC",
                "crv": f"P-{service.key.key_size}",
                "x": _base64(public.x.to_bytes(size, "big")),
                "y": _base64(public.y.to_bytes(size, "big")),
                "key_ops": ["sign", "verify"],
            }
            self._asked("get", {"key": jwk, "attributes": {"enabled": True}})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not self.headers["Authorization"]:
                self._challenge()
                return
            digest = base64.urlsafe_b64decode(json.loads(body)["value"] + "==")
            r, s = decode_dss_signature(service.sign(digest))
            value = _base64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
            kid = f"https://{host}{self.path.partition('/sign')[0]}"
            self._asked("sign", {"kid": kid, "value": value})

        def _asked(self, kind: str, answer: dict[str, object]) -> None:
            if not self.headers["Authorization"]:
                self._challenge()
            elif kind in service.fails:
                self._answer(service.fails[kind], {"error": {"code": "No", "message": "hunter2"}})
            else:
                self._answer(200, answer)

        def _challenge(self) -> None:
            where = "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000"
            bearer = f'Bearer authorization="{where}", resource="https://vault.azure.net"'
            self._answer(401, {}, {"WWW-Authenticate": bearer})

        def _answer(self, status: int, body: object, headers: Mapping[str, str] = _NONE) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue(folder, host))
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Vault) as plain,
        ThreadingHTTPServer(("127.0.0.1", 0), Vault) as server,
    ):
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.daemon_threads = plain.daemon_threads = True
        with _served(plain), _served(server), proxy(server.server_port) as address:
            yield {
                "HTTPS_PROXY": address,
                "NO_PROXY": "127.0.0.1",
                "REQUESTS_CA_BUNDLE": str(authority.path),
                "IDENTITY_ENDPOINT": f"http://127.0.0.1:{plain.server_port}/token",
                "IDENTITY_HEADER": "h",
            }


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
