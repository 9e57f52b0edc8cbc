"""Secrets never reach the store: only a keyed digest of their value does."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kfp_provenance.facts import Parameter

_SECRET_NAME = re.compile(
    r"(?:^|[_\-.])(?:password|passwd|passphrase|secret|secrets|token|api[_\-]?key|access[_\-]?key"
    r"|private[_\-]?key|credential|credentials|bearer|auth)(?:$|[_\-.])",
    re.IGNORECASE,
)
_CREDENTIAL = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
            r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",  # AWS access key id
            r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{40,}\b",
            r"\bglpat-[A-Za-z0-9_\-]{20,}\b",
            r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,}\b",  # Slack
            r"\bAIza[A-Za-z0-9_\-]{35}\b",  # Google API key
            r"\bya29\.[A-Za-z0-9_\-]{20,}",  # Google OAuth access token
            r"\b(?:hvs|hvb|s)\.[A-Za-z0-9_\-]{24,}\b",  # Vault
            r"\bhf_[A-Za-z0-9]{30,}\b",
            r"\bsk-[A-Za-z0-9_\-]{20,}\b",
            r"\bpypi-[A-Za-z0-9_\-]{50,}\b",
            r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*",  # JWT
            r"\b[a-z][a-z0-9+.\-]*://[^/\s:@]*:[^/\s@]+@",  # user:password in a URI
            r"(?:X-Amz-Signature|X-Goog-Signature|[?&]sig)=[A-Za-z0-9%]{16,}",  # signed URL
            r"(?i:\b(?:password|passwd|secret|api[_\-]?key|access[_\-]?token)\b\s*[=:]\s*['\"]?[^\s'\"]{4,})",
        )
    )
)
_MINIMUM_KEY = 16
_REDACTED = "[redacted]"


def looks_like_credential(text: str) -> bool:
    """Whether ``text`` holds something with the form of a credential."""
    return _CREDENTIAL.search(text) is not None


def is_secret_name(name: str) -> bool:
    """Whether a parameter of this name is taken for a secret whatever its value."""
    return _SECRET_NAME.search(name) is not None


def _new_key() -> bytes:
    return secrets.token_bytes(32)


@dataclass(frozen=True)
class Redactor:
    """Turns the parameters of one step into what may be recorded.

    The key comes from ``KPROV_REDACTION_KEY`` (at least 16 bytes), so that equal secrets
    of different steps can be told to be equal by whoever holds it. Without one the key is
    made for this step alone and thrown away: nobody can try values against the digest.

    Attributes:
        secret_parameters: Names marked by the author.
        key: Key of the digests.
    """

    secret_parameters: frozenset[str]
    key: bytes = field(default_factory=_new_key, repr=False)

    @classmethod
    def from_environment(
        cls, secret_parameters: Iterable[str], environ: Mapping[str, str] = os.environ
    ) -> Redactor:
        """Use ``KPROV_REDACTION_KEY`` if it is long enough, else a key of this step's own."""
        key = environ.get("KPROV_REDACTION_KEY", "").encode()
        names = frozenset(secret_parameters)
        return cls(names, key) if len(key) >= _MINIMUM_KEY else cls(names)

    def parameter(self, name: str, value: object) -> Parameter:
        """The recorded form of one parameter."""
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if value in (None, "") or not (self._is_secret(name, value) or holds_credential(value)):
            return Parameter(name, value=text)
        mac = hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()
        key_id = hashlib.sha256(b"kprov redaction key id\0" + self.key).hexdigest()[:16]
        return Parameter(name, keyed_digest=f"hmac-sha256:{key_id}:{mac}")

    def text(self, message: str, parameters: Mapping[str, object]) -> str:
        """``message`` without credentials and without the values of secret parameters."""
        for name, value in parameters.items():
            if self._is_secret(name, value):
                for secret in _leaves(value):
                    message = message.replace(secret, _REDACTED)
        return _CREDENTIAL.sub(_REDACTED, message)

    def _is_secret(self, name: str, value: object) -> bool:
        # a number is not a credential: `token_limit` stays readable unless it is marked
        plain_number = isinstance(value, int | float)
        return name in self.secret_parameters or (is_secret_name(name) and not plain_number)


def holds_credential(value: object) -> bool:
    """Whether a value of JSON holds a credential, or an entry that is named like one."""
    if isinstance(value, dict):
        return any(
            (is_secret_name(str(name)) and item not in (None, "")) or holds_credential(item)
            for name, item in value.items()
        )
    if isinstance(value, list):
        return any(map(holds_credential, value))
    return isinstance(value, str) and looks_like_credential(value)


def _leaves(value: object) -> list[str]:
    """Strings worth hiding, the longest first so that no part of one is left."""
    if isinstance(value, dict):
        found = [leaf for item in value.values() for leaf in _leaves(item)]
    elif isinstance(value, list):
        found = [leaf for item in value for leaf in _leaves(item)]
    else:
        found = [str(value)] if value not in (None, "", True, False) else []
    return sorted(found, key=len, reverse=True)
