"""Keys in Google Cloud KMS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core import exceptions as api
from google.auth.exceptions import GoogleAuthError, TransportError
from securesystemslib.exceptions import UnsupportedAlgorithmError
from securesystemslib.signer import GCPSigner  # type: ignore[attr-defined]

from kfp_provenance.attest.printable import printable
from kfp_provenance.signing.keys import PublicKey, load_public_key
from kfp_provenance.signing.kms import Sign
from kfp_provenance.signing.remote import denied, no_such_key, unreachable

_REMEDY = (
    "give application default credentials with the roles cloudkms.publicKeyViewer and"
    " cloudkms.signer on this key"
)


def open_key(key: str, where: str) -> tuple[Sign, PublicKey]:
    """See ``kms.Service``."""
    _, found = GCPSigner.import_(key)
    public = load_public_key(found.keyval["public"].encode(), where)
    signer = GCPSigner(key, public.verifier)
    return lambda payload: signer.sign(payload).signature, public


@contextmanager
def translated(where: str) -> Iterator[None]:
    """See ``kms.Service``."""
    try:
        yield
    except (api.Forbidden, api.Unauthorized) as error:
        raise denied(where, printable(error.message), _REMEDY) from None
    except (api.NotFound, api.BadRequest) as error:
        raise no_such_key(where, printable(error.message)) from None
    except UnsupportedAlgorithmError:
        raise no_such_key(where, "a key of another kind") from None
    except (TransportError, api.GoogleAPIError) as error:
        raise unreachable(where, type(error).__name__) from None
    except GoogleAuthError as error:  # its text may hold the answer to a token request
        raise denied(where, type(error).__name__, _REMEDY) from None
