"""``gcpkms:`` and ``azurekms:`` with the clients of Google and Microsoft, against stand-ins."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from securesystemslib.signer import Signature

from kfp_provenance.codes import Code
from kfp_provenance.signing import load_public_key
from support.clouds import KeyService, azure_vault, google_kms
from support.interop import absent
from support.processes import isolated
from support.tls import new_authority

pytestmark = pytest.mark.interop
GCP = "gcpkms:projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"
HOST = "team-a.vault.azure.net"
AZURE = f"azurekms://{HOST}/keys/signer/{'0123456789abcdef' * 2}"
SIGN_ONCE = Path(__file__).parents[1] / "support" / "sign_once.py"
Answer = Mapping[str, str]


@pytest.fixture
def service() -> KeyService:
    return KeyService(ec.generate_private_key(ec.SECP256R1()))


def needs(library: str) -> None:
    try:
        import_module(library)
    except ImportError:
        absent(f"{library} is not installed")


def signing(uri: str, home: Path, environment: Mapping[str, str]) -> Callable[[], Answer]:
    def sign() -> Answer:
        done = subprocess.run(
            [sys.executable, SIGN_ONCE, uri],
            env=isolated(home, **environment),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "hunter2" not in done.stdout + done.stderr
        found: Answer = json.loads(done.stdout)
        return found

    return sign


@pytest.fixture
def google(service: KeyService, tmp_path: Path) -> Iterator[Callable[[], Answer]]:
    needs("google.cloud.kms")
    authority = new_authority(tmp_path / "authority.pem")
    with google_kms(service, authority, tmp_path) as environment:
        yield signing(GCP, tmp_path / "home", environment)


@pytest.fixture
def azure(service: KeyService, tmp_path: Path) -> Iterator[Callable[[], Answer]]:
    needs("azure.keyvault.keys")
    authority = new_authority(tmp_path / "authority.pem")
    with azure_vault(service, authority, tmp_path, HOST) as environment:
        yield signing(AZURE, tmp_path / "home", environment)


def check(made: Answer, service: KeyService) -> None:
    public = load_public_key(service.pem.encode())
    assert made["hint"] == made["keyid"] == public.hint
    signature = Signature(public.hint, made["signature"])
    public.verifier.verify_signature(signature, bytes.fromhex(made["pae"]))


def test_google_signs_under_our_hint(google: Callable[[], Answer], service: KeyService) -> None:
    check(google(), service)
    service.signs_with = ec.generate_private_key(ec.SECP256R1())
    assert google()["code"] == Code.SIGNATURE_INVALID


def test_what_google_refuses(google: Callable[[], Answer], service: KeyService) -> None:
    import grpc

    service.fails["sign"] = (grpc.StatusCode.PERMISSION_DENIED, "cloudkms.useToSign denied")
    assert google()["code"] == Code.SIGNER_DENIED
    service.fails["get"] = (grpc.StatusCode.NOT_FOUND, "no such key")
    assert google()["code"] == Code.KEY_UNREADABLE
    service.fails.clear()
    service.key = ec.generate_private_key(ec.SECP384R1())
    assert google()["code"] == Code.KEY_UNREADABLE


def test_azure_signs_under_our_hint(azure: Callable[[], Answer], service: KeyService) -> None:
    check(azure(), service)
    service.signs_with = ec.generate_private_key(ec.SECP256R1())
    assert azure()["code"] == Code.SIGNATURE_INVALID


def test_what_azure_refuses(azure: Callable[[], Answer], service: KeyService) -> None:
    service.fails["sign"] = 403
    assert azure()["code"] == Code.SIGNER_DENIED
    service.fails["get"] = 404
    assert azure()["code"] == Code.KEY_UNREADABLE
    service.fails.clear()
    service.key = ec.generate_private_key(ec.SECP384R1())
    assert azure()["code"] == Code.KEY_UNREADABLE
