"""A session with one server of HashiCorp Vault or OpenBao, about one key.

Errors are raised without their cause: those of hvac hold addresses and whole answers.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import TypeVar

import hvac
import requests
from hvac.exceptions import VaultError
from pydantic import BaseModel, ValidationError
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError
from kfp_provenance.signing.vault.answers import KeyAnswer, LoginAnswer, SignAnswer
from kfp_provenance.signing.vault.login import read_credential
from kfp_provenance.signing.vault.refusals import (
    DeniedError,
    key_refusal,
    login_refusal,
    odd_answer,
)
from kfp_provenance.signing.vault.server import Server
from kfp_provenance.signing.vault.uri import TransitKey

_Model = TypeVar("_Model", bound=BaseModel)
_TIMEOUT = (5.0, 15.0)
"""Seconds to connect, and to wait for an answer."""
_BUSY = (429, 500, 502, 503, 504)


class TransitSession:
    """Asks about the key and has it sign; logs in, and once more when the token has expired.

    Args:
        server: The server.
        key: The key and how to log in.
        where: How errors name the key.
    """

    def __init__(self, server: Server, key: TransitKey, where: str) -> None:
        self._key = key
        self._where = where
        self._secrets: set[str] = set()
        self._worked = False
        """Whether the token we have was ever good enough."""
        self._client = _client(server)

    def read_key(self) -> KeyAnswer:
        """The key as it is now.

        Raises:
            SigningError: SIGNER_UNREACHABLE, SIGNER_DENIED or KEY_UNREADABLE.
            SettingsError: SETTING_INVALID if there is nothing to log in with.
        """
        transit = self._client.secrets.transit
        name, mount = self._key.name, self._key.mount
        return self._ask(lambda: transit.read_key(name, mount_point=mount), KeyAnswer)

    def sign(self, digest: bytes, version: int) -> str:
        """Signature of a SHA-256 digest, as the server writes it.

        Raises:
            SigningError: As ``read_key``; RejectedError if it answers and does not sign.
        """
        transit = self._client.secrets.transit
        text = base64.b64encode(digest).decode("ascii")

        def sign() -> object:
            # a version that is left out would be the latest at that moment
            return transit.sign_data(
                self._key.name,
                hash_input=text,
                key_version=version,
                hash_algorithm="sha2-256",
                prehashed=True,
                marshaling_algorithm="asn1",
                mount_point=self._key.mount,
            )

        return self._ask(sign, SignAnswer).signature

    def _ask(self, action: Callable[[], object], model: type[_Model]) -> _Model:
        if not self._client.token:
            self._log_in()
        try:
            answer = self._once(action)
        except DeniedError as denied:
            if not self._worked or not self._log_in_again(denied):
                self._client.token = ""  # whoever asks again logs in anew
                raise
            answer = self._once(action)
        self._worked = True
        return self._read(answer, "data", model)

    def _once(self, action: Callable[[], object]) -> object:
        try:
            return action()
        except (VaultError, OSError) as error:  # the errors of requests are OSErrors
            raise key_refusal(error, self._key, self._where, self._secrets) from None

    def _log_in_again(self, denied: SigningError) -> bool:
        """A new token for one that may have expired; False if there is none."""
        before, self._worked = self._client.token, False
        try:
            self._log_in()
        except SigningError as error:
            if error.code is not Code.SIGNER_DENIED:
                raise
            denied.found += f"; and a new login was refused: {error.found}"
            return False
        return bool(self._client.token != before)

    def _log_in(self) -> None:
        login = self._key.login
        credential = read_credential(login)
        self._secrets.add(credential.secret)
        if login.method == "token":
            self._client.token = credential.secret
            return
        self._client.token = ""  # is not sent along with a login
        auth = self._client.auth

        def log_in() -> object:
            options = {"use_token": False, "mount_point": login.mount}
            if login.method == "approle":
                return auth.approle.login(credential.role, credential.secret, **options)
            return auth.kubernetes.login(credential.role, credential.secret, **options)

        try:
            answer = log_in()
        except (VaultError, OSError) as error:
            raise login_refusal(error, login, self._where, self._secrets) from None
        token = self._read(answer, "auth", LoginAnswer).client_token
        self._secrets.add(token)
        self._client.token = token

    def _read(self, answer: object, part: str, model: type[_Model]) -> _Model:
        if not isinstance(answer, Mapping):
            raise odd_answer(self._where, f"HTTP {getattr(answer, 'status_code', '')}")
        try:
            return model.model_validate(answer.get(part))
        except ValidationError:  # shows what it found, which may be a token
            raise odd_answer(self._where, "JSON with other fields") from None


def _client(server: Server) -> hvac.Client:
    session = requests.Session()
    session.trust_env = False  # no proxy, no .netrc, no other authorities by the environment
    session.verify = str(server.authorities) if server.authorities else True
    # signing and logging in may be repeated: neither leaves anything behind in the server
    patience = Retry(
        total=3,
        other=0,
        backoff_factor=0.25,
        status_forcelist=_BUSY,
        allowed_methods=None,
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    session.mount(server.address, HTTPAdapter(max_retries=patience))
    return hvac.Client(
        url=server.address,
        token="",
        timeout=_TIMEOUT,
        session=session,
        allow_redirects=False,  # requests would send the token along to wherever it is sent
        namespace=server.namespace or None,
    )
