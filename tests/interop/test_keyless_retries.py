"""A real Rekor that is away for a moment, behind a door that opens late."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError
from kfp_provenance.retry import Patience
from kfp_provenance.signing import keyless, open_signer
from kfp_provenance.verify import SigstoreRoot, Trust, verify_bundle
from support.chains import content, linear_run, signed
from support.processes import loopback
from support.sigstore_instance import Sigstore, certificate_identity

pytestmark = pytest.mark.interop

IDENTITY = "team-a/signer"


class Door(ThreadingHTTPServer):
    """Passes requests on to a service, but answers the first of them itself."""

    def __init__(self, target: str, answers: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.answers, self.passed = target, answers, 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Door

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.server.answers:
            self.send_response(self.server.answers.pop(0))
            self.send_header("content-length", "0")
            self.end_headers()
            return
        self.server.passed += 1
        types = {"content-type": self.headers["content-type"]}
        with loopback() as session:
            answer = session.post(self.server.target + self.path, body, headers=types, timeout=30)
        self.send_response(answer.status_code)
        self.send_header("content-type", answer.headers["content-type"])
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
        pass


@contextmanager
def door_to_rekor(
    instance: Sigstore, folder: Path, answers: list[int]
) -> Iterator[tuple[Door, str]]:
    """The door, and the URI of a signer that goes through it."""
    with Door(instance.rekor, answers) as door:
        thread = Thread(target=door.serve_forever, daemon=True)
        thread.start()
        config = json.loads(instance.trust_config.read_bytes())
        config["signingConfig"]["rekorTlogUrls"][0]["url"] = door.address
        path = folder / "trust_config.json"
        path.write_text(json.dumps(config))
        token = instance.token_file(IDENTITY)
        token.chmod(0o600)
        try:
            yield door, f"sigstore:?token-file={token}&trust-config={path}"
        finally:
            door.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyless, "PATIENCE", Patience(total=10.0, first=0.01, cap=0.05))


@pytest.mark.parametrize("answers", [[503], [500, 502, 503, 504], [429, 408]])
def test_a_log_that_comes_back_is_waited_for(
    sigstore_instance: Sigstore, tmp_path: Path, answers: list[int]
) -> None:
    with door_to_rekor(sigstore_instance, tmp_path, answers) as (door, uri):
        bundle = signed(linear_run(1).chain(), open_signer(uri), now=datetime.now(UTC))
        assert (door.answers, door.passed) == ([], 2)
    trust = Trust.for_identity(
        certificate_identity(IDENTITY),
        sigstore_instance.issuer.kubernetes,
        SigstoreRoot(sigstore_instance.trusted_root.read_bytes()),
    )
    assert verify_bundle(bundle, trust, content(b"0"), now=datetime.now(UTC)).verdict.passed


@pytest.mark.parametrize(
    ("answers", "code", "left"),
    [([400, 200], Code.SIGNER_DENIED, 1), ([503] * 5000, Code.SIGNER_UNREACHABLE, 0)],
)
def test_what_is_refused_is_not_asked_again_and_patience_ends(
    sigstore_instance: Sigstore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answers: list[int],
    code: Code,
    left: int,
) -> None:
    monkeypatch.setattr(keyless, "PATIENCE", Patience(total=0.5, first=0.01, cap=0.05))
    with door_to_rekor(sigstore_instance, tmp_path, answers) as (door, uri):
        with pytest.raises(SigningError) as caught:
            signed(linear_run(1).chain(), open_signer(uri), now=datetime.now(UTC))
        assert caught.value.code is code
        assert door.passed == 0
        assert len(door.answers) == left or left == 0 < len(door.answers)
