"""``vault:`` when the server is away, sealed, or another one than it says."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from securesystemslib.dsse import Envelope

from kfp_provenance.codes import Code
from kfp_provenance.signing import KeySigner
from kfp_provenance.signing.keys import public_key_of
from support.openbao import OpenBao
from support.openbao_production import SealableBao, running_sealable
from support.tls import new_authority
from support.vault_signer import KIND, PAYLOAD, open_key_signer, refused, sign, words

pytest_plugins = ["support.vault_fixtures"]
pytestmark = pytest.mark.interop
KEY = "signer"


@pytest.fixture
def production(
    clean_environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SealableBao]:
    """A server of this test behind TLS, with a key; the environment names it."""
    folder = tmp_path / "production"
    folder.mkdir()
    with running_sealable(folder) as server:
        server.call("POST", f"transit/keys/{KEY}", {"type": "ecdsa-p256"})
        monkeypatch.setenv("VAULT_ADDR", server.address)
        monkeypatch.setenv("VAULT_CACERT", str(server.authority))
        monkeypatch.setenv("VAULT_TOKEN", server.root)
        yield server


def test_a_sealed_server(production: SealableBao) -> None:
    signer = open_key_signer(f"vault:{KEY}")
    assert sign(signer)
    production.seal()
    for error in (refused(sign, signer), refused(open_key_signer, f"vault:{KEY}")):
        assert error.code is Code.SIGNER_UNREACHABLE
        assert "sealed" in error.found.lower()
    production.unseal()
    assert sign(signer)


def test_a_server_that_another_authority_vouches_for(
    production: SealableBao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_authority(tmp_path / "other.pem")
    monkeypatch.setenv("VAULT_CACERT", str(tmp_path / "other.pem"))
    wrong = refused(open_key_signer, f"vault:{KEY}")
    monkeypatch.delenv("VAULT_CACERT")
    monkeypatch.setenv("VAULT_SKIP_VERIFY", "true")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(production.authority))
    for error in (wrong, refused(open_key_signer, f"vault:{KEY}")):
        assert error.code is Code.SIGNER_UNREACHABLE
        assert "VAULT_CACERT" in error.remedy
        assert production.root not in words(error)


def test_a_server_that_goes_away(
    clean_environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_sealable(tmp_path) as server:
        server.call("POST", f"transit/keys/{KEY}", {"type": "ecdsa-p256"})
        monkeypatch.setenv("VAULT_ADDR", server.address)
        monkeypatch.setenv("VAULT_CACERT", str(server.authority))
        monkeypatch.setenv("VAULT_TOKEN", server.root)
        signer = open_key_signer(f"vault:{KEY}")
        assert sign(signer)
    for error in (refused(sign, signer), refused(open_key_signer, f"vault:{KEY}")):
        assert error.code is Code.SIGNER_UNREACHABLE
        assert server.root not in words(error)


def test_proxies_of_the_environment_see_no_token(
    vault: OpenBao, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", vault.token(vault.allow_signing(key)))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "VAULT_PROXY_ADDR"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert sign(open_key_signer(f"vault:{key}"))


# --- servers that are none: what comes back is not believed, and gets no token


@contextmanager
def answering(
    status: int, body: bytes, location: str = ""
) -> Iterator[tuple[str, list[str | None]]]:
    """A web server that gives one answer to everything; its address and the tokens it was sent."""
    tokens: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tokens.append(self.headers["X-Vault-Token"])
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", tokens
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"data": null}',
        b'{"data": {"type": "ecdsa-p256", "keys": {"x": {}}}}',
        b'{"data": {"type": "ecdsa-p256", "keys": {"0": {}}}}',
    ],
)
def test_a_server_of_another_kind(
    clean_environment: None, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "hunter2-hunter2")
    with answering(200, body) as (address, _):
        monkeypatch.setenv("VAULT_ADDR", address)
        error = refused(open_key_signer, f"vault:{KEY}")
    assert error.code is Code.SIGNER_UNREACHABLE
    assert "hunter2" not in words(error)


@pytest.mark.parametrize(
    "key", [b"{}", b'{"public_key": ""}', b'{"public_key": "hunter2"}', b"1", b"null"]
)
def test_a_version_without_a_usable_public_key(
    clean_environment: None, monkeypatch: pytest.MonkeyPatch, key: bytes
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "t")
    body = b'{"data": {"type": "ecdsa-p256", "keys": {"1": %b}}}' % key
    with answering(200, body) as (address, _):
        monkeypatch.setenv("VAULT_ADDR", address)
        assert refused(open_key_signer, f"vault:{KEY}").code is Code.KEY_UNREADABLE


def test_a_redirect_is_not_followed(
    clean_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "t")
    with answering(200, b"{}") as (elsewhere, tokens):
        with answering(307, b"", f"{elsewhere}/v1/transit/keys/{KEY}") as (address, _):
            monkeypatch.setenv("VAULT_ADDR", address)
            error = refused(open_key_signer, f"vault:{KEY}")
        assert (error.code, error.found) == (Code.SIGNER_UNREACHABLE, "HTTP 307")
        assert tokens == []


def test_a_server_that_repeats_the_token_is_not_quoted(
    clean_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "hunter2-hunter2")
    with answering(403, b'{"errors": ["no token \\u001b[1m hunter2-hunter2"]}') as (address, _):
        monkeypatch.setenv("VAULT_ADDR", address)
        error = refused(open_key_signer, f"vault:{KEY}")
    assert (error.code, error.found) == (Code.SIGNER_DENIED, r"no token \x1b[1m ...")


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_busy_server_is_asked_again_but_not_for_ever(
    clean_environment: None, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "t")
    with answering(status, b'{"errors": ["busy"]}') as (address, tokens):
        monkeypatch.setenv("VAULT_ADDR", address)
        assert refused(open_key_signer, f"vault:{KEY}").code is Code.SIGNER_UNREACHABLE
    assert len(tokens) == 4


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_login_that_repeats_the_secret_is_not_quoted(
    clean_environment: None, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("KPROV_VAULT_ROLE_ID", "role")
    monkeypatch.setenv("KPROV_VAULT_SECRET_ID", "hunter2-hunter2")
    monkeypatch.setenv("VAULT_TOKEN", "not-for-a-login")
    with answering(status, b'{"errors": ["wrong: hunter2-hunter2"]}') as (address, tokens):
        monkeypatch.setenv("VAULT_ADDR", address)
        error = refused(open_key_signer, f"vault:{KEY}?auth=approle")
    assert (error.code, error.found) == (Code.SIGNER_DENIED, "wrong: ...")
    assert "hunter2" not in words(error)
    assert tokens == [None]


def test_only_a_signature_of_the_version_asked_for_is_taken(
    clean_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "t")
    key = ec.generate_private_key(ec.SECP256R1())
    made = base64.b64encode(key.sign(Envelope(PAYLOAD, KIND, {}).pae(), ec.ECDSA(SHA256())))
    pem = public_key_of(key.public_key()).pem.decode()

    def signed(text: str) -> KeySigner:
        keys = {"1": {"public_key": pem}}
        data = {"type": "ecdsa-p256", "keys": keys, "signature": text}
        with answering(200, json.dumps({"data": data}).encode()) as (address, _):
            monkeypatch.setenv("VAULT_ADDR", address)
            signer = open_key_signer(f"vault:{KEY}")
            sign(signer)
        return signer

    good = made.decode()
    assert signed(f"vault:v1:{good}").public_pem.decode() == pem
    for text in (f"vault:v2:{good}", good, "vault:v1:", f"vault:v1:{good[:-8]}", "vault:v1:A"):
        assert refused(signed, text).code is Code.SIGNATURE_INVALID
