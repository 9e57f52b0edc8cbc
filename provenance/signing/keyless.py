"""``sigstore:[?token-file=FILE&trust-config=FILE&rekor-version=1]``: signs without a key.

Fulcio gives a certificate for ten minutes to whoever shows an OpenID Connect token; Rekor
logs each signature. sigstore-python does all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives.serialization import Encoding

from kfp_provenance.attest.identifiers import PAYLOAD_TYPE
from kfp_provenance.attest.printable import printable
from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError
from kfp_provenance.retry import Patience
from kfp_provenance.signing.certificates import certificate_identity, reason_of
from kfp_provenance.signing.interface import AskPassphrase
from kfp_provenance.signing.secret_files import read_token

if TYPE_CHECKING:
    from sigstore.models import Bundle, ClientTrustConfig
    from sigstore.oidc import IdentityToken
    from sigstore.sign import Signer as SigstoreClient
    from sigstore.sign import SigningContext

_Result = TypeVar("_Result")
_USAGE = "sigstore:[?token-file=FILE&trust-config=FILE&rekor-version=1|2]"
_OPTIONS = frozenset({"token-file", "trust-config", "rekor-version"})
_LIMIT = 4 * 1024 * 1024
_REFUSED = frozenset(range(400, 500)) - {408, 425, 429}
"""What a service says of a request that is no better later."""
PATIENCE = Patience(total=20.0, first=0.5, cap=5.0)
"""With a service that does not answer, in seconds."""


@dataclass(frozen=True)
class _Options:
    token_file: Path | None
    trust_config: Path | None
    rekor_version: int


class KeylessSigner:
    """Signs with a new certificate every ten minutes; its representation shows no token.

    Args:
        context: Which Sigstore instance.
        get_token: Returns a token that is valid now; asked again when a certificate expires.
    """

    def __init__(self, context: SigningContext, get_token: Callable[[], IdentityToken]) -> None:
        self._context = context
        self._get_token = get_token
        self._client = self._certified()
        self._identity = ""

    @property
    def name(self) -> str:
        """Identity and issuer of its certificate; known when it has signed."""
        return self._identity or "keyless"

    def sign(self, payload: bytes, payload_type: str) -> bytes:
        """One Sigstore bundle with a certificate and a log entry; see the protocol.

        Raises:
            SigningError: SIGNER_UNREACHABLE, SIGNER_DENIED or IDENTITY_TOKEN_INVALID.
        """
        if payload_type != PAYLOAD_TYPE:
            raise SigningError(
                Code.SIGNER_DENIED,
                "a keyless signer signs in-toto statements and nothing else",
                expected=PAYLOAD_TYPE,
                found=payload_type,
                remedy="sign it with a key",
            )
        bundle = self._signed(payload)
        certificate = bundle.signing_certificate.public_bytes(Encoding.DER)
        identity = "{} of {}".format(*certificate_identity(certificate))
        if self._identity not in ("", identity):
            raise _token_invalid(f"the identity changed while it signed, to {identity}")
        self._identity = identity
        return bundle.to_json().encode("utf-8")

    def _signed(self, payload: bytes) -> Bundle:
        from sigstore.dsse import Statement  # noqa: PLC0415 - slow to import
        from sigstore.sign import ExpiredCertificate  # type: ignore[attr-defined]  # noqa: PLC0415

        statement = Statement(payload)
        try:
            return _translated(lambda: self._client.sign_dsse(statement))
        except ExpiredCertificate:
            self._client = self._certified()
            return _translated(lambda: self._client.sign_dsse(statement))

    def _certified(self) -> SigstoreClient:
        token = self._get_token()

        def ask() -> SigstoreClient:
            with self._context.signer(token) as client:
                return client

        return _translated(ask)

    def __repr__(self) -> str:
        return f"KeylessSigner({self.name!r})"


def open_signer(uri: str, ask_passphrase: AskPassphrase | None = None) -> KeylessSigner:
    """Get a certificate for the identity at hand.

    The token comes from the file that the URI names, else from the environment (GitHub,
    GitLab, Google Cloud, Buildkite, CircleCI), else from a person, where one can be asked.

    Args:
        uri: See the module; without a trust configuration, the public-good instance signs.
        ask_passphrase: Given where a person can be asked.

    Raises:
        SigningError: SIGNER_URI_INVALID, IDENTITY_TOKEN_INVALID, KEY_UNREADABLE,
            SIGNER_UNREACHABLE or SIGNER_DENIED.
    """
    from sigstore.sign import SigningContext  # noqa: PLC0415 - slow to import

    options = _parse(uri)
    config = _trust_config(options.trust_config)
    # older verifiers refuse entries of version 2; no verifier refuses version 1
    config.force_tlog_version = options.rekor_version
    try:
        context = SigningContext.from_trust_config(config)
    except Exception as error:
        raise _config_invalid(options.trust_config, error) from error
    with_person = ask_passphrase is not None
    return KeylessSigner(context, lambda: _token(options, config, with_person=with_person))


def _parse(uri: str) -> _Options:
    try:
        parts = urlsplit(uri)
        query = parse_qsl(parts.query, strict_parsing=True) if parts.query else []
    except ValueError as error:
        raise _invalid("it cannot be parsed") from error
    given = dict(query)
    if parts.scheme != "sigstore" or parts.netloc or parts.path or parts.fragment:
        raise _invalid("it has options and nothing else")
    if len(given) != len(query) or not given.keys() <= _OPTIONS:
        raise _invalid("it has an unknown option, or one twice")
    version = given.get("rekor-version", "1")
    if version not in ("1", "2") or not all(given.values()) or "\0" in uri:
        raise _invalid("an option has no usable value")
    token_file, config = given.get("token-file"), given.get("trust-config")
    return _Options(
        Path(token_file) if token_file else None, Path(config) if config else None, int(version)
    )


def _trust_config(path: Path | None) -> ClientTrustConfig:
    from sigstore.models import ClientTrustConfig  # noqa: PLC0415 - slow to import

    if path is None:
        return _translated(ClientTrustConfig.production)
    try:
        with path.open("rb") as stream:
            data = stream.read(_LIMIT + 1)
        if len(data) > _LIMIT:
            raise ValueError(f"larger than {_LIMIT} bytes")
        config = ClientTrustConfig.from_json(data.decode("utf-8"))
        _ = config.trusted_root, config.signing_config
    except Exception as error:
        raise _config_invalid(path, error) from error
    return config


def _token(options: _Options, config: ClientTrustConfig, *, with_person: bool) -> IdentityToken:
    from sigstore.oidc import (  # noqa: PLC0415 - slow to import
        IdentityError,
        IdentityToken,
        Issuer,
        detect_credential,
    )

    try:
        if options.token_file is not None:
            return IdentityToken(read_token(options.token_file, "identity token"))
        found = detect_credential()
        if found is not None:
            return IdentityToken(found)
    except IdentityError as error:
        # its text holds no token
        where = str(options.token_file or "environment")
        raise _token_invalid(str(error) or "it was refused", where) from error
    if not with_person:
        raise _token_invalid("there is no token file, and none in the environment")
    return _translated(lambda: Issuer(config.signing_config.get_oidc_url()).identity_token())


def _translated(act: Callable[[], _Result]) -> _Result:
    """Run a call of sigstore-python, again if a service was away for a moment.

    A step that took hours is not lost to a log that was busy. A second entry does no harm.
    """
    return PATIENCE.retry(lambda: _once(act), SigningError, _may_come_back)


def _may_come_back(error: Exception) -> bool:
    return isinstance(error, SigningError) and error.code is Code.SIGNER_UNREACHABLE


def _once(act: Callable[[], _Result]) -> _Result:
    """Its errors, which are of many families, become ours."""
    from sigstore.sign import ExpiredCertificate  # type: ignore[attr-defined]  # noqa: PLC0415

    try:
        return act()
    except (SigningError, ExpiredCertificate):
        raise
    except Exception as error:  # noqa: BLE001 - no common base: network, TUF, HTTP, OIDC, values
        _fail(error)


def _fail(error: Exception) -> NoReturn:
    from sigstore.oidc import ExpiredIdentity, IdentityError  # noqa: PLC0415

    if isinstance(error, ExpiredIdentity | IdentityError):
        raise _token_invalid(str(error) or "it has expired") from error
    status = _http_status(error)
    denied = status in _REFUSED
    raise SigningError(
        Code.SIGNER_DENIED if denied else Code.SIGNER_UNREACHABLE,
        "Sigstore refused to certify or to log" if denied else "Sigstore cannot be reached",
        found=reason_of(error) + (f" (HTTP {status})" if status else ""),
        remedy="check the token's issuer and audience, which Fulcio must know"
        if denied
        else "check the network and the trust configuration, and try again",
    ) from error


def _http_status(error: BaseException) -> int | None:
    """Status that a service answered with, wherever in the chain of errors it stands."""
    chain: list[BaseException] = [error]
    for cause in chain:  # grows while it is read
        response = getattr(cause, "response", None)
        if response is not None:
            return int(response.status_code)
        inner = (cause.__cause__, cause.__context__, *cause.args)
        chain += [found for found in inner if isinstance(found, BaseException)]
    return None


def _config_invalid(path: Path | None, error: Exception) -> SigningError:
    return SigningError(
        Code.SIGNER_URI_INVALID,
        "the trust configuration of the Sigstore instance cannot be used",
        where=str(path or "public-good instance"),
        expected="JSON of a Sigstore client trust configuration",
        found=reason_of(error),
        remedy="ask whoever runs the instance for its trust configuration",
    )


def _token_invalid(reason: str, where: str = "") -> SigningError:
    return SigningError(
        Code.IDENTITY_TOKEN_INVALID,
        "there is no identity token that can be used",
        where=where,
        expected="an OpenID Connect token with the audience sigstore, valid now",
        found=printable(reason, 500),
        remedy="name a token file: sigstore:?token-file=FILE",
    )


def _invalid(reason: str) -> SigningError:
    return SigningError(
        Code.SIGNER_URI_INVALID,
        f"the signer's URI is not usable: {reason}",
        expected=_USAGE,
        remedy="the token itself never belongs into the URI",
    )
