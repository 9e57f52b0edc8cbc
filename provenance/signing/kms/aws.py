"""Keys in AWS KMS."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as aws
from securesystemslib.exceptions import UnsupportedAlgorithmError
from securesystemslib.signer import AWSSigner  # type: ignore[attr-defined]

from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError, SigningError
from kfp_provenance.signing.keys import PublicKey, load_public_key
from kfp_provenance.signing.kms import Sign
from kfp_provenance.signing.remote import denied, no_such_key, unreachable

_KEY_CODES = frozenset(
    {
        "DisabledException",
        "InvalidArnException",
        "InvalidKeyUsageException",
        "KMSInvalidStateException",
        "NotFoundException",
        "UnsupportedOperationException",
        "ValidationException",
    }
)
_DENIED_CODES = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED_STATUS = frozenset({401, 403})
_NO_CREDENTIALS = (
    aws.CredentialRetrievalError,
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.SSOError,
    aws.TokenRetrievalError,
)
_SETTINGS = (
    aws.ConfigNotFound,
    aws.ConfigParseError,
    aws.InvalidConfigError,
    aws.InvalidRegionError,
    aws.NoRegionError,
    aws.ProfileNotFound,
    ValueError,
)

# It writes what AWS says, which may be the headers of the request, before it raises.
logging.getLogger("securesystemslib.signer._aws_signer").addFilter(
    lambda record: record.levelno < logging.ERROR
)


def open_key(key: str, where: str) -> tuple[Sign, PublicKey]:
    """See ``kms.Service``."""
    _, found = AWSSigner.import_(key)
    public = load_public_key(found.keyval["public"].encode(), where)
    signer = AWSSigner(key, public.verifier)
    return lambda payload: signer.sign(payload).signature, public


@contextmanager
def translated(where: str) -> Iterator[None]:
    """See ``kms.Service``; only codes and kinds of errors are passed on."""
    try:
        yield
    except aws.ClientError as error:
        raise _refusal(error, where) from None
    except (UnsupportedAlgorithmError, KeyError):  # the latter for keys that are not for signing
        raise no_such_key(where, "a key of another kind") from None
    except _SETTINGS as error:
        raise SettingsError(
            Code.SETTING_INVALID,
            "the settings for AWS are not usable",
            where=where,
            found=type(error).__name__,
            remedy="set AWS_DEFAULT_REGION, and check AWS_PROFILE and AWS_ENDPOINT_URL",
        ) from None
    except _NO_CREDENTIALS as error:
        raise denied(where, type(error).__name__, _REMEDY) from None
    except aws.BotoCoreError as error:
        raise unreachable(where, type(error).__name__) from None


_REMEDY = "give credentials as for the AWS CLI, allowed kms:GetPublicKey and kms:Sign of this key"


def _refusal(error: aws.ClientError, where: str) -> SigningError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in _DENIED_CODES or status in _DENIED_STATUS:
        return denied(where, code, _REMEDY)
    if code in _KEY_CODES:
        return no_such_key(where, code)
    return unreachable(where, code)
