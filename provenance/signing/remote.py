"""Keys that others keep: their signatures are believed only when they hold."""

from __future__ import annotations

from abc import abstractmethod
from typing import NoReturn

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import (  # type: ignore[attr-defined]
    Key,
    SecretsHandler,
    Signature,
    Signer,
)

from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError
from kfp_provenance.signing.keys import PublicKey


class RemoteKey(Signer):
    """A key that a service keeps, under our hint of it; its representation shows no secret.

    Args:
        public: The key's public half, as it was read.
        where: How errors name the key.
    """

    def __init__(self, public: PublicKey, where: str) -> None:
        self._public = public
        self._where = where

    @abstractmethod
    def ask(self, payload: bytes) -> bytes:
        """Have the service sign; DER.

        Raises:
            SigningError: If it does not.
        """

    @property
    def public_key(self) -> Key:
        """The public half, as securesystemslib verifies with it."""
        return self._public.verifier

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> NoReturn:
        """Not used: ``open_signer`` reads URIs."""
        raise NotImplementedError

    def sign(self, payload: bytes) -> Signature:
        """A signature that the public key verifies.

        A service that signs with another key or version than it announced, or an answer that
        was changed on its way, would otherwise be found by whoever verifies the bundle.

        Raises:
            SigningError: SIGNATURE_INVALID, and what ``ask`` raises.
        """
        made = Signature(self._public.hint, self.ask(payload).hex())
        try:
            self._public.verifier.verify_signature(made, payload)
        except UnverifiedSignatureError as error:
            raise SigningError(
                Code.SIGNATURE_INVALID,
                "the signature that came back is not one of the key that was read",
                where=self._where,
                expected=f"a signature of key {self._public.hint}",
                found="another one",
                remedy="open the signer again: the name may stand for another key by now",
            ) from error
        return made


def denied(where: str, found: str, remedy: str) -> SigningError:
    """When a cloud does not know us, or does not let us."""
    return SigningError(
        Code.SIGNER_DENIED,
        "the key service does not allow this key, or there are no credentials for it",
        where=where,
        found=found,
        remedy=remedy,
    )


def no_such_key(where: str, found: str) -> SigningError:
    """When there is no key to sign with."""
    return SigningError(
        Code.KEY_UNREADABLE,
        "the key service has no such key, or cannot sign with it",
        where=where,
        expected="an enabled key for signing on P-256",
        found=found,
        remedy="check the name of the key and its state",
    )


def unreachable(where: str, found: str) -> SigningError:
    """When it does not answer."""
    return SigningError(
        Code.SIGNER_UNREACHABLE,
        "the key service does not answer, or is too busy",
        where=where,
        found=found,
        remedy="check the network and the status of the service, then try again",
    )
