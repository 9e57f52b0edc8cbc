"""The OpenBao of the tests is a real one: it signs, and says no."""

from __future__ import annotations

import json
import secrets
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope

from support.cosign import Cosign, by_key
from support.keyless import DIGEST, PREDICATE, STATEMENT
from support.kubernetes_api import ApiServer
from support.openbao import AUDIENCE, OpenBao, OpenBaoError

pytestmark = pytest.mark.interop
MESSAGE = b"what is signed"


@pytest.fixture
def key(openbao: OpenBao) -> str:
    name = f"key-{secrets.token_hex(6)}"
    openbao.create_key(name)
    return name


def sign(
    openbao: OpenBao, key: str, token: str, version: int = 1, message: bytes = MESSAGE
) -> bytes:
    body = {"input": b64encode(message).decode(), "key_version": version}
    path = f"transit/sign/{key}/sha2-256"
    signature = openbao.call("POST", path, body, token)["data"]["signature"]
    prefix, used, value = signature.split(":")
    assert (prefix, used) == ("vault", f"v{version}")
    return b64decode(value)


def check(openbao: OpenBao, key: str, signature: bytes, version: int = 1) -> None:
    public = load_pem_public_key(openbao.public_key(key, version).encode())
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert public.curve.name == "secp256r1"
    public.verify(signature, MESSAGE, ec.ECDSA(hashes.SHA256()))


def refused(status: int) -> pytest.RaisesExc[OpenBaoError]:
    return pytest.RaisesExc(OpenBaoError, match=f"^{status}:")


def test_a_machine_signs_with_its_key_and_no_other(openbao: OpenBao, key: str) -> None:
    app_role = openbao.create_app_role(f"role-of-{key}", openbao.allow_signing(key))
    token = openbao.app_role_token(app_role)
    check(openbao, key, sign(openbao, key, token))
    other = f"{key}-other"
    openbao.create_key(other)
    with refused(403):
        sign(openbao, other, token)
    with refused(403):
        openbao.call("POST", f"transit/keys/{key}/rotate", token=token)
    with refused(403):
        sign(openbao, key, "")


def test_a_rotated_key_signs_with_the_version_asked_for(openbao: OpenBao, key: str) -> None:
    token = openbao.token(openbao.allow_signing(key))
    before = sign(openbao, key, token)
    openbao.rotate_key(key)
    check(openbao, key, before)
    check(openbao, key, sign(openbao, key, token, 2), 2)
    with pytest.raises(InvalidSignature):
        check(openbao, key, before, 2)


def test_cosign_accepts_what_it_signed(
    openbao: OpenBao, cosign: Cosign, key: str, tmp_path: Path
) -> None:
    token = openbao.token(openbao.allow_signing(key))
    envelope = Envelope(STATEMENT, "application/vnd.in-toto+json", {})
    signature = sign(openbao, key, token, message=envelope.pae())
    bundle = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": key}},
        "dsseEnvelope": {
            "payload": b64encode(STATEMENT).decode(),
            "payloadType": envelope.payload_type,
            "signatures": [{"sig": b64encode(signature).decode()}],
        },
    }
    file, first, second = (tmp_path / name for name in ("bundle.json", "1.pub", "2.pub"))
    file.write_text(json.dumps(bundle))
    openbao.rotate_key(key)
    for version, public in enumerate((first, second), 1):
        public.write_text(openbao.public_key(key, version))
    answer = cosign.verify(file, PREDICATE, DIGEST, by_key(first))
    assert answer.accepted, answer.words
    assert not cosign.verify(file, PREDICATE, DIGEST, by_key(second)).accepted


def test_a_service_account_logs_in_by_the_real_token_review(
    openbao: OpenBao, api_server: ApiServer, key: str
) -> None:
    for namespace in (f"team-a-{key}", f"team-b-{key}"):
        api_server.create_namespace(namespace)
        for account in ("pipeline-runner", "other"):
            api_server.create_service_account(namespace, account)
    mount = f"cluster-{key}"
    openbao.trust_cluster(api_server, mount)
    openbao.create_kubernetes_role(
        mount, "signer", f"team-a-{key}/pipeline-runner", openbao.allow_signing(key)
    )

    def log_in(namespace: str, account: str, audience: str = AUDIENCE) -> str:
        token = api_server.service_account_token(f"{namespace}-{key}", account, audience)
        return openbao.kubernetes_token(mount, "signer", token)

    check(openbao, key, sign(openbao, key, log_in("team-a", "pipeline-runner")))
    for namespace, account in (("team-a", "other"), ("team-b", "pipeline-runner")):
        with refused(403):
            log_in(namespace, account)
    with refused(403):
        log_in("team-a", "pipeline-runner", "somebody-else")
