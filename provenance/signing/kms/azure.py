"""Keys in Azure Key Vault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient
from cryptography.hazmat.primitives.asymmetric import ec
from securesystemslib.signer import AzureSigner  # type: ignore[attr-defined]

from kfp_provenance.signing.keys import PublicKey, public_key_of
from kfp_provenance.signing.kms import Sign
from kfp_provenance.signing.remote import denied, no_such_key, unreachable

_REMEDY = (
    "give credentials as for azure-identity, allowed the key operations `get` and `sign`, for"
    " example by the role Key Vault Crypto User"
)
_DENIED = frozenset({401, 403})
_NO_KEY = frozenset({400, 404})
_RETRIES = 3  # the default are ten, over many minutes


def open_key(key: str, where: str) -> tuple[Sign, PublicKey]:
    """See ``kms.Service``."""
    address = f"https:{key}"
    parts = urlsplit(address)
    _, _, name, version = parts.path.split("/")
    credential = DefaultAzureCredential()
    # securesystemslib would import the latest version, whichever the URI names
    with KeyClient(f"https://{parts.netloc}", credential, retry_total=_RETRIES) as client:
        found = client.get_key(name, version)
    jwk = found.key
    if jwk.kty not in {"EC", "EC-HSM"} or jwk.crv != "P-256" or found.properties.version != version:
        raise no_such_key(where, "a key of another kind or version")
    x, y = int.from_bytes(jwk.x, "big"), int.from_bytes(jwk.y, "big")
    public = public_key_of(ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key())
    signer = AzureSigner(address, public.verifier)
    signer.crypto_client = CryptographyClient(address, credential, retry_total=_RETRIES)
    return lambda payload: signer.sign(payload).signature, public


@contextmanager
def translated(where: str) -> Iterator[None]:
    """See ``kms.Service``; only kinds of errors are passed on, their texts hold requests."""
    try:
        yield
    except ClientAuthenticationError as error:
        raise denied(where, type(error).__name__, _REMEDY) from None
    except HttpResponseError as error:
        status = error.status_code
        found = f"HTTP {status}"
        if status in _DENIED:
            raise denied(where, found, _REMEDY) from None
        if status in _NO_KEY:
            raise no_such_key(where, found) from None
        raise unreachable(where, found) from None
    except AzureError as error:
        raise unreachable(where, type(error).__name__) from None
    except ValueError:  # a key before or after its time, or a point that is not on the curve
        raise no_such_key(where, "a key that is not valid now") from None
